"""Tests of course_lib/packet_path."""
