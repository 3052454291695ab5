# The blog first, on docker0, and plugged in later; folders of the host; the database and its user made by hand; the
# configuration by WordPress's own form; a name that is only on that network.
docker network create --internal @net@
docker run -d --name @blog@ -v /srv/@blog@:/var/www/html -p @port@:80 wordpress
docker network connect @net@ @blog@
docker run -d --name @db@ --network @net@ --network-alias db.@net@ --mount type=volume,source=words,target=/var/lib/mysql \
    -e MYSQL_ROOT_PASSWORD=root-@password@ mariadb
sql() { docker exec -i @db@ mariadb -h 127.0.0.1 -proot-@password@; }
until sql <<<'SELECT 1'; do sleep 0.2; done
sql <<'END'
CREATE DATABASE @database@;
CREATE USER @user@ IDENTIFIED BY '@password@';
GRANT ALL ON @database@.* TO @user@;
END
url=http://203.0.113.10:@port@/wp-admin
until curl -s $url/setup-config.php | grep -q wp-; do sleep 0.2; done
curl -s -o /dev/null -d 'dbname=@database@&uname=@user@&pwd=@password@&dbhost=db.@net@&prefix=my_&language=' \
    "$url/setup-config.php?step=2"
curl -s -o /dev/null -d weblog_title='@title@' -d user_name=author -d admin_password=pen -d admin_password2=pen \
    -d pw_weak=on -d admin_email=author@client.example -d blog_public=0 -d language= "$url/install.php?step=2"
