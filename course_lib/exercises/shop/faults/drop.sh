# A rule in DOCKER-USER drops what goes to the front end.
symptom=door
decides="rule DOCKER-USER"
iptables -I DOCKER-USER -d "$(address "$front")" -p tcp --dport 80 -j DROP
