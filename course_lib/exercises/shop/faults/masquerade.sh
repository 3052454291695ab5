# The rule that hides the network behind the host is gone.
symptom=rates
decides="rule POSTROUTING"
iptables -t nat -D POSTROUTING -s "$subnet" ! -o "$(bridge)" -j MASQUERADE
conntrack -F >/dev/null 2>&1 # what is under way keeps its translation
