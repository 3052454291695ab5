# The front end asks a name server that is not there.
symptom=order
decides="resolver {front}, resolver 203.0.113.99"
docker exec "$front" sh -c "echo nameserver 203.0.113.99 >/etc/resolv.conf"
