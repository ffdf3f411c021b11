"""What others would write: the same work, the ordinary way."""
