"""Model a Docker network at one moment as pure data, and describe it in text.

`parse_facts.snapshot` turns raw facts into a `model.Snapshot`: frozen, sorted, without live handles. The other modules
read one: `iptables_save` parses rules, `hooks` selects them in the kernel's order, `topology` relates the parts,
`placement` says where each container is drawn and which share a card, `describe` puts the network into sentences and
tables (with `wording` and `text_table`), `diff` compares two snapshots, `provenance` names the evidence for each part,
`relations` what belongs to it, `summary` is a picture's alternative text,
`graph` builds a networkx graph. `sections` splits the output of scripts in a lab. Nothing here uses Docker, a process,
a clock or the network.
"""
