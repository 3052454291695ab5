docker build -q -t genid .
docker run -d --init --name genid -v @folder@:/webdata genid
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
