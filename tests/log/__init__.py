"""What is shared of the log."""
