# A user, and no database.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d -it --name @blog@ --network @net@ busybox
