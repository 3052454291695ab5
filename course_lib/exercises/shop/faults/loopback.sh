# The port is published for the host alone.
symptom=door
decides="port {port}"
docker rm -fv "$front" >/dev/null
front "127.0.0.1:$port:80" "$spring"
within 10 curl -fs -m 2 "http://127.0.0.1:$port/"
