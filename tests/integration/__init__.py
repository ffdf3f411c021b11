"""Tests of the parts on the real servers."""
