"""Tests of course_lib/picture."""
