"""From text to the typed tree: every error has its line and column, and a file is read to its end."""
