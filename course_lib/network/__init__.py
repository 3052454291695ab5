"""Model a Docker network at one moment as pure data, and describe it in text.

`parse_facts.snapshot` turns raw facts into a `model.Snapshot`: frozen, sorted, without live handles. The other modules
read one: `iptables_save` parses rules, `hooks` selects them in the kernel's order, `topology` builds the graph of what
is connected to what, `describe` puts the network into sentences and tables, `diff` compares two snapshots, `provenance`
names the evidence for each part. Nothing here uses Docker, a process, a clock or the network.
"""
