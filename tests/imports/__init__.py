"""Files in: formats, order, and what is written."""
