# The page comes in a file, and the port is opened on the one address that the client uses.
docker create --name @shop@ --publish 203.0.113.10:@shop_port@:80/tcp nginx
docker cp index.html @shop@:/usr/share/nginx/html/index.html
docker start @shop@
docker run -d --name @blog@ -p 80 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
