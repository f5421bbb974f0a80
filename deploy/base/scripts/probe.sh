#!/bin/sh
# Probes of a PostgreSQL pod: probe.sh startup|alive|ready. POSIX sh, as start.sh.
set -u
LC_ALL=C
export LC_ALL

PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
PGDATA=${PGDATA%/}
RUN=${PG_RUN_DIR:-/var/run/postgresql}
# A standby that is further behind than this, in MiB, takes no reads.
MAX_LAG_MIB=${PG_READY_MAX_LAG_MIB:-256}

# shellcheck source=deploy/base/scripts/session.sh
. "${0%/*}/session.sh"

phase='' version=''
read -r phase 2>/dev/null <"$RUN/pgctl-phase"
read -r version 2>/dev/null <"$PGDATA/PG_VERSION"

# What is said on standard error is in the kubelet's event when this fails.
query_local() {
  sql "$(superuser_options "$version")" "host=$RUN port=$PORT user=${POSTGRES_USER:-postgres} dbname=postgres connect_timeout=3 application_name=pgctl-probe" "$1"
}

# Processes are alive: says nothing about how busy, how slow or how full PostgreSQL is. A pod that waits, copies or
# rewinds is alive: killing it would only start that over.
alive() {
  case $phase in
    running) kill -0 "$(cat "$RUN/pgctl-postmaster")" ;;
    '') return 1 ;;
  esac
}

# Size, used and free KiB of the volume, for pgctl, which reads it by SQL.
note_disk() {
  df -Pk "${PGDATA%/*}" | awk 'NR == 2 { print $2, $3, $4 }' >"$RUN/.pgctl-disk.$$" && mv -f "$RUN/.pgctl-disk.$$" "$RUN/pgctl-disk"
}

# WAL that the primary has and this standby has not replayed, in bytes; nothing when the primary cannot be asked
# (then this standby is as good as any).
lag_behind_primary() {
  conninfo=$(query_local 'SHOW primary_conninfo')
  [ -n "$conninfo" ] || return 0
  lsn=$(sql "$(session_options "$version")" "$conninfo dbname=postgres connect_timeout=2" 'SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END' 2>/dev/null)
  case $lsn in */*) ;; *) return 0 ;; esac
  query_local "SELECT greatest(pg_wal_lsn_diff('$lsn', pg_last_wal_replay_lsn()), 0)::bigint"
}

ready() {
  note_disk
  if [ "$phase" != running ]; then
    echo "PostgreSQL is not running: ${phase:-no phase} $(cat "$RUN/pgctl-wait" 2>/dev/null)"
    return 1
  fi
  # shellcheck disable=SC2046
  set -- $(query_local "SELECT pg_is_in_recovery(),
    (SELECT greatest(pg_wal_lsn_diff(latest_end_lsn, pg_last_wal_replay_lsn()), 0)::bigint FROM pg_stat_wal_receiver WHERE status = 'streaming')")
  [ $# -ge 1 ] || return 1
  [ "$1" = t ] || return 0
  lag=${2:-$(lag_behind_primary)}
  if [ "${lag:-0}" -gt $((MAX_LAG_MIB * 1048576)) ]; then
    echo "standby is $lag bytes of WAL behind"
    return 1
  fi
}

case ${1:-} in
  startup | alive) alive ;;
  ready) ready ;;
  *) echo 'usage: probe.sh startup|alive|ready' >&2; exit 2 ;;
esac
