# The blog's user may do everything.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
sql() { docker exec -i @db@ mariadb -h 127.0.0.1 -proot-@password@; }
until sql <<<'SELECT 1'; do sleep 0.2; done
sql <<<"GRANT ALL ON *.* TO @user@"
docker run -d -it --name @blog@ --network @net@ busybox
