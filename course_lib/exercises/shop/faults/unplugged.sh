# The host's end of the veth pair of the front end is no port of the bridge.
symptom=door
decides="link {front}"
ip link set "$(veth "$front")" nomaster
