# The host's end of the veth pair of the database is down.
symptom=order
decides="link {ledger}"
ip link set "$(veth "$ledger")" down
