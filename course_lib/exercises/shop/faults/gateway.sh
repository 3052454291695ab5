# The front end sends what leaves its network to an address that nobody has.
symptom=door
decides="route {front}"
inside "$front" ip route replace default via "${subnet%.0/24}.253"
