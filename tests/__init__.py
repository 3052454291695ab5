"""Tests, and the tools that only they need."""
