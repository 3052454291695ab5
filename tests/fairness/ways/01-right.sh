# shellcheck shell=bash disable=all
# Right answers to exercise 01 of unusual kinds, as changes of its solution; `## NAME` begins each.
## the lines in another order
#=
sort answers.txt >sorted && mv sorted answers.txt
## with spaces at the ends
#=
sed -i 's/$/  /; s/^/ /' answers.txt
## with the comments of the sheet, and empty lines
#=
{ grep '^#' /root/map.txt; echo; cat answers.txt; echo; } >whole && mv whole answers.txt
## with the line ends of Windows
#=
sed -i 's/$/\r/' answers.txt
## without a line end at its end
#=
printf '%s' "$(cat answers.txt)" >cut && mv cut answers.txt
## everything is removed afterwards
#=
docker rm -f $(docker ps -aq); docker network prune -f
## the rules are removed afterwards
#=
iptables -F DOCKER-USER; iptables -t nat -F
## with one more space at each equals sign
#=
sed -i 's/ = /  =  /' answers.txt
## the sheet itself was completed and copied
#=
sed -i 's/^/ /' answers.txt; sed -i 's/^ //' answers.txt; cp answers.txt /root/map.txt
## each line is there twice
#=
cat answers.txt answers.txt >twice && mv twice answers.txt
## the file is a link
#=
mv answers.txt elsewhere.txt && ln -s elsewhere.txt answers.txt
## requests were sent before
for each in $(docker ps --format '{{.Names}}'); do docker exec $each wget -q -T 1 -O - http://203.0.113.20/ || true; done
#=
