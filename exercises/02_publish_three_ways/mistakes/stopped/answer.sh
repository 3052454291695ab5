docker run -d --name @shop@ -p @shop_port@:80 busybox
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
