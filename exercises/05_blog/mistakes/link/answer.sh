# The source's way, on the default bridge.
docker run -d -it --name @db@ busybox
docker run -d -it --name @blog@ --link @db@:mysql busybox
