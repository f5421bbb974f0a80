#!/bin/sh
# What clients of the poolers see of planned switchovers, on one sandbox of a primary and two standbys: pgbench with 16 clients through
# the pooler for writes, while the primary moves. Then pgctl is killed (-9) at each step from the hold on and resumed after a second, and the
# longest wait is looked at again. Leaves nothing behind, however it ends. Called by `make bench`, which builds first. BENCH_SWITCHOVERS sets how often (20).
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

switchovers=${BENCH_SWITCHOVERS:-20}
work=$(mktemp -d)

echo "Starting a primary, two standbys and their poolers..." >&2
start_cluster bench-pooler-$$ 2 --poolers
"$bin/pgctl" pooler setup --yes >/dev/null 2>&1
"$bin/pgctl" users create app --database shop --yes >/dev/null 2>&1
# The password is for pgbench alone, and is on no command line.
kubectl get secret sandbox-user-app -o jsonpath='{.data.password}' >"$work/secret"
PGPASSWORD=$(base64 -d <"$work/secret")
PGHOST=$(kubectl get service sandbox-postgres-pooler -o jsonpath='{.spec.clusterIP}')
PGUSER=app PGDATABASE=shop
export PGPASSWORD PGHOST PGUSER PGDATABASE
psql -XAtqc 'create table app.t (at timestamptz default clock_timestamp(), n int)' >/dev/null
echo 'insert into app.t (n) values (1);' >"$work/write.sql"

# under_load COMMAND...: runs it while pgbench writes. The longest wait of a transaction, in ms, goes to $work/waits; errors, failed
# transactions and lost rows to $work/wrong.
under_load() {
    rm -f "$work"/log.*
    before=$(psql -XAtqc 'select count(*) from app.t')
    pgbench --no-vacuum --file "$work/write.sql" --client 16 --jobs 2 --rate 400 --time 12 --log --log-prefix "$work/log" \
        >"$work/pgbench" 2>"$work/pgbench.err" &
    load=$!
    sleep 3
    "$@"
    wait "$load" || true
    load=
    after=$(psql -XAtqc 'select count(*) from app.t')
    awk -v written=$((after - before)) '
        { if ($3 > longest) longest = $3; done++ }
        END { printf "%.1f\n", longest / 1000 > "'"$work/longest"'"; print done - written }' "$work"/log.* >"$work/lost"
    cat "$work/longest" >>"$work/waits"
    errors=$(grep -c error "$work/pgbench.err" || true)
    failed=$(awk '/number of failed transactions/ { print $5 }' "$work/pgbench")
    echo "$errors ${failed:-0} $(cat "$work/lost")" >>"$work/wrong"
}

move() { once "$work/switchover" "$bin/pgctl" failover --to "$target" --rejoin --hold require --yes -o json; }

turn() {
    case $target in
        replica-0) target=primary-0 ;;
        *) target=replica-0 ;;
    esac
}

# tell_wrong WHAT: the sums of $work/wrong
tell_wrong() {
    awk -v what="$1" '{ errors += $1; failed += $2; lost += $3 }
        END { printf "%-48s %d errors, %d failed, %d lost\n", what, errors, failed, lost }' "$work/wrong"
}

target=replica-0
count=0
while [ "$count" -lt "$switchovers" ]; do
    under_load move
    awk -F '[:,]' '/"clientsHeldSeconds"/ { print $2 * 1000; exit }' "$work/out" >>"$work/held"
    turn
    count=$((count + 1))
done
tell 'switchover, longest wait of 16 clients of a pooler' "$work/waits" ms
tell '  clients held' "$work/held" ms
tell_wrong '  pgbench'

# killed STEP: pgctl dies when it has begun that step.
killed() {
    mkfifo "$work/events"
    "$bin/pgctl" failover --to "$target" --rejoin --hold require --yes --events >"$work/events" 2>&1 &
    pgctl=$!
    while read -r line; do
        case $line in *'"step":"'"$1"'"'*) kill -9 "$pgctl" && break ;; esac
    done <"$work/events"
    wait "$pgctl" 2>/dev/null || true
    rm "$work/events"
    # Once the old primary is stopped nobody can write before somebody goes on with it.
    sleep 1
    once "$work/resumed" "$bin/pgctl" failover --resume
}

rm -f "$work/waits" "$work/wrong"
for step in hold-clients stop-primary catch-up promote point-service release-clients repoint; do
    under_load killed "$step"
    turn
done
tell 'pgctl killed at a step, and resumed after 1 s' "$work/waits" ms
