#!/bin/sh
# Start script of every PostgreSQL pod, primary or replica.
#
# It is the fence of the cluster: it decides, from the topology (which pod is primary) and from what lies in the
# data directory, whether this pod starts PostgreSQL, and as what. When in doubt it waits and asks again: a pod that
# waits costs an outage, a second writable primary costs data. The table it follows is in docs/deployment.md.
#
# POSIX sh only (dash, busybox ash). Runs as PID 1 of the container, as the user that owns the data directory.
set -u
LC_ALL=C
export LC_ALL
umask 077

# ---- Where things are -------------------------------------------------------------------------------------------

PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
export PGDATA
VOLUME=$(dirname "$PGDATA")
STATE=$VOLUME/pgctl              # facts about this volume; beside PGDATA, because pg_basebackup copies what lies in it
CLONE=$PGDATA.clone              # a copy in the making, renamed to PGDATA when it is whole
OLD=$PGDATA.old                  # what a finished copy replaces, until the replacement is in place
INIT=$PGDATA.init                # a bootstrap in the making
CONFIG=${PG_CONFIG_DIR:-/etc/postgresql}
TOPOLOGY=${PG_TOPOLOGY_DIR:-/etc/postgresql-topology}
RUN=${PG_RUN_DIR:-/var/run/postgresql}
TERMINATION_LOG=${PG_TERMINATION_LOG:-/dev/termination-log}
PORT=5432
REPLICATION_USER=replicator
PLACEHOLDER=replace-me-before-use

LISTEN=${PG_LISTEN_ADDRESSES:-*}
# Ordinals 0 to this one of each StatefulSet are asked; the autoscaler's maximum must stay below it.
MAX_ORDINAL=${PG_MAX_ORDINAL:-9}
# Seconds that an empty first primary gives the other pods to come up with data, once in the life of a cluster.
BOOTSTRAP_SETTLE=${PG_BOOTSTRAP_SETTLE:-15}
# Longest time, in seconds, that a ConfigMap in a running pod may lag behind: the kubelet's sync period and its cache.
STALE_SECONDS=${PG_TOPOLOGY_STALE_SECONDS:-150}
# Seconds to wait for a peer that is just starting up when the topology is known to be fresh.
PEER_GRACE=${PG_PEER_GRACE:-10}

POD_NAME=${POD_NAME:-$(hostname)}
POSTGRES_USER=${POSTGRES_USER:-postgres}
own_set=${POD_NAME%-*}
case $own_set in
  *postgres-replica*) derived_primary=${own_set%%postgres-replica*}postgres-primary${own_set#*postgres-replica}
                      derived_replica=$own_set ;;
  *postgres-primary*) derived_primary=$own_set
                      derived_replica=${own_set%%postgres-primary*}postgres-replica${own_set#*postgres-primary} ;;
  *)                  derived_primary=$own_set derived_replica=$own_set ;;
esac
# Each StatefulSet has a headless Service of the same name. The two names differ in one word only, so that any
# kustomize prefix or suffix works; set these where that does not hold.
PRIMARY_SET=${PG_PRIMARY_STATEFULSET:-$derived_primary}
REPLICA_SET=${PG_REPLICA_STATEFULSET:-$derived_replica}

child=''           # process that runs in the foreground
keep_child=''      # set while that process must not be interrupted
stopping=''        # set once the kubelet has asked us to go
said=''            # last line said while waiting, to say each thing once
watcher=''

# ---- Saying things ----------------------------------------------------------------------------------------------

log() { printf '%s pgctl[%s]: %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$POD_NAME" "$1" >&2; }

# Makes a text safe inside a JSON string: printable ASCII, no quote, no backslash, at most 2000 bytes.
plain() { printf '%s' "$1" | tr '\n\t' '  ' | tr -cd ' !#-[]-~' | cut -c1-2000; }

verdict() { printf '{"pgctl":"%s","reason":"%s","message":"%s"}\n' "$1" "$2" "$(plain "$3")"; }

phase() { printf '%s\n' "$1" >"$RUN/.pgctl-phase" && mv -f "$RUN/.pgctl-phase" "$RUN/pgctl-phase"; }

# refuse REASON MESSAGE: ends the container; the reason is its termination message.
refuse() {
  log "refusing to start ($1): $2"
  verdict refused "$1" "$2" >"$TERMINATION_LOG" 2>/dev/null
  exit 1
}

# hold REASON MESSAGE [SECONDS]: says once why PostgreSQL is not started, then pauses; the caller decides anew.
hold() {
  if [ "$said" != "$1 $2" ]; then
    said="$1 $2"
    log "waiting ($1): $2"
  fi
  if [ ! -e "$RUN/pgctl-wait" ] || [ "$noted" != "$said" ]; then
    noted=$said
    verdict waiting "$1" "$2" >"$RUN/.pgctl-wait"
    mv -f "$RUN/.pgctl-wait" "$RUN/pgctl-wait"
    phase waiting
  fi
  pause "${3:-0.5}"
}

# What was said is kept: the same failure after another try is not news.
go_on() { rm -f "$RUN/pgctl-wait"; }

# ---- Signals and children ---------------------------------------------------------------------------------------

on_term() {
  stopping=1
  if [ -n "$child" ] && [ -z "$keep_child" ]; then kill -TERM "$child" 2>/dev/null; fi
}
trap on_term TERM INT

# Waits for $child to end, also when a signal interrupts the wait. A child that has ended but was not waited for is
# still there for kill -0, so the status that is returned is always the child's own.
await() {
  while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=''
  return "$status"
}

# Runs a command so that SIGTERM is answered at once: a shell that is PID 1 would sit it out.
run() {
  # A shell gives what runs beside it /dev/null to read; ours reads what we do.
  { "$@" <&8 8<&- & } 8<&0
  child=$!
  if [ -n "$stopping" ] && [ -z "$keep_child" ]; then kill -TERM "$child" 2>/dev/null; fi
  await
}

pause() {
  run sleep "$1" 9>&-
  leave_if_asked
}

leave_if_asked() {
  [ -n "$stopping" ] || return 0
  log 'asked to stop'
  record_stop
  exit 0
}

# ---- Files ------------------------------------------------------------------------------------------------------

# replace FILE: standard input becomes FILE, in one step and on disk.
replace() {
  cat >"$1.new" || return 1
  sync "$1.new" 2>/dev/null
  mv -f "$1.new" "$1"
}

remove_tree() { chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"; }

# ---- What lies in the data directory ----------------------------------------------------------------------------

lsn_number() { # X/Y as a number, to compare
  case $1 in */*) echo $((0x${1%/*} * 4294967296 + 0x${1#*/})) ;; *) echo 0 ;; esac
}

field() { printf '%s\n' "$controldata" | sed -n "s/^$1: *//p" | head -n 1; }

read_controldata() {
  controldata=$(pg_controldata -D "$PGDATA" 2>/dev/null) || return 1
  state=$(field 'Database cluster state')
  data_system=$(field 'Database system identifier')
  checkpoint_lsn=$(field 'Latest checkpoint location')
  checkpoint_timeline=$(field "Latest checkpoint's TimeLineID")
  data_timeline=$checkpoint_timeline
  # A promotion is recorded here before its first checkpoint (CreateEndOfRecoveryRecord), and so is replay.
  minimum_timeline=$(field "Min recovery ending loc's timeline")
  [ "${minimum_timeline:-0}" -gt "$data_timeline" ] && data_timeline=$minimum_timeline
  data_lsn=$(lsn_number "$checkpoint_lsn")
  data_lsn_text=$checkpoint_lsn
  minimum_lsn=$(field 'Minimum recovery ending location')
  if [ "$(lsn_number "$minimum_lsn")" -gt "$data_lsn" ]; then
    data_lsn=$(lsn_number "$minimum_lsn")
    data_lsn_text=$minimum_lsn
  fi
  [ -n "$state" ] && [ -n "$data_system" ]
}

# Sets data: empty, primary, standby, half (a rewind was interrupted), unreadable.
inspect_data() {
  data_system='' data_timeline=0 data_lsn=0
  if [ ! -e "$PGDATA" ] || [ -z "$(ls -A "$PGDATA" 2>/dev/null)" ]; then
    data=empty
    return
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    data=unreadable
    why="$PGDATA holds files, but no PostgreSQL data"
    return
  fi
  version=$(cat "$PGDATA/PG_VERSION")
  if [ "$version" != "$server_version" ]; then
    # Its data is of no use here any more, once a fresh copy was asked for.
    if [ -n "$clone_wanted" ] && [ "$named" != "$POD_NAME" ]; then
      data=unreadable
      why="$PGDATA was made by PostgreSQL $version"
      return
    fi
    refuse wrong-version "$PGDATA was made by PostgreSQL $version, and this image is PostgreSQL $server_version: use the image of version $version, or migrate with pg_upgrade or a dump"
  fi
  if ! read_controldata; then
    data=unreadable
    why="pg_controldata cannot read $PGDATA/global/pg_control"
  elif [ -e "$STATE/rewinding" ]; then
    data=half
  elif [ -e "$PGDATA/standby.signal" ]; then
    data=standby
  else
    data=primary
  fi
}

# Puts the record of how PostgreSQL ended into the container's termination message.
record_stop() {
  [ -s "$PGDATA/PG_VERSION" ] && read_controldata || return 0
  case $state in 'shut down' | 'shut down in recovery') clean=true ;; *) clean=false ;; esac
  printf '{"pgctl":"stopped","state":"%s","checkpoint_lsn":"%s","timeline":%s,"system_identifier":"%s","clean":%s}\n' \
    "$(plain "$state")" "$checkpoint_lsn" "$checkpoint_timeline" "$data_system" "$clean" >"$TERMINATION_LOG" 2>/dev/null
}

# ---- What the topology says -------------------------------------------------------------------------------------

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

is_pod() { # a pod of one of the two StatefulSets
  case $1 in "$PRIMARY_SET"-* | "$REPLICA_SET"-*) is_number "${1##*-}" && { [ "${1%-*}" = "$PRIMARY_SET" ] || [ "${1%-*}" = "$REPLICA_SET" ]; } ;; *) return 1 ;; esac
}

topology_key() { if [ -r "$TOPOLOGY/$1" ]; then tr -d '[:space:]' <"$TOPOLOGY/$1"; fi; }

# Sets named, system (or empty) and clone_wanted. The files are links into one directory that the kubelet swaps as a
# whole: reading until two rounds agree never mixes two versions.
read_topology() {
  while :; do
    named=$(topology_key primary)
    term=$(topology_key term)
    system=$(topology_key system-identifier)
    clone_wanted=$(topology_key "clone.$POD_NAME")
    [ "$named $term" = "$(topology_key primary) $(topology_key term)" ] && break
  done
  named=${named:-$PRIMARY_SET-0}
  term=${term:-0}
  is_pod "$named" || { why="the topology names '$named' as primary, which is no pod of $PRIMARY_SET or $REPLICA_SET"; return 1; }
  is_number "$term" || { why="the topology's term '$term' is not a number"; return 1; }
  [ -z "$system" ] || is_number "$system" || { why="the topology's system-identifier '$system' is not a number"; return 1; }
  [ "$clone_wanted" != "$(cat "$STATE/clone-done" 2>/dev/null)" ] || clone_wanted=''
}

# ---- Asking other pods ------------------------------------------------------------------------------------------

address() { # stable DNS name of a pod
  printf '%s.%s' "$1" "${1%-*}"
  [ -z "${POD_NAMESPACE:-}" ] || printf '.%s.svc' "$POD_NAMESPACE"
}

slot_name() { printf '%s' "$1" | tr -c 'a-z0-9_' '_'; }

# query POD SQL: as the replication user, on the database postgres. Never hangs.
query() { query_as "$REPLICATION_USER" "$1" "$2"; }

query_as() {
  timeout 6 psql -XAtq -F ' ' -v ON_ERROR_STOP=1 \
    "host=$(address "$2") port=$PORT user=$1 dbname=postgres connect_timeout=3 application_name=$POD_NAME" \
    -c "$3" 9>&- 2>&1
}

query_local() {
  timeout 6 psql -XAtq -F ' ' -v ON_ERROR_STOP=1 \
    "host=$RUN port=$PORT user=$POSTGRES_USER dbname=postgres connect_timeout=3 application_name=pgctl-start" -c "$1" 9>&- 2>&1
}

# A primary's timeline is the one it writes to now: its control file still names the old one until the first
# checkpoint after a promotion. A standby's is the newest that it has heard of.
# shellcheck disable=SC2016
FACTS_SQL='SELECT CASE WHEN pg_is_in_recovery() THEN $$standby$$ ELSE $$writable$$ END, system_identifier,
  CASE WHEN pg_is_in_recovery()
    THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()), (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
      (SELECT max(received_tli) FROM pg_stat_wal_receiver))
    ELSE ($$x$$ || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END
  FROM pg_control_system()'

# ask POD: sets peer (writable, standby, starting, refused, silent), peer_system, peer_timeline, peer_says.
ask() {
  peer=silent peer_system='' peer_timeline=0 peer_says='does not answer'
  pg_isready -q -h "$(address "$1")" -p "$PORT" -U "$REPLICATION_USER" -d postgres -t 3 9>&- 2>/dev/null
  case $? in
    0) ;;
    1) peer=starting peer_says='is starting up or shutting down'; return ;;
    *) return ;;
  esac
  if ! answer=$(query "$1" "$FACTS_SQL"); then
    case $answer in
      *'starting up'* | *'shutting down'* | *'not yet accepting'*) peer=starting peer_says='is starting up or shutting down' ;;
      *) peer=refused peer_says="answers, but not to our question: $answer" ;;
    esac
    return
  fi
  # shellcheck disable=SC2086
  set -- $answer
  if [ $# -eq 3 ] && is_number "$2" && is_number "$3"; then
    peer=$1 peer_system=$2 peer_timeline=$3 peer_says="is $1"
  else
    peer=refused peer_says="answers, but not to our question: $answer"
  fi
}

# Asks every other pod of both StatefulSets at once. One line a pod that exists: NAME STATE SYSTEM TIMELINE.
ask_peers() {
  rm -rf "$RUN/peers"
  mkdir -p "$RUN/peers"
  asked=''
  for set_name in "$PRIMARY_SET" "$REPLICA_SET"; do
    ordinal=0
    while [ "$ordinal" -le "$MAX_ORDINAL" ]; do
      other=$set_name-$ordinal
      ordinal=$((ordinal + 1))
      [ "$other" != "$POD_NAME" ] || continue
      (
        trap - TERM INT
        getent hosts "$(address "$other")" >/dev/null 2>&1 9>&- || exit 0
        ask "$other"
        echo "$other $peer ${peer_system:-0} $peer_timeline" >"$RUN/peers/$other"
      ) 9>&- &
      asked="$asked $!"
    done
    [ "$PRIMARY_SET" != "$REPLICA_SET" ] || break
  done
  for child in $asked; do await; done
  leave_if_asked
  cat "$RUN"/peers/* 2>/dev/null
}

# With DNS down, every pod looks absent. Our own name is published from the start: while it does not resolve, nobody's can.
require_dns() {
  until getent hosts "$(address "$POD_NAME")" >/dev/null 2>&1; do
    hold no-dns "the cluster's DNS does not know $(address "$POD_NAME") yet: without DNS the other pods cannot be asked"
  done
}

# ---- Preparing --------------------------------------------------------------------------------------------------

check_secret() { # KEY VALUE
  case $2 in
    "$PLACEHOLDER" | '')
      refuse placeholder-secret "the key $1 of the Secret is still the placeholder or missing: give the cluster a password of its own (docs/secrets.md), then delete this pod" ;;
    *"
"*) refuse bad-secret "the key $1 of the Secret contains a line break" ;;
  esac
}

# One field of a passfile: colon and backslash are escaped.
pass_field() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/:/\\:/g'; }

prepare() {
  if ! command -v postgres >/dev/null 2>&1; then
    for directory in /usr/lib/postgresql/*/bin /usr/local/bin; do
      if [ -x "$directory/postgres" ]; then PATH=$directory:$PATH; fi
    done
    export PATH
  fi
  # "postgres (PostgreSQL) 15.18 (Debian …)"
  server_version=$(postgres --version | sed -e 's/^[^0-9]*//' -e 's/[^0-9].*//')
  [ -n "$server_version" ] || refuse no-postgres 'no postgres program in PATH: use an image of PostgreSQL'
  case $POSTGRES_USER in
    "$REPLICATION_USER" | *[!A-Za-z0-9_-]*) refuse bad-secret "the key postgres-user of the Secret may be letters, digits, _ and - only, and not $REPLICATION_USER" ;;
  esac
  check_secret postgres-password "${POSTGRES_PASSWORD:-}"
  check_secret replication-password "${REPLICATION_PASSWORD:-}"

  mkdir -p "$STATE" || refuse volume-not-writable "cannot write to $VOLUME as $(id -u):$(id -g): check fsGroup and the storage class"
  # No two pods in one volume, also when one was deleted by force and its processes live on. PostgreSQL's
  # processes inherit the lock; the helpers are started without it.
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$STATE/lock"
    until locked; do
      hold volume-in-use "other processes still work in $VOLUME (an earlier pod that was deleted by force?)"
    done
    # What it says of process numbers was true in another container.
    rm -f "$PGDATA/postmaster.pid"
  fi

  PGPASSFILE=$RUN/pgpass
  export PGPASSFILE
  {
    printf '*:*:*:%s:%s\n' "$REPLICATION_USER" "$(pass_field "$REPLICATION_PASSWORD")"
    printf '*:*:*:%s:%s\n' "$(pass_field "$POSTGRES_USER")" "$(pass_field "$POSTGRES_PASSWORD")"
  } | replace "$PGPASSFILE"

  # This directory lives as long as the pod. A first container sees the topology as fresh as its volume's mount, a
  # second one may see an old one.
  if [ -e "$RUN/pgctl-started" ]; then restarted=1; else restarted=''; fi
  : >"$RUN/pgctl-started"
  started_at=$(date +%s)
}

locked() {
  flock -n 9
  [ $? -ne 1 ] # 1: somebody else has it; anything else: this file system has no locks
}

since_start() { echo $(($(date +%s) - started_at)); }

# Finishes or takes back a replacement of PGDATA that was cut short.
settle_swap() {
  if [ -e "$STATE/clone-complete" ] && [ -s "$CLONE/PG_VERSION" ]; then
    swap_in_clone
  elif [ ! -e "$PGDATA" ] && [ -s "$OLD/PG_VERSION" ]; then
    mv "$OLD" "$PGDATA"
  fi
  if [ -e "$PGDATA" ]; then chmod 0700 "$PGDATA"; fi # fsGroup adds group permissions at every mount
}

swap_in_clone() {
  if [ -e "$PGDATA" ]; then
    remove_tree "$OLD"
    mv "$PGDATA" "$OLD"
  fi
  rm -f "$STATE/rewinding"
  mv "$CLONE" "$PGDATA"
  if [ -s "$STATE/clone-request" ]; then mv -f "$STATE/clone-request" "$STATE/clone-done"; fi
  rm -f "$STATE/clone-complete"
  sync "$STATE" "$VOLUME" 2>/dev/null
  remove_tree "$OLD"
}

# ---- The first bootstrap ----------------------------------------------------------------------------------------

sql_literal() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }

refuse_if_data_elsewhere() {
  while read -r name answer _; do
    case $answer in
      silent | '') ;; # a pod that waits with an empty volume is silent
      *) refuse empty-primary "$name has data, and the volume of $POD_NAME, which is to be primary, is empty: a new empty primary would orphan it. Fail over to $name (pgctl failover --to $name), or bring the volume back" ;;
    esac
  done <<LINES
$(ask_peers)
LINES
  leave_if_asked
}

bootstrap() {
  if [ -n "$system" ]; then
    refuse empty-primary "the volume of $POD_NAME is empty, but the cluster exists (system identifier $system): a new empty primary would orphan it. Fail over to a pod that has data (pgctl failover), or bring the volume back"
  fi
  if [ -s "$STATE/system-identifier" ]; then
    refuse empty-primary "this volume held the cluster $(cat "$STATE/system-identifier"), and $PGDATA is gone. Fail over to a pod that has data (pgctl failover), or bring the directory back"
  fi
  require_dns
  refuse_if_data_elsewhere
  until [ "$(since_start)" -ge "$BOOTSTRAP_SETTLE" ]; do
    hold looking-for-data "the volume is empty; giving the other pods $BOOTSTRAP_SETTLE s to show whether they hold data" 0.3
    refuse_if_data_elsewhere
  done
  go_on
  phase bootstrapping
  log 'first bootstrap: initdb'
  remove_tree "$INIT"
  printf '%s\n' "$POSTGRES_PASSWORD" | replace "$RUN/pwfile"
  # shellcheck disable=SC2086
  run initdb -D "$INIT" -U "$POSTGRES_USER" --pwfile="$RUN/pwfile" --data-checksums --encoding=UTF8 --no-instructions \
    --auth-local=trust --auth-host=scram-sha-256 ${PG_INITDB_ARGS:---locale=C.UTF-8} >&2
  status=$?
  rm -f "$RUN/pwfile"
  leave_if_asked
  [ "$status" -eq 0 ] || refuse bootstrap-failed "initdb ended with status $status; its log says why"

  # What pg_rewind needs without being superuser (its manual, "Notes"), and pg_monitor to see timelines and WAL files.
  # pgctl's own start script is the only user of this role besides replication.
  # The file stays off the command line: it holds a password.
  bootstrap_sql >"$RUN/bootstrap.sql"
  run postgres --single -j -D "$INIT" -c exit_on_error=on -c log_checkpoints=off postgres <"$RUN/bootstrap.sql" >/dev/null
  status=$?
  rm -f "$RUN/bootstrap.sql"
  leave_if_asked
  [ "$status" -eq 0 ] || refuse bootstrap-failed "the first SQL ended with status $status; its log says why"
  refuse_if_data_elsewhere # once more: initdb took a while
  mv "$INIT" "$PGDATA"
  sync "$VOLUME" 2>/dev/null
}

# In single-user mode with -j a statement ends with a semicolon and an empty line.
bootstrap_sql() {
  while IFS= read -r statement; do printf '%s\n\n' "$statement"; done <<SQL
CREATE ROLE $REPLICATION_USER LOGIN REPLICATION;
GRANT pg_monitor TO $REPLICATION_USER;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO $REPLICATION_USER;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO $REPLICATION_USER;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO $REPLICATION_USER;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO $REPLICATION_USER;
SQL
  printf 'SET password_encryption = %s;\n\n' "'scram-sha-256'"
  printf 'ALTER ROLE %s PASSWORD %s;\n\n' "$REPLICATION_USER" "$(sql_literal "$REPLICATION_PASSWORD")"
}

# ---- Becoming a standby -----------------------------------------------------------------------------------------

conninfo() { # POD [APPLICATION_NAME]
  printf 'host=%s port=%s user=%s passfile=%s application_name=%s connect_timeout=5 keepalives_idle=10 keepalives_interval=5 keepalives_count=3' \
    "$(address "$1")" "$PORT" "$REPLICATION_USER" "$PGPASSFILE" "${2:-$POD_NAME}"
}

# set_upstream DIRECTORY [POD]: what ALTER SYSTEM left about the upstream goes; POD, if any, takes its place.
set_upstream() {
  {
    if [ -e "$1/postgresql.auto.conf" ]; then sed -e '/^[[:space:]]*primary_conninfo[[:space:]=]/d' -e '/^[[:space:]]*primary_slot_name[[:space:]=]/d' "$1/postgresql.auto.conf"; fi
    if [ -n "${2:-}" ]; then
      echo "primary_conninfo = '$(conninfo "$2")'"
      echo "primary_slot_name = '$(slot_name "$POD_NAME")'"
    fi
  } | replace "$1/postgresql.auto.conf"
}

# make_slot POD: our slot on POD, which must hold its WAL from now on.
make_slot() {
  slot=$(slot_name "$POD_NAME")
  query "$1" "SELECT pg_create_physical_replication_slot('$slot', true)
    WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot')"
}

# A slot whose WAL is gone is no use to anybody, and a new one cannot be made beside it.
drop_lost_slot() {
  slot=$(slot_name "$POD_NAME")
  query "$1" "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE slot_name = '$slot' AND slot_type = 'physical' AND NOT active AND (wal_status = 'lost' OR restart_lsn IS NULL)" >/dev/null
}

# clone POD: a fresh copy beside PGDATA, put in place when whole. POD is writable and of the right system.
clone() {
  go_on
  phase cloning
  log "copying the data of $1 (pg_basebackup)"
  remove_tree "$CLONE"
  rm -f "$STATE/clone-complete" "$STATE/clone-request"
  [ -z "$clone_wanted" ] || printf '%s\n' "$clone_wanted" | replace "$STATE/clone-request"
  if [ -e "$PGDATA" ] && ! room_for_two "$1"; then
    log "no room for a second copy: removing the replaced one first"
    remove_tree "$PGDATA"
  fi
  drop_lost_slot "$1"
  if ! answer=$(make_slot "$1"); then
    hold clone-failed "cannot make the slot $(slot_name "$POD_NAME") on $1: $answer" 2
    return
  fi
  # A name of its own: a copy in the making must not be taken for a standby that streams.
  run pg_basebackup -D "$CLONE" -d "$(conninfo "$1" "$POD_NAME-clone")" -X stream -S "$(slot_name "$POD_NAME")" -c fast 9>&- >"$RUN/clone.log" 2>&1
  status=$?
  leave_if_asked
  if [ "$status" -ne 0 ]; then
    hold clone-failed "pg_basebackup from $1 failed: $(tail -n 2 "$RUN/clone.log")" 2
    return
  fi
  : >"$CLONE/standby.signal"
  rm -f "$CLONE/recovery.signal"
  set_upstream "$CLONE" "$1"
  sync "$CLONE/standby.signal" 2>/dev/null
  echo "$1" | replace "$STATE/clone-complete"
  swap_in_clone
}

room_for_two() {
  needed=$(query "$1" "SELECT ceil((sum(pg_database_size(oid)) * 1.05 + (SELECT sum(size) FROM pg_ls_waldir())) / 1024)::bigint FROM pg_database")
  is_number "$needed" || return 0
  free=$(df -Pk "$VOLUME" | awk 'NR == 2 { print $4 }')
  is_number "$free" || return 0
  [ "$free" -gt "$needed" ]
}

# History of the primary's timeline, on standard output: lines of "timeline<TAB>switch LSN<TAB>reason".
history_of() { # POD TIMELINE
  query "$1" "SELECT convert_from(pg_read_binary_file('pg_wal/$(printf '%08X' "$2").history'), 'UTF8')"
}

# relate POD: compares our data with the writable POD's history. Sets relation:
#   same      our data is a point on its way: nothing here that it does not have
#   diverged  our timeline went on beyond the point where its history left it
#   namesake  a timeline of the same number, but another one: two standbys were promoted that did not know each other
#   unknown   it could not be told
relate() {
  relation=unknown
  [ "$peer_timeline" -ge "$data_timeline" ] || return 0
  if [ "$peer_timeline" -eq 1 ]; then relation=same; return; fi
  history=$(history_of "$1" "$peer_timeline") || return 0
  if [ "$peer_timeline" -eq "$data_timeline" ]; then
    if [ -z "$(foreign_ancestors)" ]; then relation=same; else relation=namesake; fi
    return
  fi
  if [ -n "$(foreign_ancestors)" ]; then relation=diverged fork='another timeline of the same number'; return; fi
  fork=$(printf '%s\n' "$history" | awk -v timeline="$data_timeline" '$1 == timeline { print $2; exit }')
  if [ -z "$fork" ]; then relation=diverged; fork='none in common'
  elif [ "$data_lsn" -gt "$(lsn_number "$fork")" ]; then relation=diverged
  else relation=same
  fi
}

# The lines (timeline, switch LSN) of our own timeline's history that are not in $history.
foreign_ancestors() {
  ours=$PGDATA/pg_wal/$(printf '%08X' "$data_timeline").history
  [ -s "$ours" ] || return 0
  {
    printf '%s\n' "$history"
    echo ours
    cat "$ours"
  } | awk '$1 == "ours" { ours = 1 } $1 !~ /^[0-9]+$/ { next } !ours { theirs[$1 " " $2] = 1 } ours && !(($1 " " $2) in theirs) { print $1, $2 }'
}

# The WAL that our data needs next is still on the primary (or may be: then let PostgreSQL try).
wal_is_there() {
  if postgres -D "$PGDATA" -c config_file="$CONFIG/postgresql.conf" -C restore_command 2>/dev/null | grep -q .; then return 0; fi
  slot=$(slot_name "$POD_NAME")
  answer=$(query "$1" "SELECT
      EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot' AND wal_status <> 'lost' AND restart_lsn <= '$data_lsn_text')
      OR EXISTS (SELECT FROM pg_ls_waldir() WHERE length(name) = 24 AND substr(name, 9) = substr(pg_walfile_name('$data_lsn_text'), 9))") || return 0
  [ "$answer" = t ]
}

# Runs what a crash left to be replayed, connected to nobody, so that pg_rewind finds a data directory at rest.
ensure_shut_down() {
  read_controldata || return 1
  case $state in 'shut down' | 'shut down in recovery') return 0 ;; esac
  log "the data directory is '$state': replaying its WAL before the rewind"
  [ ! -e "$PGDATA/standby.signal" ] || return 1 # single-user mode has no standbys
  keep_child=1
  run postgres --single -D "$PGDATA" -c config_file="$CONFIG/postgresql.conf" -c listen_addresses= -c archive_mode=off template1 >/dev/null 2>"$RUN/rewind.log"
  keep_child=''
  read_controldata && [ "$state" = 'shut down' ]
}

# rewind POD: our data onto the way of POD, which is writable, of our system and on a newer timeline.
rewind() {
  go_on
  phase rewinding
  log "rewinding onto $1 (timeline $data_timeline to $peer_timeline)"
  # pg_rewind compares control files: the source's must know its new timeline.
  if ! answer=$(query_as "$POSTGRES_USER" "$1" CHECKPOINT); then rewind_failed "CHECKPOINT on $1 failed: $answer"; return; fi
  if ! ensure_shut_down; then rewind_failed "its WAL cannot be replayed: $(tail -n 2 "$RUN/rewind.log" 2>/dev/null)"; return; fi
  leave_if_asked
  source_conninfo="host=$(address "$1") port=$PORT user=$REPLICATION_USER dbname=postgres connect_timeout=5"
  # A rehearsal that changes nothing: whatever stands in the way is found before the directory is touched.
  if ! run pg_rewind --dry-run --no-ensure-shutdown -D "$PGDATA" --source-server="$source_conninfo" >"$RUN/rewind.log" 2>&1; then
    leave_if_asked
    rewind_failed "$(tail -n 2 "$RUN/rewind.log")"
    return
  fi
  leave_if_asked
  if ! answer=$(make_slot "$1"); then rewind_failed "cannot make the slot on $1: $answer"; return; fi
  echo "$1" | replace "$STATE/rewinding"
  sync "$STATE" 2>/dev/null
  : >"$PGDATA/standby.signal"
  keep_child=1 # half a rewind costs a whole copy
  run pg_rewind --no-ensure-shutdown -D "$PGDATA" --source-server="$source_conninfo" >"$RUN/rewind.log" 2>&1
  status=$?
  keep_child=''
  if [ "$status" -eq 0 ]; then
    : >"$PGDATA/standby.signal"
    set_upstream "$PGDATA" "$1"
    sync "$PGDATA/standby.signal" 2>/dev/null
    drop_former_slots
    rm -f "$STATE/rewinding"
    log "rewound: $(tail -n 1 "$RUN/rewind.log")"
  else
    log "pg_rewind failed midway: $(tail -n 2 "$RUN/rewind.log")"
  fi
  leave_if_asked
}

# Slots from our time as primary would hold WAL here for pods that stream from another now. pg_rewind removes them, but
# not when it finds nothing to rewind. PostgreSQL does not run, and each slot is a directory of its own.
drop_former_slots() {
  for former in "$PGDATA"/pg_replslot/*; do
    ordinal=${former##*_}
    case ${former##*/} in
      "$(slot_name "$PRIMARY_SET")_$ordinal" | "$(slot_name "$REPLICA_SET")_$ordinal") is_number "$ordinal" && remove_tree "$former" ;;
    esac
  done
}

rewind_failed() {
  hold rewind-failed "cannot be rewound: $1. A fresh copy mends it: pgctl rejoin $POD_NAME --clone" 10
}

# ---- The decision -----------------------------------------------------------------------------------------------

# Each returns 0 when PostgreSQL is to be started as $role, and 1 when the situation is to be looked at again.

decide() {
  role='' upstream=''
  read_topology || { hold bad-topology "$why"; return 1; }
  inspect_data
  if [ "$named" = "$POD_NAME" ]; then decide_as_named; else decide_as_other; fi
}

decide_as_named() {
  case $data in
    empty) bootstrap; return 1 ;;
    unreadable) refuse unreadable-data "$why. It is left as it is: restore it, or fail over to another pod (pgctl failover)" ;;
    half) refuse half-rewound "a rewind of this data was interrupted, so it cannot serve as primary. Fail over to another pod (pgctl failover), then pgctl rejoin $POD_NAME --clone" ;;
  esac
  right_system || refuse foreign-data "$why"
  if [ "$data" = primary ]; then
    nobody_else_is_primary || return 1
    role=primary
    return 0
  fi
  # To be promoted by pgctl. Until then it must go on receiving from whoever is still writable.
  role=standby
  while read -r name answer its_system _; do
    if [ "$answer" = writable ] && [ "$its_system" = "$data_system" ]; then upstream=$name; fi
  done <<LINES
$(ask_peers)
LINES
  leave_if_asked
  return 0
}

# The topology may be old news in a container that was restarted: whoever was promoted since is writable, or is
# followed by standbys that have heard of its timeline.
nobody_else_is_primary() {
  require_dns
  unclear=''
  while read -r name answer its_system its_timeline; do
    case $answer in
      writable)
        if [ "$its_system" = "$data_system" ]; then
          hold other-primary "$name is writable (timeline $its_timeline), so $POD_NAME (timeline $data_timeline) must not be, although the topology (term $term) names it"
          return 1
        fi ;;
      standby)
        if [ "$its_system" = "$data_system" ] && [ "$its_timeline" -gt "$data_timeline" ]; then
          hold stale-topology "$name is on timeline $its_timeline, and the data here on $data_timeline: another pod has been promoted, although the topology (term $term) names this one"
          return 1
        fi ;;
      starting | refused) unclear="$unclear $name" ;;
    esac
  done <<LINES
$(ask_peers)
LINES
  leave_if_asked
  if [ -n "$restarted" ]; then patience=$STALE_SECONDS; else patience=$PEER_GRACE; fi
  if [ -n "$unclear" ] && [ "$(since_start)" -lt "$patience" ]; then
    hold peers-unclear "cannot tell yet whether one of these pods is primary:$unclear"
    return 1
  fi
}

right_system() {
  [ -z "$system" ] || [ "$system" = "$data_system" ] && return 0
  why="the data here is of system $data_system, and the cluster's is $system: this volume belongs to another cluster"
  return 1
}

decide_as_other() {
  ask "$named"
  if [ "$peer" = writable ] && [ -n "$system" ] && [ "$peer_system" != "$system" ]; then
    hold foreign-primary "$named is of system $peer_system, and the cluster's is $system: it is not to be followed"
    return 1
  fi
  if [ "$data" != empty ] && [ -n "$clone_wanted" ]; then
    if [ "$peer" = writable ] && [ "$peer_system" = "$data_system" ] && [ "$peer_timeline" -lt "$data_timeline" ]; then
      hold clone-refused "a fresh copy was asked for (request $clone_wanted), but the data here (timeline $data_timeline) is newer than that of $named (timeline $peer_timeline): it may be the only copy"
    elif [ "$peer" = writable ]; then
      log "a fresh copy was asked for (request $clone_wanted)"
      clone "$named"
    else
      hold clone-wanted "a fresh copy was asked for (request $clone_wanted), but $named $peer_says"
    fi
    return 1
  fi
  case $data in
    empty)
      if [ "$peer" = writable ]; then clone "$named"; else hold no-primary "the volume is empty and is to be copied from $named, which $peer_says"; fi
      return 1 ;;
    unreadable)
      hold unreadable-data "$why. It is left as it is; a fresh copy replaces it: pgctl rejoin $POD_NAME --clone"
      return 1 ;;
  esac
  if ! right_system; then
    hold foreign-data "$why. A fresh copy replaces it: pgctl rejoin $POD_NAME --clone"
    return 1
  fi
  if [ "$peer" = writable ] && [ "$peer_system" != "$data_system" ]; then
    hold foreign-data "the data here is of system $data_system, and $named is of $peer_system. A fresh copy replaces it: pgctl rejoin $POD_NAME --clone"
    return 1
  fi
  case $data in
    half)
      if [ "$peer" = writable ] && [ "$peer_timeline" -ge "$data_timeline" ]; then
        log 'a rewind was interrupted here: the data must be copied anew'
        clone "$named"
      else
        hold half-rewound "a rewind was interrupted here, and the data is to be copied anew from $named, which $peer_says"
      fi
      return 1 ;;
    primary)
      if [ "$peer" = writable ] && [ "$peer_timeline" -gt "$data_timeline" ]; then
        rewind "$named"
      elif [ "$peer" = writable ]; then
        hold rival-primary "this is a primary's data on timeline $data_timeline, and $named is on timeline $peer_timeline, which is not newer: neither starting PostgreSQL nor changing the data. If $named is right, a fresh copy mends it: pgctl rejoin $POD_NAME --clone"
      else
        hold former-primary "this is a former primary's data (timeline $data_timeline); the primary is to be $named, which $peer_says: not starting PostgreSQL"
      fi
      return 1 ;;
  esac
  decide_as_standby
}

# Standby data. It starts whatever its primary does, unless that would only make it fail again and again.
decide_as_standby() {
  role=standby upstream=$named
  [ "$peer" = writable ] || return 0
  relate "$named"
  case $relation in
    diverged)
      log "this standby went on to $data_lsn_text on timeline $data_timeline, beyond the fork ($fork) to timeline $peer_timeline"
      rewind "$named"
      return 1 ;;
    namesake)
      hold namesake-timeline "timeline $data_timeline here and timeline $peer_timeline of $named have one number, but not one history. A fresh copy mends it: pgctl rejoin $POD_NAME --clone" 2
      return 1 ;;
    same)
      if ! wal_is_there "$named"; then
        log "$named no longer has the WAL from $data_lsn_text on, and has everything that is here: copying anew"
        clone "$named"
        return 1
      fi
      if [ "$peer_timeline" -gt "$data_timeline" ]; then keep_history; fi ;;
  esac
  drop_lost_slot "$named"
  if ! answer=$(make_slot "$named"); then log "no slot on $named yet: $answer"; fi
  return 0
}

# With the history at hand PostgreSQL leaves our timeline at the fork. Without it, it would first replay whatever it
# had received beyond, and could never follow again.
keep_history() {
  history_file=$PGDATA/pg_wal/$(printf '%08X' "$peer_timeline").history
  [ -e "$history_file" ] || printf '%s\n' "$history" | replace "$history_file"
}

# ---- Running PostgreSQL -----------------------------------------------------------------------------------------

start_postgres() {
  go_on
  case $role in
    standby)
      if [ -n "$upstream" ]; then set_upstream "$PGDATA" "$upstream"; fi
      log "starting as standby${upstream:+ of $upstream} (topology term $term)" ;;
    *)
      set_upstream "$PGDATA"
      log "starting as primary (topology term $term)" ;;
  esac
  printf '%s\n' "$data_system" | replace "$STATE/system-identifier"
  chmod 0700 "$PGDATA"
  remove_tree "$CLONE"
  remove_tree "$INIT"
  leave_if_asked
  # The record of an earlier run in this container would pass for that of this one, if this one leaves none.
  printf '' 2>/dev/null >"$TERMINATION_LOG"

  keep_child=1
  postgres -D "$PGDATA" -c config_file="$CONFIG/postgresql.conf" -c hba_file="$CONFIG/pg_hba.conf" \
    -c listen_addresses="$LISTEN" -c port="$PORT" -c unix_socket_directories="$RUN" -c cluster_name="$POD_NAME" &
  postmaster=$!
  echo "$postmaster" >"$RUN/pgctl-postmaster"
  phase running
  trap stop_fast TERM INT
  [ -z "$stopping" ] || stop_fast
  watch 9>&- &
  watcher=$!
  child=$postmaster
  await
  status=$?
  kill "$watcher" 2>/dev/null
  trap on_term TERM INT
  keep_child=''
  record_stop
  if [ -e "$RUN/pgctl-fence" ]; then
    rm -f "$RUN/pgctl-fence"
    leave_if_asked
    return 0
  fi
  if [ -n "$stopping" ]; then
    [ "$status" -eq 0 ] || log "PostgreSQL ended with status $status"
    exit "$status"
  fi
  log "PostgreSQL ended by itself with status $status"
  [ "$status" -ne 0 ] || status=1
  exit "$status"
}

# SIGINT is the fast shutdown: sessions are ended, not waited for, and standbys receive all WAL.
stop_fast() {
  stopping=1
  phase stopping
  interrupt_postgres 9>&- &
}

# Again and again: a server that has only just been started does not listen to signals yet. It is no harm to one that
# is already stopping.
interrupt_postgres() {
  trap - TERM INT
  while kill -INT "$postmaster" 2>/dev/null; do sleep 1; done
}

# Runs beside PostgreSQL. The topology may change, or arrive late, after the decision to start was made.
watch() {
  trap - TERM INT
  named_at_start=$named
  handled=''
  ticks=0
  while sleep 1; do
    ticks=$((ticks + 1))
    read_topology || continue
    if [ -e "$PGDATA/standby.signal" ]; then
      [ "$named" != "$POD_NAME" ] || continue
      # Soon after a start or a change, and every ten seconds.
      if [ "$handled" != "$named" ] || [ $((ticks % 10)) -eq 0 ]; then follow; fi
    elif [ "$named" != "$POD_NAME" ]; then
      fence_if_replaced
    fi
  done
}

# Another pod is named primary while we are writable. A switchover in progress looks the same and stops us in its
# own time; what must not be is that the other is writable already, or that we started on an old topology.
fence_if_replaced() {
  if [ -n "$restarted" ] && [ "$named_at_start" = "$POD_NAME" ] && [ "$(since_start)" -lt "$STALE_SECONDS" ]; then
    log "started on a topology that was out of date: $named is primary (term $term); stopping PostgreSQL"
  else
    ask "$named"
    [ "$peer" = writable ] && read_controldata && [ "$peer_system" = "$data_system" ] && [ "$peer_timeline" -gt "$data_timeline" ] || return 0
    log "$named is writable on timeline $peer_timeline and named primary (term $term); stopping PostgreSQL"
  fi
  : >"$RUN/pgctl-fence"
  interrupt_postgres
}

# Sees to it that this standby follows the named primary, once that is writable.
follow() {
  answer=$(query_local "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_host = '$(address "$named")'") || return 0
  if [ "$answer" = 1 ]; then handled=$named; return; fi
  ask "$named"
  [ "$peer" = writable ] && [ "$peer_system" = "$data_system" ] || return 0
  drop_lost_slot "$named"
  make_slot "$named" >/dev/null || return 0
  want=$(conninfo "$named")
  [ "$(query_local 'SHOW primary_conninfo')|$(query_local 'SHOW primary_slot_name')" != "$want|$(slot_name "$POD_NAME")" ] || return 0
  log "following $named now (topology term $term)"
  query_local "ALTER SYSTEM SET primary_conninfo = '$want'" >/dev/null &&
    query_local "ALTER SYSTEM SET primary_slot_name = '$(slot_name "$POD_NAME")'" >/dev/null &&
    query_local 'SELECT pg_reload_conf()' >/dev/null
}

mkdir -p "$RUN"
rm -f "$RUN/pgctl-wait" "$RUN/pgctl-fence" "$RUN/pgctl-postmaster"
phase deciding
prepare
settle_swap
while :; do
  until decide; do leave_if_asked; done
  start_postgres
done
