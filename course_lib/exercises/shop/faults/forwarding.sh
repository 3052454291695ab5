# The kernel forwards nothing.
symptom=door
decides="setting ip_forward"
sysctl -qw net.ipv4.ip_forward=0
