"""The contract: one .avsc per record, versions side by side, and the types made from them."""
