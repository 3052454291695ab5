"""What a Docker network is at one moment, as pure data, and everything that can be said about it in words.

`parse_facts.snapshot` turns raw facts into a `model.Snapshot`: frozen, sorted, without live handles. Everything else
here reads one: `iptables_save` parses rules, `hooks` orders them as the kernel tries them, `topology` says what is
connected to what, `describe` puts it into words, `diff` says what changed, `provenance` says where a part comes from.
Nothing here touches Docker, a process, a clock or the network.
"""
