"""The course as people use it: in a browser, on a hub, on a bad day, and what SECURITY.md says."""
