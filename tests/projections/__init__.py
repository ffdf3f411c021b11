"""What is projected, and what reports say of it."""
