#!/bin/sh
# What demo.sh and bench.sh share; they source it. A sandbox that is gone when the script ends, however it ends.

bin=${PGCTL_BIN_DIR:-target/debug}
name=
load=
work=
cleanup() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$name" ] || "$bin/pgctl-sandbox" down --name "$name" >/dev/null 2>&1 || true
    [ -z "$work" ] || rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start_cluster NAME STANDBYS: points pgctl and kubectl at a new cluster.
start_cluster() {
    name=$1
    "$bin/pgctl-sandbox" up --name "$name" --replicas "$2" >/dev/null
    KUBECONFIG=$("$bin/pgctl-sandbox" kubeconfig --name "$name")
    export KUBECONFIG
}

# psql and pgbench of the PostgreSQL that the sandbox runs.
for candidate in /usr/lib/postgresql/*/bin "${PGCTL_SANDBOX_POSTGRES:-}"; do
    [ ! -x "$candidate/pgbench" ] || PATH=$candidate:$PATH
done
