"""Measurements, run by hand: nothing here passes or fails."""
