"""Tests of course_lib/notebook."""
