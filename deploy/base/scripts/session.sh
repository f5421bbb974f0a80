# How the scripts talk to PostgreSQL. Sourced by start.sh and probe.sh; POSIX sh, as they are.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# What a server, a role or a database sets must change neither what is asked nor how the answer reads: everything that
# a session depends on is set here, at connect, which beats ALTER SYSTEM, ALTER DATABASE and ALTER ROLE. Only standard
# output is an answer. Standard error is for people: warnings, notices, other languages.

PORT=5432

# What the container's environment says of connections is for other programs.
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGCONNECT_TIMEOUT \
  PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGCLIENTENCODING PGDATESTYLE PGTZ PGSSLMODE PGREQUIRESSL PGSSLNEGOTIATION PGSSLCERT \
  PGSSLKEY PGSSLCERTMODE PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI PGSSLCOMPRESSION PGSSLMINPROTOCOLVERSION \
  PGSSLMAXPROTOCOLVERSION PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGCHANNELBINDING PGREQUIREAUTH PGREQUIREPEER PGGSSENCMODE \
  PGGSSLIB PGGSSDELEGATION PGKRBSRVNAME

# session_options VERSION: what each session of ours begins with. VERSION is the server's: a name that it does not know
# would end the session.
session_options() {
  printf '%s' '-c search_path=pg_catalog -c role=none' \
    ' -c default_transaction_read_only=off -c default_transaction_isolation=read\ committed -c default_transaction_deferrable=off' \
    ' -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0' \
    ' -c client_min_messages=error -c exit_on_error=off -c array_nulls=on -c bytea_output=hex -c standard_conforming_strings=on -c DateStyle=ISO -c IntervalStyle=postgres' \
    ' -c row_security=on -c jit=off -c local_preload_libraries='
  [ "${1:-0}" -lt 17 ] || printf '%s' ' -c transaction_timeout=0'
}

# Those of a superuser: libraries and triggers on login (17 and later) belong to the sessions of others, and a damaged page is
# to be an error.
superuser_options() {
  session_options "$1"
  printf '%s' ' -c session_preload_libraries= -c zero_damaged_pages=off -c ignore_checksum_failure=off'
  [ "${1:-0}" -lt 17 ] || printf '%s' ' -c event_triggers=off'
}

# sql OPTIONS CONNINFO STATEMENT...: what the statements answer, on standard output, fields by blanks. SQL_ASCII: whatever
# bytes there are come as they are. Never hangs.
sql() {
  options=$1 conninfo=$2
  shift 2
  for statement; do
    set -- "$@" -c "$statement"
    shift
  done
  PGOPTIONS=$options PGCLIENTENCODING=SQL_ASCII timeout 6 psql -XAtq -F ' ' -v ON_ERROR_STOP=1 "$conninfo" "$@"
}
