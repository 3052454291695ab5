"""Tests of course_lib/network."""
