# The fault shows the symptom that the ticket tells of; what does not fall with it still stands.
shown() { if "$symptom"; then return 1; fi; }
within 10 shown || { echo "The fault shows nothing: $symptom still works."; exit 1; }
[ "$symptom" = door ] || within 5 door || { echo "More is broken than the ticket says."; exit 1; }
rm -f /tmp/index.php /tmp/catalogue.txt /tmp/shop.ini /tmp/order.php /tmp/rates.php
