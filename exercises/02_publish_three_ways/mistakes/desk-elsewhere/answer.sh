# Another container has the desk's port.
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ nginx
docker run -d --name admin -p 127.0.0.1:@desk_port@:80 nginx
