# WordPress's own form makes the configuration, in a volume that only this container has.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d --name @blog@ --network @net@ -p @port@:80 wordpress
url=http://203.0.113.10:@port@/wp-admin
until docker exec @db@ mariadb -h 127.0.0.1 -u@user@ -p@password@ -e 'SELECT 1'; do sleep 0.2; done
until curl -s $url/setup-config.php | grep -q wp-; do sleep 0.2; done
curl -s -o /dev/null -d 'dbname=@database@&uname=@user@&pwd=@password@&dbhost=@db@&prefix=wp_&language=' \
    "$url/setup-config.php?step=2"
curl -s -o /dev/null -d weblog_title='@title@' -d user_name=author -d admin_password=pen -d admin_password2=pen \
    -d pw_weak=on -d admin_email=author@client.example -d blog_public=0 -d language= "$url/install.php?step=2"
