"""What the cells of a notebook call.

`chapter` begins and ends a notebook and shows the network, `magics` are `%%host`, `%%client` and `%%answer`,
`journeys` is `journey()`, `panel` the live picture, `prediction` a question that the lab answers, `practice` what an
exercise's notebook uses, `compare` what the appendix on engines uses.
"""
