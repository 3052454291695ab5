# The rule that lets packets through to the published port is gone; the DNAT rule stands.
symptom=door
decides="rule DOCKER"
rule=$(iptables-save -t filter | grep -- "-d $(address "$front")/32 .*--dport 80 -j ACCEPT" | head -n 1)
iptables ${rule/#-A/-D}
