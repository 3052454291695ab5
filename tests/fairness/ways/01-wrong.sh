# shellcheck shell=bash disable=all
# Wrong answers to exercise 01 that a check might take for right, as changes of its solution; `## NAME` begins each.
## every answer stands on one line
#=
tr '\n' ' ' <answers.txt >one && mv one answers.txt
## no request gets a page
#=
sed -i '/->/s/= page/= no name/' answers.txt
## nothing stops a request
#=
sed -i '/^[a-z]* -> /s/= .*/= page/' answers.txt
## the empty sheet
cp /root/map.txt answers.txt
## two answers to each question
#=
sed 's/= .*/= page/' answers.txt >>answers.txt
## the answers without their questions
#=
sed -i 's/.*= //' answers.txt
## the rules' numbers begin with 0
#=
perl -i -pe 's/(\d+)$/$1 - 1/e if / = \w+ [A-Z0-9-]+ \d+$/' answers.txt
## the file has another name
#=
mv answers.txt answer.txt
