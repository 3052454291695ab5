"""One packet's path through the lab: send a real request, collect what the kernel says, tell what happened.

`request` reads what was typed, `capture` sends it and returns the raw evidence of nft, conntrack, tcpdump and ss.
`reconstruct.way_of` makes a `model` of the path from that evidence, purely. `path_table` and `narrative` put it into
words, `overlay` and `player` draw it. (A wing called `journey` would hide the function `course_lib.journey`.)
"""
