# Everybody may knock at the database.
docker network create @net@
docker run -d --name @db@ --network @net@ -v @db@-data:/var/lib/mysql -p 3306:3306 -e MARIADB_ROOT_PASSWORD=root-@password@ \
    -e MARIADB_DATABASE=@database@ -e MARIADB_USER=@user@ -e MARIADB_PASSWORD=@password@ mariadb
docker run -d --name @blog@ --network @net@ -p @port@:80 \
    -e WORDPRESS_DB_HOST=@db@ -e WORDPRESS_DB_NAME=@database@ \
    -e WORDPRESS_DB_USER=@user@ -e WORDPRESS_DB_PASSWORD=@password@ wordpress
url=http://203.0.113.10:@port@
until curl -s -o /dev/null -w '%{redirect_url}' $url/ | grep -q install.php; do sleep 0.2; done
curl -s -o /dev/null -d weblog_title='@title@' -d user_name=author -d admin_password=pen -d admin_password2=pen \
    -d pw_weak=on -d admin_email=author@client.example -d blog_public=0 -d language= "$url/wp-admin/install.php?step=2"
