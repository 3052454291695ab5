# The way out carries less, and the host does not say so.
symptom=catalogue
decides="link eth0, rule OUTPUT"
ip link set eth0 mtu 1300
iptables -I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP
