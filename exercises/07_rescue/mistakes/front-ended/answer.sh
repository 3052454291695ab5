# Turn it off and on again, half done.
docker restart -t 1 @ledger@ # mends the cable, the fault of the tests' learner
docker stop -t 1 @front@
