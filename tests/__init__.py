"""Attesa under test: the core's rule book, each part on real servers, the whole as its users meet it."""
