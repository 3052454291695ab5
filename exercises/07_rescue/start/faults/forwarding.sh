# The kernel forwards nothing.
symptom=door
sysctl -qw net.ipv4.ip_forward=0
