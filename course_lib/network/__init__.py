"""Model a Docker network at one moment as pure data, and describe it in text.

`parse_facts.snapshot` turns raw facts into a `model.Snapshot`: frozen, sorted, without live handles. The other modules
read one: `iptables_save` parses rules, `hooks` selects them in the kernel's order, `topology` builds the graph of what
is connected to what, `placement` and `grouping` say what is drawn where and what is drawn as one, `describe` puts the
network into sentences and tables (with `wording`, `rule_text`, `text_table`), `diff` compares two snapshots,
`provenance` names the evidence for each part. `sections` splits the output of scripts in a lab. Nothing here uses
Docker, a process, a clock or the network.
"""
