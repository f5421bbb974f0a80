#!/bin/sh
# The main job on real input: a primary and two standbys that really stream, under a write load.
# Leaves nothing behind, however it ends. Called by `make demo`, which builds first.
set -eu

bin=${PGCTL_BIN_DIR:-target/debug}
name=demo-$$
load=
cleanup() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    "$bin/pgctl-sandbox" down --name "$name" >/dev/null 2>&1 || true
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n$ %s\n' "$*"; }

echo "Starting a primary and two standbys (real PostgreSQL, a small Kubernetes API)..." >&2
"$bin/pgctl-sandbox" up --name "$name" --replicas 2 >/dev/null
KUBECONFIG=$("$bin/pgctl-sandbox" kubeconfig --name "$name")
export KUBECONFIG

"$bin/pgctl-sandbox" load --name "$name" &
load=$!

say pgctl status
"$bin/pgctl" status

say pgctl lag
"$bin/pgctl" lag
