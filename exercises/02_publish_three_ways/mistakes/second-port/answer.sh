# The desk is published a second time, for everybody.
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 -p 9090:80 nginx
