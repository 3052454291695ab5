# The web server uses the network namespace of another container, which has the published port.
docker run -d --name pod -p @shop_port@:80 busybox sleep 86400
docker run -d --name @shop@ --network container:pod nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 80 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
