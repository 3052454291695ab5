# The web server listens on the loopback interface of its container only.
symptom=door
decides="process {front}"
docker exec "$front" sed -i "s/^Listen 80$/Listen 127.0.0.1:80/" /etc/apache2/ports.conf
docker restart -t 1 "$front" >/dev/null
