# What the scripts of a pooler's pod share; they source it. POSIX sh only.
# shellcheck shell=sh disable=SC2034

RUN=${POOLER_RUN_DIR:-/run/pooler}            # in memory
SERVICE=${POOLER_SERVICE:?the Service that leads to the servers}
LISTEN=${POOLER_LISTEN_ADDRESS:-*}
case $LISTEN in '*') CONSOLE=127.0.0.1 ;; *) CONSOLE=$LISTEN ;; esac
PORT=5432
# The role and its function are made by `pgctl pooler setup` (src/postgres/pooler_role.rs).
ROLE=pgctl_pooler
ADMIN=pgctl_pooler_admin

# replace FILE: standard input becomes FILE, in one step.
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }

# What the container's environment says of connections is for other programs.
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGCONNECT_TIMEOUT \
  PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGCLIENTENCODING PGDATESTYLE PGTZ PGSSLMODE PGREQUIRESSL PGSSLNEGOTIATION PGSSLCERT \
  PGSSLKEY PGSSLCERTMODE PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI PGSSLCOMPRESSION PGSSLMINPROTOCOLVERSION \
  PGSSLMAXPROTOCOLVERSION PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGCHANNELBINDING PGREQUIREAUTH PGREQUIREPEER PGGSSENCMODE \
  PGGSSLIB PGGSSDELEGATION PGKRBSRVNAME

# What a role, a database or a server's files set changes no answer, as in session.sh of the servers. Of names that only later
# servers know none is here, as one that a server does not know ends the session; nor of what only a superuser may set.
SESSION='-c search_path=pg_catalog -c role=none
  -c default_transaction_read_only=off -c default_transaction_isolation=read\ committed -c default_transaction_deferrable=off
  -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0
  -c client_min_messages=error -c exit_on_error=off -c row_security=on -c jit=off -c local_preload_libraries='

# The time-out of libpq is for connecting alone.
question() { # SECONDS OPTIONS HOST USER DATABASE SQL
  PGOPTIONS=$2 PGPASSFILE=$RUN/pgpass PGCONNECT_TIMEOUT=2 timeout "$1" psql -XAtqw -h "$3" -p "$PORT" -U "$4" -d "$5" -c "$6"
}

# A server's answer, by the Service. Only standard output is one.
ask() { question 3 "$SESSION" "$SERVICE" "$ROLE" postgres "$1" 2>/dev/null; } # SQL

# PgBouncer's own. It lets nobody in who asks for settings that it does not know.
ask_console() { question 3 '' "$CONSOLE" "$ADMIN" pgbouncer "$1" 2>/dev/null; } # SQL

# The same with what it complains of. Whoever waits for it says nothing meanwhile, and three seconds of silence end a hold.
console_says() { question 2 '' "$CONSOLE" "$ADMIN" pgbouncer "$1" 2>&1; } # SQL
