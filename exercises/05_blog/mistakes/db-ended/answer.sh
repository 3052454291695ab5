# The database was not told a password for its root.
docker network create @net@
docker run -d --name @db@ --network @net@ mariadb
docker run -d -it --name @blog@ --network @net@ busybox
