"""Tests of course_lib/lab."""
