"""The records as Python types, made from the .avsc files."""
