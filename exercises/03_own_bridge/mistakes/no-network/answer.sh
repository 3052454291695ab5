# The default bridge, and a link instead of names.
docker run -d --name @server@ nginx
docker run -d -it --name @caller@ --link @server@:@alias@ busybox
