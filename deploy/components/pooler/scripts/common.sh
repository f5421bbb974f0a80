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

# What the container's environment says of connections is for other programs.
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGCONNECT_TIMEOUT \
  PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGCLIENTENCODING PGDATESTYLE PGTZ

# What a role, a database or a server's files set changes no answer, as in session.sh of the servers. Of names that only later
# servers know none is here, as one that a server does not know ends the session; nor of what only a superuser may set.
SESSION='-c search_path=pg_catalog -c role=none
  -c default_transaction_read_only=off -c default_transaction_isolation=read\ committed -c default_transaction_deferrable=off
  -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0
  -c client_min_messages=error -c exit_on_error=off -c row_security=on -c jit=off -c local_preload_libraries='

# The time-out of libpq is for connecting alone.
question() { # OPTIONS HOST USER DATABASE SQL
  PGOPTIONS=$1 PGPASSFILE=$RUN/pgpass PGCONNECT_TIMEOUT=2 timeout 3 psql -XAtqw -h "$2" -p "$PORT" -U "$3" -d "$4" -c "$5" 2>/dev/null
}

# A server's answer, by the Service. Only standard output is one.
ask() { question "$SESSION" "$SERVICE" "$ROLE" postgres "$1"; } # SQL

# PgBouncer's own. It lets nobody in who asks for settings that it does not know.
ask_console() { question '' "$CONSOLE" "$ADMIN" pgbouncer "$1"; } # SQL
