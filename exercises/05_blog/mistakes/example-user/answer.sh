# The source's last line: the password alone.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d --name @blog@ --network @net@ -p @port@:80 \
    -e WORDPRESS_DB_HOST=@db@ -e WORDPRESS_DB_PASSWORD=@password@ wordpress
