"""Test data in the format of notebooks/claims/, and tests of it."""
