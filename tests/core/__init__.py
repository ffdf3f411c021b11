"""The rule book: a file per rule area, a test per rule, in the words of the design."""
