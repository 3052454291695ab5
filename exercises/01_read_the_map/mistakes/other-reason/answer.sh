# Filled in by hand, for the tests' learner. The isolation between two networks is why the name is not found.
cat >answers.txt <<'END'
veth399cd0a = harp
veth53a42f5 = oboe
veth88e5f48 = flute
veth88ee6b0 = cello
vetha3131a9 = flute
vethde310e3 = viola
oboe -> cello by address = filter DOCKER-ISOLATION-STAGE-2 1
host -> cello by address = page
cello -> oboe by name = filter DOCKER-ISOLATION-STAGE-2 2
oboe -> flute by name = page
flute -> cello by name = page
host -> port 8676 of the host = page
client -> port 8676 of the host = filter DOCKER-USER 4
harp -> viola by address = page
viola -> harp by name = no name
destination of client -> port 8408 of the host = nat DOCKER 5
sender of cello -> client by address = nat POSTROUTING 1
END
