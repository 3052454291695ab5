# A folder that was filled before, with another password.
docker network create @net@
docker run -d --name @db@ -v /dbdata:/var/lib/mysql -e MYSQL_ROOT_PASSWORD=wordpress mariadb
until docker exec @db@ mariadb -h 127.0.0.1 -pwordpress -e 'SELECT 1'; do sleep 0.2; done
docker rm -f @db@
docker run -d --name @db@ --network @net@ -v /dbdata:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d -it --name @blog@ --network @net@ busybox
