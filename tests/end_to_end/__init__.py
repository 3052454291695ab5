"""Test the course as people use it: in a browser, on a hub, when something fails; and the claims of SECURITY.md."""
