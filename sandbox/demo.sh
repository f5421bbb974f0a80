#!/bin/sh
# The main job on real input: a primary and two standbys that really stream, under a write load.
# Leaves nothing behind, however it ends. Called by `make demo`, which builds first.
set -eu

# shellcheck source=sandbox/common.sh
. "$(dirname "$0")/common.sh"

say() { printf '\n$ %s\n' "$*"; }

echo "Starting a primary and two standbys (real PostgreSQL, a small Kubernetes API)..." >&2
start_cluster demo-$$ 2

# The write load: pgbench through the write Service, as an application would.
(
    eval "$("$bin/pgctl-sandbox" env --name "$name")"
    pgbench --initialize --quiet --scale 1
    exec pgbench --client 2 --rate 100 --time 600
) >/dev/null 2>&1 &
load=$!
# A look at an idle cluster would show less than it could.
sleep 4
kill -0 "$load" 2>/dev/null || echo "(pgbench could not start: the cluster is idle)" >&2

say pgctl status
"$bin/pgctl" status

say pgctl lag
"$bin/pgctl" lag
