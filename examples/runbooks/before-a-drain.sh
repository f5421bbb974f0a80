#!/bin/sh
# Before a node is drained: if the primary runs on it, a standby on another node takes over first, so that clients
# see a planned switchover and not the end of their primary.
#
#   PGCTL_NAMESPACE=shop examples/runbooks/before-a-drain.sh NODE && kubectl drain NODE --ignore-daemonsets
#
# Ends with 0 when the node holds no primary (any more); else as pgctl did, and the node must not be drained.
set -u

# shellcheck source=examples/runbooks/alert.sh
. "$(dirname "$0")/alert.sh"

node=${1:?"usage: before-a-drain.sh NODE"}

kube() { kubectl ${PGCTL_NAMESPACE:+-n "$PGCTL_NAMESPACE"} ${PGCTL_CONTEXT:+--context "$PGCTL_CONTEXT"} "$@"; }
node_of() { kube get pod "$1" -o 'jsonpath={.spec.nodeName}'; }

# It ends with 4 when something is wrong: whether there is a primary is what counts here.
primary=$(pgctl status -o value=summary.primary)
code=$?
if [ -z "$primary" ]; then
    alert critical "$node is not drained: no primary is known: $(meaning "$code")"
    exit 4
fi
if [ "$(node_of "$primary")" != "$node" ]; then
    echo "the primary $primary does not run on $node"
    exit 0
fi

# The first standby elsewhere that pgctl would promote.
target=
for pod in $(pgctl lag -o 'value=standbys[].pod'); do
    if [ "$(node_of "$pod")" != "$node" ] && pgctl failover --to "$pod" --dry-run -q >/dev/null 2>&1; then
        target=$pod
        break
    fi
done
if [ -z "$target" ]; then
    alert critical "$node is not drained: the primary $primary runs on it, and no standby elsewhere can take over"
    pgctl failover --dry-run -q
    exit 3
fi

# So that nothing new is scheduled there.
kubectl ${PGCTL_CONTEXT:+--context "$PGCTL_CONTEXT"} cordon "$node" >/dev/null || echo "$node could not be cordoned" >&2
outage=$(pgctl failover --to "$target" --yes -o value=writeOutageSeconds)
code=$?
if [ "$code" -ne 0 ]; then
    alert critical "$node is not drained: the switchover to $target did not end well: $(meaning "$code")"
    exit "$code"
fi
echo "$target is the primary; writes were away for ${outage:-an unknown number of} seconds"
echo "when the node is back: kubectl uncordon $node; pgctl rejoin $primary"
