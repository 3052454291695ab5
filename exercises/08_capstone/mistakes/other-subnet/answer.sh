# All three /26 lie in one /24, and the first network takes all of it. For the next ones nothing is left.
docker network create --subnet $(echo @edge_subnet@ | sed 's/26$/24/') --gateway @edge_gateway@ @edge@
docker network create --subnet @lane_subnet@ @lane@
docker network create --subnet @vault_subnet@ --internal @vault@
