#!/bin/sh
# How long things take, measured side by side on one sandbox of a primary and five standbys:
# `pgctl status` against one kubectl exec, the start of pgctl, and planned switchovers under a write load, as pgctl
# measures them and as clients of the write Service see them (`pgctl-sandbox clients`).
# Leaves nothing behind, however it ends. Called by `make bench`, which builds first.
# BENCH_RUNS and BENCH_SWITCHOVERS set how often (15 and 20).
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

runs=${BENCH_RUNS:-15}
switchovers=${BENCH_SWITCHOVERS:-20}
work=$(mktemp -d)

echo "Starting a primary and five standbys..." >&2
start_cluster bench-$$ 5
primary=sandbox-postgres-primary-0

kubectl=
if command -v kubectl >/dev/null 2>&1; then
    kubectl=yes
else
    echo "(no kubectl on this machine: pgctl status is not compared with it)" >&2
fi

# Each in turn, so that both see the same machine; one round before that counts for nothing.
round() { # round FILE-SUFFIX
    once "$work/status$1" "$bin/pgctl" status
    [ -z "$kubectl" ] || once "$work/kubectl$1" kubectl exec "$primary" -- psql -XAtc 'select 1'
    once "$work/help$1" "$bin/pgctl" --help
}
round .warm
count=0
while [ "$count" -lt "$runs" ]; do
    round ''
    count=$((count + 1))
done
tell 'pgctl status (6 pods)' "$work/status" ms
if [ -n "$kubectl" ]; then
    tell "kubectl exec -- psql -XAtc 'select 1'" "$work/kubectl" ms
    awk -v a="$(pick median "$work/status")" -v b="$(pick median "$work/kubectl")" \
        'BEGIN { printf "%-48s %.2f\n", "ratio of the medians, status to kubectl", a / b }'
fi
tell 'pgctl --help' "$work/help" ms

# The write load: pgbench through the write Service, as an application would. It is started again
# whenever a switchover ends it.
eval "$("$bin/pgctl-sandbox" env --name "$name")"
pgbench --initialize --quiet --scale 1 >/dev/null 2>&1
(
    # The shell's own end must take the pgbench of the moment with it.
    running=
    trap '[ -z "$running" ] || kill "$running" 2>/dev/null; exit 0' TERM
    while :; do
        pgbench --no-vacuum --client 4 --rate 200 --time 600 &
        running=$!
        wait "$running" || sleep 0.2
    done
) >/dev/null 2>&1 &
load=$!

# written: the transactions that pgbench has committed
written() {
    psql -XAtc 'select count(*) from pgbench_history'
}

count=0
target=replica-0
before=$(written)
while [ "$count" -lt "$switchovers" ]; do
    # The load is back before the next one.
    sleep 2
    after=$(written)
    if [ "$after" -le "$before" ]; then
        echo "The write load does not write: $before rows before, $after after" >&2
        exit 1
    fi
    # Two clients of the write Service, each with a retry loop and libpq's defaults (no time-out for a connection). They
    # end when their input does.
    mkfifo "$work/on"
    "$bin/pgctl-sandbox" clients <"$work/on" >"$work/clients" &
    clients=$!
    exec 3>"$work/on"
    sleep 0.5
    once "$work/switchover" "$bin/pgctl" failover --to "$target" --yes --rejoin -o json
    sleep 1.5
    exec 3>&-
    wait "$clients"
    rm "$work/on"
    for client in kept fresh; do
        awk -v client="$client" -F '[ =]' '$1 == client { print $3 }' "$work/clients" >>"$work/client-$client"
        awk -v client="$client" -F '[ =]' '$1 == client { print $5, $7 }' "$work/clients" >>"$work/connections"
    done
    outage=$(awk -F '[:,]' '/"writeOutageSeconds"/ { print $2 * 1000; exit }' "$work/out")
    [ -n "$outage" ] || {
        echo "The report of a switchover to $target has no write outage:" >&2
        cat "$work/out" >&2
        exit 1
    }
    echo "$outage" >>"$work/outage"
    for part in stop catchUp prepare promote firstWrite; do
        awk -F '[:,]' -v key="\"${part}Seconds\"" 'index($0, key) { print $2 * 1000; exit }' "$work/out" >>"$work/part-$part"
    done
    before=$(written)
    case $target in
        replica-0) target='primary-0' ;;
        *) target=replica-0 ;;
    esac
    count=$((count + 1))
done
[ "$switchovers" -eq 0 ] || {
    tell 'switchover, as a client with a session sees it' "$work/client-kept" ms
    tell '  as one that connects for each write' "$work/client-fresh" ms
    awk '{ hung += $1; made += $2 } END { printf "%-48s %d of %d\n", "  connections that hung for over 1 s", hung, made }' "$work/connections"
    awk '{ hung += $1 } END { exit hung > 0 }' "$work/connections" || {
        echo 'Connections through the write Service hung.' >&2
        exit 1
    }
    tell "write outage by pgctl's own connection" "$work/outage" ms
    tell '  of which: stopping the old primary' "$work/part-stop" ms
    tell '  receiving and replaying the rest' "$work/part-catchUp" ms
    tell '  looking once more, and the journal' "$work/part-prepare" ms
    tell '  promoting' "$work/part-promote" ms
    tell '  the first write' "$work/part-firstWrite" ms
    tell 'switchover, the whole command' "$work/switchover" ms
}
