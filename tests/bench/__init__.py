"""Measurements, and the peers that they are made against."""
