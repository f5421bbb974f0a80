#!/bin/sh
# What pgctl is for, on real input: a primary and two standbys that really stream, under a write load. `make demo`
# shows the whole round, `make demo STEP=status|switchover|failover|backup` a part of it. Leaves nothing behind,
# however it ends. The Makefile builds first.
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

step=${1:-all}
case $step in
    all | status | switchover | failover | backup) ;;
    *)
        echo "there is no step $step: make demo STEP=status|switchover|failover|backup, or make demo for the whole round" >&2
        exit 2
        ;;
esac

# The command as it is typed, then what it says. What it ends with is part of the demonstration: only what
# must not fail is `shown` without a word behind it.
shown() {
    printf '\n$ pgctl %s\n' "$*"
    "$bin/pgctl" "$@"
}

wanted() { [ "$step" = all ] || [ "$step" = "$1" ]; }

echo "Starting a primary and two standbys (real PostgreSQL, a small Kubernetes API)..." >&2
start_cluster demo-$$ 2
work=$(mktemp -d)
PGCTL_STORE=$work/backups
export PGCTL_STORE

# The write load: pgbench through the write Service, as an application would; it comes back after an outage.
# shellcheck disable=SC2030 # The variables are those of the load only.
(
    trap 'kill "$child" 2>/dev/null; exit 0' TERM
    eval "$("$bin/pgctl-sandbox" env --name "$name")"
    pgbench --initialize --quiet --scale 1
    while :; do
        pgbench --client 2 --rate 100 --time 600 &
        child=$!
        wait "$child" || true
        sleep 0.1
    done
) >/dev/null 2>&1 &
load=$!
# A look at an idle cluster would show less than it could.
sleep 3
kill -0 "$load" 2>/dev/null || echo "(pgbench could not start: the cluster is idle)" >&2

if wanted status; then
    shown status
    shown lag
fi

if wanted switchover; then
    # How long writes were away is in its report.
    shown failover --to replica-0 --rejoin --yes
fi

if [ "$step" = failover ]; then
    primary=$("$bin/pgctl" status -o value=summary.primary)
    printf '\nThe pod of %s goes, and does not come back (kubectl scale --replicas=0).\n' "$primary"
    kubectl scale statefulset "${primary%-0}" --replicas=0 >/dev/null
    kubectl wait --for=delete "pod/$primary" --timeout=60s >/dev/null 2>&1 || true
    shown status || true
    shown failover --yes
fi

if wanted backup; then
    shown backup
    shown backup verify
    shown backup list
fi

if wanted switchover || [ "$step" = failover ]; then
    shown history
fi

[ "$step" != all ] || shown status
