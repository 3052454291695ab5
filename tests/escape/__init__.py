"""Attempts to reach from a lab what is outside of it."""
