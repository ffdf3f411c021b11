"""The contract: files, ids, wire format, compatibility, generated types."""
