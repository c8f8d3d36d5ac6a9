#!/bin/sh
# Creates two kind clusters, west and east, installs Isthmus in both and links them.
# Needs kind, kubectl, Docker and, in a checkout, `npm ci`; run it from anywhere. `kind delete clusters west east` undoes it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
image=isthmus:0.1.0
# A NodePort stands for the load balancer that kind does not have.
node_port=30143

# A checkout has the Node it needs.
PATH=$root/node_modules/.bin:$PATH

for program in kind kubectl docker node; do
  if ! command -v "$program" >/dev/null 2>&1; then
    echo "up.sh: $program is missing" >&2
    exit 2
  fi
done

if ! node "$root/cli/isthmus.js" --version >/dev/null; then
  echo "up.sh: run npm ci in $root first" >&2
  exit 2
fi

docker build --tag "$image" "$root"

for cluster in west east; do
  context=kind-$cluster
  if ! kind get clusters | grep -qx "$cluster"; then
    kind create cluster --config "$here/$cluster.yaml" --wait 120s
  fi
  kind load docker-image "$image" --name "$cluster"

  kubectl --context "$context" apply -f "$root/manifests/crds"
  kubectl --context "$context" apply -f "$root/manifests/install/namespace.yaml"

  # Peers are told the addresses of the nodes, which all kind clusters of a machine can reach.
  addresses=$(kubectl --context "$context" get nodes \
    --selector '!node-role.kubernetes.io/control-plane' \
    --output "jsonpath={range .items[*]}{.status.addresses[?(@.type=='InternalIP')].address}:$node_port{','}{end}")
  kubectl --context "$context" create configmap isthmus-cluster --namespace isthmus-system \
    --from-literal=clusterName="$cluster" --from-literal=advertise="${addresses%,}" \
    --dry-run=client --output yaml | kubectl --context "$context" apply -f -
  kubectl --context "$context" apply -k "$root/manifests/install"
  kubectl --context "$context" patch service isthmus-gateway-external --namespace isthmus-system \
    --patch "{\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"name\":\"link\",\"port\":4143,\"targetPort\":\"link\",\"nodePort\":$node_port}]}}"
done

for cluster in west east; do
  for component in identity gateway mirror; do
    kubectl --context "kind-$cluster" rollout status "deployment/isthmus-$component" \
      --namespace isthmus-system --timeout 180s
  done
done

node "$root/cli/isthmus.js" link kind-west kind-east
