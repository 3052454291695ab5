# The last form is not filled in.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d --name @blog@ --network @net@ -p @port@:80 \
    -e WORDPRESS_DB_HOST=@db@ -e WORDPRESS_DB_NAME=@database@ \
    -e WORDPRESS_DB_USER=@user@ -e WORDPRESS_DB_PASSWORD=@password@ wordpress
