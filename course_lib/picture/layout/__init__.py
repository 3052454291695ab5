"""Place each part of a network on a picture: `page.layout`. Adding a container moves nothing that was there before.

Each of the other modules places one kind of part.
"""
