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

# The nodes of both clusters open more watches than many a machine allows: https://kind.sigs.k8s.io/docs/user/known-issues/.
instances=$(cat /proc/sys/fs/inotify/max_user_instances 2>/dev/null || echo 512)
if [ "$instances" -lt 512 ]; then
  echo "up.sh: fs.inotify.max_user_instances is $instances; where pods fail with 'too many open files':" >&2
  echo "  sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288" >&2
fi

# kind cannot load what Docker's containerd image store saves of an image with attestations (kubernetes-sigs/kind#3795).
BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --tag "$image" "$root"

for cluster in west east; do
  context=kind-$cluster
  found=yes
  if ! kind get clusters | grep -qx "$cluster"; then
    found=no
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
  # Pods of a cluster that was there go on with the image, and the addresses, of before.
  if [ "$found" = yes ]; then
    kubectl --context "$context" rollout restart deployment --namespace isthmus-system
  fi
done

for cluster in west east; do
  for component in identity gateway mirror; do
    kubectl --context "kind-$cluster" rollout status "deployment/isthmus-$component" \
      --namespace isthmus-system --timeout 180s
  done
done

node "$root/cli/isthmus.js" link kind-west kind-east
