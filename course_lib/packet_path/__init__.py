"""Follow one packet's path through the lab: send a real request, record what the kernel reports, and explain it.

`request.request` parses what was typed, and `capture.gather` sends it and returns its `evidence`: the output of nft,
conntrack, tcpdump and ss. `nft_trace`, `observations` and `rule_handles` parse these; `path_builder` puts the steps in
order, `continuity` checks that they join, `tried` finds the rules that did not match, `outcome` says how the request
ended, and `reconstruct.path_of` makes the whole a PacketPath (`model`). `lookups` asks the kernel why it went that way.
`wording` puts it into a table and sentences; `waypoints`, `overlay.over` and `player.player` draw it. `reach_ask.reach`
asks who reaches whom (`reach`), `reach_verdict` says what decided, and `reach_view` shows it. All but `capture` and
`reach_ask` is pure.
(A wing named `journey` would hide the function `course_lib.journey`.)
"""
