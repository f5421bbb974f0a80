#!/bin/sh
# How long a backup of 1 GB takes, measured side by side on one sandbox: `pgctl backup` against pg_dumpall run in the
# pod for nothing, and against what people type today, `kubectl exec ... > file`; the bytes that crossed the wire, and
# the most memory that pgctl took. Then once more over connections as slow as a network. Leaves nothing behind, however
# it ends. Called by `make bench`, which builds first. BENCH_SCALE sets pgbench's scale (68: about 1 GB),
# BENCH_BACKUP_RUNS how often (3), BENCH_LINK the bytes per second of the network (12500000: 100 Mbit/s).
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

scale=${BENCH_SCALE:-68}
runs=${BENCH_BACKUP_RUNS:-3}
link=${BENCH_LINK:-12500000}
work=$(mktemp -d)

# measured NAME COMMAND...: runs it; the seconds it took go to NAME.s, the most memory it had (MiB) to NAME.m
measured() {
    what=$1
    shift
    begin=$(date +%s%N)
    "$@" >"$work/out" 2>"$work/err" </dev/null &
    child=$!
    memory=0
    while kill -0 "$child" 2>/dev/null; do
        now=$(awk '/^VmHWM/ { print int($2 / 1024 + 0.5) }' "/proc/$child/status" 2>/dev/null) || true
        memory=${now:-$memory}
        sleep 0.1
    done
    if ! wait "$child"; then
        echo "failed: $*" >&2
        tail -n 20 "$work/err" >&2
        exit 1
    fi
    end=$(date +%s%N)
    awk -v ns=$((end - begin)) 'BEGIN { printf "%.2f\n", ns / 1000000000 }' >>"$work/$what.s"
    echo "$memory" >>"$work/$what.m"
}

# pick median|max FILE
pick() {
    sort -n "$2" | awk -v what="$1" '
        { value[NR] = $1 }
        END {
            if (what == "max") print value[NR]
            else print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2
        }'
}

# tell WHAT NAME: a line of the table
tell() {
    printf '%-62s %8.2f s' "$1" "$(pick median "$work/$2.s")"
    if [ -s "$work/$2.b" ]; then
        printf ' %9.1f MB' "$(awk '{ print $1 / 1000000 }' "$work/$2.b" | tail -n 1)"
    fi
    case $2 in pgctl*) printf ' %6s MiB of memory' "$(pick max "$work/$2.m")" ;; esac
    printf '\n'
}

# ratio WHAT ABOVE BELOW SUFFIX
ratio() {
    awk -v what="$1" -v a="$(pick median "$work/$2.$4")" -v b="$(pick median "$work/$3.$4")" \
        'BEGIN { printf "%-62s %8.2f\n", what, a / b }'
}

# sent NAME: the bytes that a backup of pgctl sent, of its JSON
sent() {
    awk -F '[:,]' '/"sentBytes"/ { sum += $2 } END { print sum }' "$work/out" >>"$work/$1.b"
}

# today NAME COMMAND...: a command in the pod, its output in a file
today() {
    what=$1
    shift
    # shellcheck disable=SC2016  # $0 and $@ are the inner shell's.
    measured "$what" sh -c 'file=$0; exec "$@" >"$file"' "$work/today" kubectl exec "$primary" -- "$@"
    wc -c <"$work/today" >>"$work/$what.b"
    rm -f "$work/today"
}

command -v kubectl >/dev/null 2>&1 || {
    echo "(no kubectl on this machine: backups are not compared with it)" >&2
    exit 0
}
echo "Starting a primary and a standby, and filling them with pgbench's scale $scale..." >&2
start_cluster "bench-backup-$$" 1
primary=sandbox-postgres-primary-0
eval "$("$bin/pgctl-sandbox" env --name "$name")"
pgbench --initialize --quiet --scale "$scale" >/dev/null 2>&1
psql -XAtqc 'checkpoint'
psql -XAtc "select 'database: ' || pg_size_pretty(pg_database_size(current_database()))"

store=$work/store

# compare: every way once, in turn, so that all see the same machine
compare() {
    today dumpall pg_dumpall
    measured pgctl "$bin/pgctl" backup --from primary --store "$store" -o json
    sent pgctl
    today basebackup pg_basebackup -D - -Ft -X fetch -c fast
    measured pgctl-physical "$bin/pgctl" backup --physical --from primary --store "$store" -o json
    sent pgctl-physical
    rm -rf "$store"
}

# forget: what was measured so far
forget() {
    rm -f "$work"/*.s "$work"/*.b "$work"/*.m
}

# tell_all: the table, and what comes of it
tell_all() {
    tell 'kubectl exec -- pg_dumpall >file' dumpall
    tell 'pgctl backup' pgctl
    tell 'kubectl exec -- pg_basebackup -D - -Ft -X fetch >file' basebackup
    tell 'pgctl backup --physical' pgctl-physical
    ratio 'how many times as fast as kubectl exec pg_dumpall' dumpall pgctl s
    ratio 'how many times as fast as kubectl exec pg_basebackup' basebackup pgctl-physical s
}

# The first round counts for nothing.
count=0
while [ "$count" -le "$runs" ]; do
    measured nothing kubectl exec "$primary" -- sh -c 'pg_dumpall >/dev/null'
    compare
    [ "$count" -gt 0 ] || forget
    count=$((count + 1))
done
tell 'pg_dumpall >/dev/null, in the pod' nothing
tell_all
ratio 'how many times as long as pg_dumpall for nothing' pgctl nothing s
ratio 'share of the bytes of kubectl exec pg_basebackup' pgctl-physical basebackup b

forget
"$bin/pgctl-sandbox" fault --name "$name" slow --bytes-per-second "$link" >/dev/null
echo "over connections of $link bytes per second, once:"
compare
tell_all
