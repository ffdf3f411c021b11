"""What the project runs on, in tests, in the demo and in production."""
