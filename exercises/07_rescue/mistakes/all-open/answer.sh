# "It is the firewall."
docker restart -t 1 @ledger@ # mends the cable, the fault of the tests' learner
iptables -P FORWARD ACCEPT
