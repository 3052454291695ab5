"""Follow one packet's path through the lab: send a real request, record what the kernel reports, and explain it.

`request.request` parses what was typed, and `capture.gather` sends it and returns its `evidence`: the output of nft,
conntrack, tcpdump and ss. `reconstruct.path_of` turns the evidence into a PacketPath (`model`). `path_table.table` and
`narrative.sentences` print it, `overlay.over` and `player.player` draw it. All but `capture` is pure. (A wing named
`journey` would hide the function `course_lib.journey`.)
"""
