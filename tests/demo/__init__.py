"""The demo: its customers, and all of it as its users see it."""
