# The source's variables: a password, and nobody whose it is.
docker network create @net@
docker run -d --name @db@ --network @net@ -v /dbdata:/var/lib/mysql -e MYSQL_ROOT_PASSWORD=@password@ -e MYSQL_PASSWORD=@password@ mariadb
docker run -d -it --name @blog@ --network @net@ busybox
