"""Tests of the dispatcher, its decisions and its channels."""
