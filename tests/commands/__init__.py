"""Tests of course_lib/commands."""
