"""Recorded logs and the facts that were made of them: a change in how the core decides shows here first."""
