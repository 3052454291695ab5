# The host has the address of the front end, too.
symptom=door
ip addr add "$(address "$front")/32" dev "$(bridge)"
