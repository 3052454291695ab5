"""Where each part of a network stands on a picture. Adding a container moves nothing that was there before.

`page.layout` is the entry point; each of the other modules places one kind of part.
"""
