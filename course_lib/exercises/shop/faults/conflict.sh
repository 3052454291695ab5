# The host has the address of the front end, too.
symptom=door
decides="address {address}"
ip addr add "$(address "$front")/32" dev "$(bridge)"
