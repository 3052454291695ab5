# The host's end of the veth pair of the database is down.
symptom=order
ip link set "$(veth "$ledger")" down
