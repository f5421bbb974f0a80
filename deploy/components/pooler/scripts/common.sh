# What the scripts of a pooler's pod share; they source it. POSIX sh only.
# shellcheck shell=sh disable=SC2034

RUN=${POOLER_RUN_DIR:-/run/pooler}            # in memory
SERVICE=${POOLER_SERVICE:?the Service that leads to the servers}
LISTEN=${POOLER_LISTEN_ADDRESS:-*}
PORT=5432
# The role and its function are made by `pgctl pooler setup` (src/postgres/pooler_role.rs).
ROLE=pgctl_pooler
ADMIN=pgctl_pooler_admin

# replace FILE: standard input becomes FILE, in one step.
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }

# The time-out of libpq is for connecting alone.
ask() { # HOST USER DATABASE SQL
  PGPASSFILE=$RUN/pgpass PGCONNECT_TIMEOUT=2 timeout 3 psql -XAtqw -h "$1" -p "$PORT" -U "$2" -d "$3" -c "$4" 2>/dev/null
}
