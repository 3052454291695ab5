# The host has learnt by hand a link-layer address of the front end that nobody has.
symptom=door
decides="neighbour {address}"
ip neigh replace "$(address "$front")" lladdr 02:00:00:00:00:99 dev "$(bridge)" nud permanent
