#!/bin/sh
# Start script of every PostgreSQL pod, primary or replica.
#
# It is the fence of the cluster: it decides, from the topology (which pod is primary) and from what lies in the
# data directory, whether this pod starts PostgreSQL, and as what. When in doubt it waits and asks again: a pod that
# waits costs an outage, a second writable primary costs data. The table it follows is in docs/deployment.md.
#
# POSIX sh only (dash, busybox ash). Runs as PID 1 of the container, as the user that owns the data directory. Beside it:
# session.sh (how PostgreSQL is talked to), passwords.sh (what it logs in with), tls.sh (certificates), peers.sh (asking the other
# pods), copy.sh (slots, copies, rewinds), settings.sh (what PostgreSQL is started with).
set -u
LC_ALL=C
export LC_ALL
umask 077

# ---- Where things are -------------------------------------------------------------------------------------------

PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
PGDATA=${PGDATA%/}
export PGDATA
VOLUME=${PGDATA%/*}
STATE=$VOLUME/pgctl              # facts about this volume; beside PGDATA, because pg_basebackup copies what lies in it
CLONE=$PGDATA.clone              # a copy in the making, renamed to PGDATA when it is whole
OLD=$PGDATA.old                  # what a finished copy replaces, until the replacement is in place
INIT=$PGDATA.init                # a bootstrap in the making
CONFIG=${PG_CONFIG_DIR:-/etc/postgresql}
TOPOLOGY=${PG_TOPOLOGY_DIR:-/etc/postgresql-topology}
# The pod's annotations, as far as they say what pgctl is about, from the downward API.
PODINFO=${PG_PODINFO_DIR:-/etc/podinfo}
RUN=${PG_RUN_DIR:-/var/run/postgresql}
COMPLAINTS=$RUN/pgctl-complaint  # what the last tool that was asked said on standard error
TERMINATION_LOG=${PG_TERMINATION_LOG:-/dev/termination-log}
REPLICATION_USER=replicator
PLACEHOLDER=replace-me-before-use

LISTEN=${PG_LISTEN_ADDRESSES:-*}
# Ordinals 0 to this one of each StatefulSet are asked; the autoscaler's maximum must stay below it.
MAX_ORDINAL=${PG_MAX_ORDINAL:-9}
# Seconds that an empty first primary gives the other pods to come up with data, once in the life of a cluster.
BOOTSTRAP_SETTLE=${PG_BOOTSTRAP_SETTLE:-15}
# Longest time, in seconds, that a ConfigMap in a running pod may lag behind: the kubelet's sync period and its cache.
STALE_SECONDS=${PG_TOPOLOGY_STALE_SECONDS:-150}
# Seconds that a restarted primary whose topology is fresh gives pods that exist and don't answer.
PEER_GRACE=${PG_PEER_GRACE:-10}

# Seconds that a standby stays after PostgreSQL has stopped, for readers who are still led to it.
LINGER=${PG_LINGER_SECONDS:-2}

# So long nobody may stream through a slot before it is given up (PostgreSQL 18), unless a configuration file says so:
# whoever is away for longer is copied anew.
IDLE_SLOT_TIMEOUT=${PG_IDLE_SLOT_TIMEOUT:-1d}

# What a rewind removes of our WAL is kept if it is at most so much, in MiB.
KEEP_MIB=${PG_KEEP_WAL_MIB:-512}

POD_NAME=${POD_NAME:-$(cat /proc/sys/kernel/hostname)}
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

HERE=${0%/*}
# shellcheck source=deploy/base/scripts/session.sh
. "$HERE/session.sh"
# shellcheck source=deploy/base/scripts/passwords.sh
. "$HERE/passwords.sh"
# shellcheck source=deploy/base/scripts/peers.sh
. "$HERE/peers.sh"
# shellcheck source=deploy/base/scripts/tls.sh
. "$HERE/tls.sh"
# shellcheck source=deploy/base/scripts/copy.sh
. "$HERE/copy.sh"
# shellcheck source=deploy/base/scripts/settings.sh
. "$HERE/settings.sh"

container=''       # name of this life of the pod
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

# read_word FILE: sets word to what is in it, which is one word, without what is around it. No program is run for it, nor a
# subshell: every pod reads its files once a second, as long as it lives.
read_word() {
  word=''
  [ -r "$1" ] || return 1
  while read -r read_line || [ -n "$read_line" ]; do
    # An editor may have left a carriage return, which is no blank to the shell.
    while :; do
      case $read_line in *[[:space:]]) read_line=${read_line%?} ;; *) break ;; esac
    done
    [ -z "$read_line" ] || word=${word:+$word }$read_line
  done 2>/dev/null <"$1"
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

# Sets data: empty, primary, standby, half (a rewind was interrupted), recovery (to be recovered to a point in time by
# hand), unreadable.
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
  elif [ -e "$PGDATA/recovery.signal" ]; then
    data=recovery
    why="$PGDATA is set up for a recovery to a point in time (recovery.signal), at whose end it would be a primary of its own, and no such recovery is run here"
  else
    data=primary
  fi
}

# Puts the record of how PostgreSQL ended into the container's termination message. Sets record and clean.
record_stop() {
  record='' clean=false
  [ -s "$PGDATA/PG_VERSION" ] && read_controldata || return 0
  case $state in 'shut down' | 'shut down in recovery') clean=true ;; esac
  record=$(printf '{"pgctl":"stopped","state":"%s","checkpoint_lsn":"%s","timeline":%s,"system_identifier":"%s","clean":%s,"container":"%s"}' \
    "$(plain "$state")" "$checkpoint_lsn" "$checkpoint_timeline" "$data_system" "$clean" "$container")
  printf '%s\n' "$record" 2>/dev/null >"$TERMINATION_LOG"
}

# Stays a moment after PostgreSQL has stopped in order: the pod's address refuses connections as long as the container is
# there, and lets them hang afterwards, wherever a kube-proxy still leads to it. A primary stays only when pgctl has asked for
# it (linger.sh), and has led its clients elsewhere: nobody could take its place meanwhile.
linger() {
  [ "$clean" = true ] && [ "$status" -eq 0 ] || return 0
  if ! asked_to_linger; then
    [ "$state" != 'shut down in recovery' ] || sleep "$LINGER" 9>&-
    return 0
  fi
  # From here on no PostgreSQL starts in this pod any more, also not in another container of it: pgctl promotes another pod on
  # our word.
  echo "$linger_term" | replace "$RUN/pgctl-stopped-term" || return 0
  printf '%s\n' "$record" | replace "$RUN/pgctl-stopped" || return 0
  log "PostgreSQL has stopped for good; refusing connections for $linger_seconds s more, while clients are led elsewhere"
  tenths=$((linger_seconds * 10))
  # Not longer than pgctl wants it: a switchover that is put back waits for our end.
  while [ "$tenths" -gt 0 ] && [ -e "$RUN/pgctl-linger" ]; do
    sleep 0.1 9>&-
    tenths=$((tenths - 1))
  done
}

asked_to_linger() {
  [ -e "$RUN/pgctl-linger" ] || return 1
  until_second='' linger_seconds='' linger_term=''
  read -r until_second linger_seconds linger_term <"$RUN/pgctl-linger"
  is_number "$until_second" && is_number "$linger_seconds" && is_number "$linger_term" && [ "$(date +%s)" -le "$until_second" ]
}

# Whether what PostgreSQL was stopped for has been put back: the topology names this pod, by a term above that of the operation
# that has stopped it. Terms only grow.
is_put_back() {
  read_word "$RUN/pgctl-stopped-term"
  stopped_term=$word
  is_number "$stopped_term" && read_topology && [ -z "$stale" ] && [ "$named" = "$POD_NAME" ] && [ "$term" -gt "$stopped_term" ]
}

# ---- What the topology says -------------------------------------------------------------------------------------

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

is_pod() { # a pod of one of the two StatefulSets
  case $1 in "$PRIMARY_SET"-* | "$REPLICA_SET"-*) is_number "${1##*-}" && { [ "${1%-*}" = "$PRIMARY_SET" ] || [ "${1%-*}" = "$REPLICA_SET" ]; } ;; *) return 1 ;; esac
}

# Sets named, term, system (or empty), clone_wanted, and stale: set when this volume has seen a higher term. Terms only
# grow, so such a topology was deleted, or comes from an old copy: what it says counts for nothing. The files are links into one directory that the kubelet swaps as a
# whole: reading until two rounds agree never mixes two versions.
read_topology() {
  while :; do
    read_word "$TOPOLOGY/primary"
    named=$word
    read_word "$TOPOLOGY/term"
    term=$word
    read_word "$TOPOLOGY/system-identifier"
    system=$word
    read_word "$TOPOLOGY/clone.$POD_NAME"
    clone_wanted=$word
    read_word "$TOPOLOGY/primary"
    again=$word
    read_word "$TOPOLOGY/term"
    [ "$named $term" = "$again $word" ] && break
  done
  named=${named:-$PRIMARY_SET-0}
  term=${term:-0}
  is_pod "$named" || { why="the topology names '$named' as primary, which is no pod of $PRIMARY_SET or $REPLICA_SET"; return 1; }
  { is_number "$term" && [ "${#term}" -le 18 ]; } || { why="the topology's term '$term' is not a number"; return 1; }
  [ -z "$system" ] || is_number "$system" || { why="the topology's system-identifier '$system' is not a number"; return 1; }
  read_word "$STATE/clone-done"
  [ "$clone_wanted" != "$word" ] || clone_wanted=''
  read_word "$STATE/term"
  seen_term=$word
  is_number "$seen_term" || seen_term=0
  stale=''
  if [ "$term" -lt "$seen_term" ]; then
    stale=1 clone_wanted=''
  elif [ "$term" -gt "$seen_term" ]; then
    echo "$term" | replace "$STATE/term"
  fi
}

# What is to be done about a stale topology is up to a person: which pod has the data that counts, nobody here can tell.
hold_stale() {
  case $PRIMARY_SET in
    *postgres-primary*) map=${PRIMARY_SET%%postgres-primary*}postgres-topology${PRIMARY_SET#*postgres-primary} ;;
    *) map=postgres-topology ;;
  esac
  hold stale-topology "this volume has seen term $seen_term of the topology, and the ConfigMap $map is at term $term: it was deleted, or restored from an old copy, and may name the wrong pod ($named). Find out which pod has the newest data (pgctl status), and name it, here $POD_NAME: kubectl${POD_NAMESPACE:+ -n $POD_NAMESPACE} create configmap $map --from-literal=primary=$POD_NAME --from-literal=term=$((seen_term + 1))${data_system:+ --from-literal=system-identifier=$data_system} --dry-run=client -o yaml | kubectl apply -f -"
}

# The term that pgctl last annotated this pod with, 0 for none; fails where the pod's annotations can't be seen. The
# variable is from when the container was made, the file follows.
annotated_term() {
  read_word "$PODINFO/term" || return 1
  noted_term=$word
  is_number "$noted_term" || noted_term=0
  if is_number "${PG_ANNOTATED_TERM:-}" && [ "$PG_ANNOTATED_TERM" -gt "$noted_term" ]; then noted_term=$PG_ANNOTATED_TERM; fi
  echo "$noted_term"
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

# An answer that no program gives must not be taken for one. A test compares these with what the scripts run.
check_tools() {
  for tool in awk cat chmod cp cut date df du env getent grep head id ls mkdir mv od readlink rm sed sleep sync tail timeout tr \
    pg_basebackup pg_controldata pg_isready pg_rewind initdb postgres psql; do
    command -v "$tool" >/dev/null 2>&1 && continue
    # Our own words need not be made safe, and what does that may be what is missing.
    plain() { printf '%s' "$1"; }
    refuse missing-tool "the image has no program $tool, which this script needs: use an image that has it (those of docker.io/library/postgres do), or add it"
  done
}

prepare() {
  if ! command -v postgres >/dev/null 2>&1; then
    for directory in /usr/lib/postgresql/*/bin /usr/local/bin; do
      if [ -x "$directory/postgres" ]; then PATH=$directory:$PATH; fi
    done
    export PATH
  fi
  check_tools
  # "postgres (PostgreSQL) 15.18 (Debian …)"
  server_version=$(postgres --version | sed -e 's/^[^0-9]*//' -e 's/[^0-9].*//')
  [ -n "$server_version" ] || refuse no-postgres 'no postgres program in PATH: use an image of PostgreSQL'
  SESSION=$(session_options "$server_version")
  SUPERUSER_SESSION=$(superuser_options "$server_version")
  case $POSTGRES_USER in
    "$REPLICATION_USER" | *[!A-Za-z0-9_-]*) refuse bad-secret "the key postgres-user of the Secret may be letters, digits, _ and - only, and not $REPLICATION_USER" ;;
  esac
  PGPASSFILE=$RUN/pgpass
  export PGPASSFILE
  read_passwords

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

  # This directory lives as long as the pod. A first container sees the topology as fresh as its volume's mount, a
  # second one may see an old one.
  if [ -e "$RUN/pgctl-started" ]; then restarted=1; else restarted=''; fi
  : >"$RUN/pgctl-started"
  # This life of the pod. PostgreSQL tells its name to whoever asks (pgctl.container), and nobody else knows it.
  container=$(cat /proc/sys/kernel/random/uuid 2>/dev/null)
  # Only a script that lingers leaves it (linger.sh). What was asked of another container is over.
  rm -f "$RUN/pgctl-linger"
  printf '%s\n' "$container" >"$RUN/pgctl-container"
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
  if [ -e "$PGDATA" ] && [ -e "$OLD" ]; then drop_replaced "$OLD"; fi
  if [ -e "$PGDATA" ]; then chmod 0700 "$PGDATA"; fi # fsGroup adds group permissions at every mount
}

swap_in_clone() {
  if [ -e "$PGDATA" ]; then
    drop_replaced "$OLD"
    mv "$PGDATA" "$OLD"
  fi
  rm -f "$STATE/rewinding"
  mv "$CLONE" "$PGDATA"
  if [ -s "$STATE/clone-request" ]; then mv -f "$STATE/clone-request" "$STATE/clone-done"; fi
  rm -f "$STATE/clone-complete"
  sync "$STATE" "$VOLUME" 2>/dev/null
  drop_replaced "$OLD"
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
  printf '%s\n' "$superuser_password" | replace "$RUN/pwfile"
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
  printf 'ALTER ROLE %s PASSWORD %s;\n\n' "$REPLICATION_USER" "$(sql_literal "$replication_password")"
}

# ---- The decision -----------------------------------------------------------------------------------------------

# Each returns 0 when PostgreSQL is to be started as $role, and 1 when the situation is to be looked at again.

decide() {
  role='' upstream=''
  read_topology || { hold bad-topology "$why"; return 1; }
  certificate_ready || return 1
  renew_passwords
  inspect_data
  if [ "$named" = "$POD_NAME" ]; then decide_as_named; else decide_as_other; fi
}

decide_as_named() {
  case $stale$data in
    1empty | 1primary) hold_stale; return 1 ;;
  esac
  case $data in
    recovery) hold unfinished-recovery "$why. Restore with pgctl restore, or fail over to another pod (pgctl failover); if this data is right as it is, remove the file"; return 1 ;;
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

# How long, in seconds since the start, who does not answer may be another primary: the topology here may be old news.
# A new pod's volumes are fresh, and so is a topology at or above the term that pgctl has annotated the pod with: the
# kubelet knew that annotation when it made this container, and pgctl promotes nobody before it has set it.
patience() {
  annotated=$(annotated_term)
  if [ -z "$restarted" ] && [ "${annotated:-0}" -le "$term" ]; then echo 0
  elif [ -n "$annotated" ] && [ "$annotated" -le "$term" ]; then echo "$PEER_GRACE"
  else echo "$STALE_SECONDS"
  fi
}

# The topology may be old news in a container that was restarted: whoever was promoted since is writable, or is
# followed by standbys that have heard of its timeline. Who answers and can't be understood may always be primary,
# however long that lasts. Who does not answer at all can be one only as long as the topology may be old.
nobody_else_is_primary() {
  require_dns
  unclear='' unheard=''
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
      recovering | silent) unheard="$unheard $name" ;;
      '') ;; # no other pod exists
      *) unclear="$unclear $name" ;;
    esac
  done <<LINES
$(ask_peers)
LINES
  leave_if_asked
  if [ -n "$unclear" ]; then
    read -r first _ <<LINES
$unclear
LINES
    ask "$first"
    # Without a certificate that counts, a new pod would be no better.
    if [ -n "$peer_mend" ]; then mend="To mend it, $peer_mend; this pod asks again"
    else mend="This ends when they answer, or are gone: kubectl${POD_NAMESPACE:+ -n $POD_NAMESPACE} delete pod$unclear"; fi
    hold peers-unclear "cannot tell whether one of these pods is primary:$unclear. $first $peer_says. $mend"
    return 1
  fi
  if [ -n "$unheard" ] && [ "$(since_start)" -lt "$(patience)" ]; then
    hold peers-silent "one of these pods, which do not answer, may have been made primary a short time ago:$unheard. Waiting until the topology here (term $term) cannot be out of date any more"
    return 1
  fi
  # Who is there again is known again.
  for name in $unheard; do rm -f "$STATE/peers/$name"; done
  # Without DNS they would all have been absent.
  known_to_dns "$POD_NAME"
}

right_system() {
  [ -z "$system" ] || [ "$system" = "$data_system" ] && return 0
  why="the data here is of system $data_system, and the cluster's is $system: this volume belongs to another cluster"
  return 1
}

decide_as_other() {
  # Nothing is changed or taken for a successor on the word of a stale topology.
  case $stale$data in
    1standby) role=standby; return 0 ;;
    1*) hold_stale; return 1 ;;
  esac
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
    recovery)
      hold unfinished-recovery "$why. A fresh copy replaces it: pgctl rejoin $POD_NAME --clone"
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
        # No copy is ever put over newer data.
        if [ "$peer_timeline" -lt "$data_timeline" ]; then mend="a new volume mends it, without what only this one has: pgctl reinit $POD_NAME"
        else mend="a fresh copy mends it: pgctl rejoin $POD_NAME --clone"; fi
        hold rival-primary "this is a primary's data on timeline $data_timeline, and $named is on timeline $peer_timeline, which is not newer: neither starting PostgreSQL nor changing the data. If $named is right, $mend"
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
  if ! make_slot "$named" >/dev/null; then log "no slot on $named yet: $(complaint)"; fi
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
  case $role in
    primary) set_upstream "$PGDATA" none ;;
    *) set_upstream "$PGDATA" "${upstream:-same}" ;;
  esac
  rm -f "$PGDATA/recovery.signal" # beside standby.signal it means nothing, and later it might
  printf '%s\n' "$data_system" | replace "$STATE/system-identifier"
  chmod 0700 "$PGDATA"
  remove_tree "$CLONE"
  remove_tree "$INIT"
  leave_if_asked
  settings_work || return 0
  limits=''
  if [ "$role" = standby ]; then raise_limits; fi
  # Versions before would not start with it.
  if [ "$server_version" -ge 18 ] && [ "$(setting idle_replication_slot_timeout)" = 0 ]; then
    limits="$limits -c idle_replication_slot_timeout=$IDLE_SLOT_TIMEOUT"
  fi
  # The record of an earlier run in this container would pass for that of this one, if this one leaves none.
  printf '' 2>/dev/null >"$TERMINATION_LOG"
  # The topology may have changed while all this was looked at. What changes from here on, watch sees.
  if [ "$role" = primary ]; then
    read_topology && [ "$named" = "$POD_NAME" ] && [ -z "$stale" ] || return 0
  fi
  prefer_proven
  go_on
  log "starting as $role${upstream:+ of $upstream} (topology term $term)"
  primary_since=$(date +%s)

  keep_child=1
  # shellcheck disable=SC2086 # names and numbers
  with_settings exec postgres -D "$PGDATA" ${container:+-c pgctl.container="$container"} $limits &
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
    linger
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
  handled='' unfollowed=''
  ticks=0
  while sleep 1; do
    ticks=$((ticks + 1))
    [ $((ticks % 5)) -ne 0 ] || renew_certificate
    read_topology || continue
    [ -z "$stale" ] || continue
    renew_passwords
    if [ -e "$PGDATA/standby.signal" ]; then
      [ "$named" != "$POD_NAME" ] || continue
      # Soon after a start or a change, and every ten seconds.
      if [ "$handled" != "$named" ] || [ $((ticks % 10)) -eq 0 ]; then follow; fi
    elif [ "$named" != "$POD_NAME" ]; then
      fence_if_replaced
    fi
  done
}

# Another pod is named primary while we are writable. It must not be writable already, and we must not have started on
# a topology that was out of date: who has been primary for less than the longest delay of a ConfigMap may have.
# A switchover in progress looks the same, and stops us in its own time: pgctl has said so on this very pod.
fence_if_replaced() {
  if [ "$role" = primary ] && [ $(($(date +%s) - primary_since)) -lt "$STALE_SECONDS" ] && ! is_held; then
    log "$named is named primary now (term $term), and this pod may have started on a topology that was out of date: stopping PostgreSQL"
  else
    ask "$named"
    [ "$peer" = writable ] && read_controldata && [ "$peer_system" = "$data_system" ] && [ "$peer_timeline" -gt "$data_timeline" ] || return 0
    log "$named is writable on timeline $peer_timeline and named primary (term $term); stopping PostgreSQL"
  fi
  : >"$RUN/pgctl-fence"
  interrupt_postgres
}

# An operation of pgctl has marked this pod, by its UID, as the one that it is about to stop. The mark is the name of the
# container that pgctl has found its server in: one that was restarted since is another life of the pod, that pgctl may
# not know of. "held" is from when it did not ask, or got no answer: such a mark counts for a pod's first container.
is_held() {
  read_word "$PODINFO/held" || return 1
  case $word in
    '') return 1 ;;
    held) [ -z "$restarted" ] ;;
    *) [ "$word" = "$container" ] ;;
  esac
}

# Sees to it that this standby follows the named primary, once that is writable.
follow() {
  answer=$(query_local "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_host = '$(address "$named")'") || return 0
  if [ "$answer" = 1 ]; then handled=$named; return; fi
  ask "$named"
  [ "$peer" = writable ] && [ "$peer_system" = "$data_system" ] || return 0
  drop_lost_slot "$named"
  if ! make_slot "$named" >/dev/null; then not_following "no slot $(slot_name "$POD_NAME") there"; return; fi
  want=$(conninfo "$named")
  [ "$(query_local 'SHOW primary_conninfo')|$(query_local 'SHOW primary_slot_name')" != "$want|$(slot_name "$POD_NAME")" ] || return 0
  if query_local "ALTER SYSTEM SET primary_conninfo = '$want'" >/dev/null &&
    query_local "ALTER SYSTEM SET primary_slot_name = '$(slot_name "$POD_NAME")'" >/dev/null &&
    query_local 'SELECT pg_reload_conf()' >/dev/null; then
    log "following $named now (topology term $term)"
    unfollowed=''
  else
    not_following 'ALTER SYSTEM failed here'
  fi
}

# Why this standby does not follow yet: once for each reason.
not_following() {
  why="$1: $(complaint)"
  why=$why$(mending "$why")
  [ "$unfollowed" != "$why" ] || return 0
  unfollowed=$why
  log "cannot follow $named yet, and try again: $why"
}

mkdir -p "$RUN"
rm -f "$RUN/pgctl-wait" "$RUN/pgctl-fence" "$RUN/pgctl-postmaster"
phase deciding
prepare
while [ -e "$RUN/pgctl-stopped" ]; do
  if is_put_back; then
    log "the switchover that PostgreSQL was stopped for was put back (topology term $term)"
    rm -f "$RUN/pgctl-stopped"
    break
  fi
  hold stopped-for-good "PostgreSQL was stopped in this pod for good, and another pod may be primary by now; the pod is about to be deleted: pgctl status says what goes on. If nothing does: kubectl${POD_NAMESPACE:+ -n $POD_NAMESPACE} delete pod $POD_NAME" 1
done
settle_swap
while :; do
  until decide; do leave_if_asked; done
  start_postgres
done
