# The containers got a new password; the volume is the old one.
symptom=order
decides="password {ledger}, password {front}, password till, password books"
docker rm -f "$ledger" >/dev/null
ledger "$autumn"
docker exec "$front" sed -i "s/$spring/$autumn/" /etc/shop.ini
within 30 sql "SELECT 1"
