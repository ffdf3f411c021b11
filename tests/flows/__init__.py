"""The flow language."""
