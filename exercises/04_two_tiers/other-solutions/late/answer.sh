# Another server in the back, without a mount. Its name is a second one, and the front end is plugged in while it runs.
docker network create --subnet 10.20.30.0/28 vault
docker create --name @back@ --net vault nginx
sed 's/listen 80/listen @back_port@/; s/proxy_pass.*;/root \/records;/' /srv/front.conf >/tmp/back.conf
docker cp /tmp/back.conf @back@:/etc/nginx/conf.d/default.conf
docker cp /srv/records @back@:/records
docker start @back@
docker run -d --name @front@ -p @port@:8000 nginx
docker network connect vault @front@
sed 's/listen 80/listen 8000/' /srv/front.conf >/tmp/front.conf
docker cp /tmp/front.conf @front@:/etc/nginx/conf.d/default.conf
docker exec @front@ nginx -s reload
