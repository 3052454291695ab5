"""Tests of course_lib/exercises."""
