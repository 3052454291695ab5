"""Tests of tools/, and of the rules that hold for the whole clone."""
