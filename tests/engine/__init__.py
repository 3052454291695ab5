"""Tests of course_lib/engine."""
