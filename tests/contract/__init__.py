"""What outside parts must hold for the project to stand on them."""
