"""Tests of course_lib/setup."""
