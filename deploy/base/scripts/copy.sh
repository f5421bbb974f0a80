# Becoming a standby: slots, fresh copies, rewinds. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this

conninfo() { # POD [APPLICATION_NAME]
  printf 'host=%s port=%s user=%s passfile=%s application_name=%s connect_timeout=5 keepalives_idle=10 keepalives_interval=5 keepalives_count=3' \
    "$(address "$1")" "$PORT" "$REPLICATION_USER" "$PGPASSFILE" "${2:-$POD_NAME}"
  # Slots that are synchronized (sync_replication_slots) are read in a database.
  [ "$server_version" -lt 17 ] || printf ' dbname=postgres'
  verifying
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

# clone POD: a fresh copy beside PGDATA, put in place when whole. POD is writable and of the right system. Each try costs
# the primary a checkpoint: after a failure the next one is later, up to a minute, unless something else is asked for.
clone() {
  if [ "$clone_subject" != "$1 $clone_wanted" ]; then
    clone_subject="$1 $clone_wanted" clone_pause=1 clone_due=0
  elif [ "$(date +%s)" -lt "$clone_due" ]; then
    hold "$clone_reason" "$clone_failure"
    return
  fi
  remove_tree "$CLONE"
  rm -f "$STATE/clone-complete" "$STATE/clone-request"
  tidy_tablespaces
  enough_room "$1" || return
  go_on
  phase cloning
  log "copying the data of $1 (pg_basebackup)"
  [ -z "$clone_wanted" ] || printf '%s\n' "$clone_wanted" | replace "$STATE/clone-request"
  drop_lost_slot "$1"
  if ! make_slot "$1" >/dev/null; then
    clone_failed clone-failed "cannot make the slot $(slot_name "$POD_NAME") on $1: $(complaint)"
    return
  fi
  # A name of its own: a copy in the making must not be taken for a standby that streams.
  set -- "$1" pg_basebackup -D "$CLONE" -d "$(conninfo "$1" "$POD_NAME-clone")" -X stream -S "$(slot_name "$POD_NAME")" -c fast
  map_tablespaces "$@" || return
  if [ "$status" -ne 0 ]; then
    clone_failed clone-failed "pg_basebackup from $1 failed: $(tail -n 2 "$RUN/clone.log")"
    return
  fi
  : >"$CLONE/standby.signal"
  rm -f "$CLONE/recovery.signal"
  become_copy "$CLONE"
  set_upstream "$CLONE" "$1"
  sync "$CLONE/standby.signal" 2>/dev/null
  echo "$1" | replace "$STATE/clone-complete"
  swap_in_clone
  clone_subject=''
}

clone_subject=''

clone_failed() { # REASON MESSAGE
  clone_pause=$((clone_pause * 2))
  [ "$clone_pause" -le 60 ] || clone_pause=60
  clone_due=$(($(date +%s) + clone_pause)) clone_reason=$1 clone_failure="$2$(mending "$2")"
  hold "$clone_reason" "$clone_failure"
}

# map_tablespaces POD COMMAND...: runs COMMAND (pg_basebackup) with each tablespace of POD, which lies outside the data
# directory, in a folder of its own in our volume. Where it lies there may not exist here, or hold the replaced data.
map_tablespaces() {
  source_pod=$1
  shift
  if ! spaces=$(query "$source_pod" "SELECT oid || ' ' || pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> ''"); then
    clone_failed clone-failed "cannot read the tablespaces of $source_pod: $(complaint)"
    return 1
  fi
  stamp=$(date +%s)
  while read -r oid place; do
    [ -n "$place" ] || continue
    mkdir -p "$VOLUME/tablespaces"
    # Of the two paths, an equals sign in one is escaped.
    set -- "$@" -T "$(printf '%s' "$place" | sed 's/=/\\=/g')=$(printf '%s' "$VOLUME/tablespaces/$oid.$stamp" | sed 's/=/\\=/g')"
  done <<LINES
$spaces
LINES
  run env PGOPTIONS="$SESSION" "$@" 9>&- >"$RUN/clone.log" 2>&1
  status=$?
  leave_if_asked
  return 0
}

# Removes the folders of tablespaces that the data in place does not use.
tidy_tablespaces() {
  for folder in "$VOLUME"/tablespaces/*; do
    if [ -d "$folder" ] && ! tablespace_in_use "$folder"; then remove_tree "$folder"; fi
  done
}

tablespace_in_use() {
  for used in "$PGDATA"/pg_tblspc/*; do
    if [ -h "$used" ] && [ "$(readlink "$used")" = "$1" ]; then return 0; fi
  done
  return 1
}

# drop_replaced DIRECTORY: a data directory that another one has replaced, with what it has in tablespaces.
drop_replaced() {
  for link in "$1"/pg_tblspc/*; do
    [ -h "$link" ] || continue
    folder=$(readlink "$link")
    case $folder in
      "$PGDATA"/* | "$CLONE"/* | "$STATE"/*) ;;
      "$VOLUME"/*) if ! tablespace_in_use "$folder"; then remove_tree "$folder"; fi ;;
    esac
  done
  remove_tree "$1"
}

# A copy is made beside what it replaces, which may be the best that there is. That goes first, for want of room, only when
# somebody asked for the copy, or when another standby has the data, too.
enough_room() { # POD
  needed=$(query "$1" "SELECT ceil((sum(pg_database_size(oid)) * 1.05 + (SELECT sum(size) FROM pg_ls_waldir())) / 1024)::bigint FROM pg_database")
  free=$(df -Pk "$VOLUME" | awk 'NR == 2 { print $4 }')
  is_number "$needed" && is_number "$free" && [ "$free" -le "$needed" ] || return 0
  replaced=0
  if [ -e "$PGDATA" ]; then replaced=$(du -sk "$PGDATA" 2>/dev/null | awk '{ print $1 }'); fi
  is_number "$replaced" || replaced=0
  if [ $((free + replaced)) -le "$needed" ]; then
    clone_failed no-room "a copy of $1 takes $((needed / 1024)) MiB, and the volume has $((free / 1024)) MiB free${PGDATA:+, $(((free + replaced) / 1024)) MiB without the data here}: make the volume larger"
    return 1
  fi
  if [ -z "$clone_wanted" ]; then
    others=$(query "$1" "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE '%-postgres-%' AND application_name NOT IN ('$POD_NAME', '$POD_NAME-clone')")
    if ! is_number "$others" || [ "$others" -eq 0 ]; then
      clone_failed no-room "a copy of $1 takes $((needed / 1024)) MiB, and the volume has $((free / 1024)) MiB free: what is here would have to go first, and no other standby has the data. To allow it: pgctl rejoin $POD_NAME --clone"
      return 1
    fi
  fi
  log "no room for a second copy: removing the replaced one first"
  drop_replaced "$PGDATA"
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
  if setting restore_command | grep -q .; then return 0; fi
  slot=$(slot_name "$POD_NAME")
  answer=$(query "$1" "SELECT
      EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot' AND wal_status <> 'lost' AND restart_lsn <= '$data_lsn_text')
      OR EXISTS (SELECT FROM pg_ls_waldir() WHERE length(name) = 24 AND substr(name, 9) = substr(pg_walfile_name('$data_lsn_text'), 9))") || return 0
  [ "$answer" = t ]
}

# Its PostgreSQL has stopped in order.
is_at_rest() {
  read_controldata || return 1
  case $state in 'shut down' | 'shut down in recovery') ;; *) return 1 ;; esac
}

# Runs what a crash left to be replayed, connected to nobody, so that pg_rewind finds a data directory at rest.
ensure_shut_down() {
  if is_at_rest; then return; fi
  if [ -z "$controldata" ]; then
    rewind_delayed "pg_controldata cannot read $PGDATA/global/pg_control"
    return 1
  fi
  if [ -e "$PGDATA/standby.signal" ]; then # single-user mode has no standbys
    rewind_failed "this standby did not stop in order ('$state'), and what it has left to replay, only a standby can"
    return 1
  fi
  log "the data directory is '$state': replaying its WAL before the rewind"
  keep_child=1
  run postgres --single -D "$PGDATA" -c config_file="$CONFIG/postgresql.conf" -c listen_addresses= -c archive_mode=off template1 >/dev/null 2>"$RUN/rewind.log"
  keep_child=''
  if is_at_rest; then return; fi
  rewind_delayed "PostgreSQL cannot replay the WAL that is here, as it has to before a rewind: $(tail -n 2 "$RUN/rewind.log" 2>/dev/null). If that stays, only a fresh copy helps, without what no other pod has: pgctl rejoin $POD_NAME --clone"
  return 1
}

# rewind POD: our data onto the way of POD, which is writable, of our system and on a newer timeline.
rewind() {
  # What it has to replay first, it replays with its settings.
  is_at_rest || settings_work || return
  go_on
  phase rewinding
  log "rewinding onto $1 (timeline $data_timeline to $peer_timeline)"
  set_upstream "$PGDATA" none
  # pg_rewind compares control files: the source's must know its new timeline.
  if ! query_as_superuser "$1" CHECKPOINT >/dev/null; then rewind_delayed "CHECKPOINT on $1 failed: $(complaint)"; return; fi
  ensure_shut_down || return
  leave_if_asked
  source_conninfo="host=$(address "$1") port=$PORT user=$REPLICATION_USER dbname=postgres connect_timeout=5$(verifying)"
  if ! query_as_replicator "$1" 'SELECT 1' >/dev/null; then source_conninfo="host=$(address "$1") port=$PORT user=$POSTGRES_USER dbname=postgres connect_timeout=5$(verifying)"; fi
  # A rehearsal that changes nothing: whatever stands in the way is found before the directory is touched.
  if ! run env PGOPTIONS="$SESSION" pg_rewind --dry-run --no-ensure-shutdown -D "$PGDATA" --source-server="$source_conninfo" >"$RUN/rewind.log" 2>&1; then
    leave_if_asked
    # Who is away for a moment does not make a copy needed.
    if query "$1" 'SELECT 1' >/dev/null; then rewind_failed "$(tail -n 2 "$RUN/rewind.log")"
    else rewind_delayed "$1 does not answer any more: $(complaint)"; fi
    return
  fi
  leave_if_asked
  if ! make_slot "$1" >/dev/null; then rewind_delayed "cannot make the slot $(slot_name "$POD_NAME") on $1: $(complaint)"; return; fi
  keep_beyond_fork "$1" || return
  echo "$1" | replace "$STATE/rewinding"
  sync "$STATE" 2>/dev/null
  : >"$PGDATA/standby.signal"
  keep_child=1 # half a rewind costs a whole copy
  run env PGOPTIONS="$SESSION" pg_rewind --no-ensure-shutdown -D "$PGDATA" --source-server="$source_conninfo" >"$RUN/rewind.log" 2>&1
  status=$?
  keep_child=''
  if [ "$status" -eq 0 ]; then
    : >"$PGDATA/standby.signal"
    become_copy "$PGDATA"
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

# What pg_rewind itself says no to: only a fresh copy helps.
rewind_failed() {
  hold rewind-failed "cannot be rewound: $1. A fresh copy mends it: pgctl rejoin $POD_NAME --clone" 10
}

# What a rewind needs before it touches the data. No reason for a copy: it may come with the next try.
rewind_delayed() {
  hold rewind-delayed "cannot be rewound yet, and is tried again: $1$(mending "$1")" 10
}

# keep_beyond_fork POD: what our timeline has beyond the point where POD's history left it goes with the rewind, and may be
# the last copy of something that was acknowledged. Its WAL is kept, if it is not more than is wanted (KEEP_MIB): what
# can't be kept is not removed. Its name says where it ends, so a later rewind leaves it alone, and it is there when whole.
keep_beyond_fork() {
  read_controldata || { rewind_delayed "pg_controldata cannot read $PGDATA/global/pg_control"; return 1; }
  if ! history=$(history_of "$1" "$peer_timeline"); then
    rewind_delayed "cannot read the history of timeline $peer_timeline on $1: $(complaint)"
    return 1
  fi
  left=$(printf '%s\n' "$history" | awk -v timeline="$data_timeline" '$1 == timeline { print $2; exit }')
  left_at=$(lsn_number "$left") # 0: no point in common is known, so all of it
  [ "$data_lsn" -ge "$left_at" ] || return 0
  size=$(field 'Bytes per WAL segment')
  if ! is_number "$size" || [ "$size" -eq 0 ]; then
    rewind_delayed "pg_controldata does not say how large a WAL segment is"
    return 1
  fi
  per_file=$((4294967296 / size))
  number=$((left_at / size))
  first=$(printf '%08X%08X%08X' "$data_timeline" $((number / per_file)) $((number % per_file)))
  # Names of 24 digits are compared as text.
  files=$(for file in "$PGDATA"/pg_wal/*; do echo "${file##*/}"; done | awk -v first="$first" 'length($0) == 24 && substr($0, 1, 8) == substr(first, 1, 8) && ($0 "") >= (first "")')
  mib=$(($(printf '%s\n' "$files" | grep -c .) * (size / 1024) / 1024))
  [ "$mib" -gt 0 ] || return 0
  beyond="$mib MiB of WAL of timeline $data_timeline from the fork at ${left:-an unknown point} on"
  if [ "$mib" -gt "$KEEP_MIB" ]; then
    log "$beyond go with the rewind and are not kept: that is more than PG_KEEP_WAL_MIB ($KEEP_MIB)"
    return 0
  fi
  kept=$STATE/beyond-fork.$data_timeline-${data_lsn_text%/*}-${data_lsn_text#*/}
  [ ! -d "$kept" ] || return 0 # by an earlier try
  copy_beyond_fork || return
  log "kept $beyond, which the rewind removes: pg_waldump -p $kept $first shows what is in it"
}

# $files become $kept.
copy_beyond_fork() {
  remove_tree "$STATE/keeping"
  free=$(df -Pk "$VOLUME" | awk 'NR == 2 { print $4 }')
  if is_number "$free" && [ $((mib * 2048)) -gt "$free" ]; then
    earlier=''
    for other in "$STATE"/beyond-fork*; do if [ -d "$other" ]; then earlier=1; fi; done
    hold no-room "not rewound: $beyond, which may be the last copy of something, are to be kept, and may take half of what the volume has free, which is $((free / 1024)) MiB. Make the volume larger${earlier:+, or remove what earlier rewinds have kept ($STATE/beyond-fork*)}. To give it up: pgctl rejoin $POD_NAME --clone" 10
    return 1
  fi
  if ! copy_wal 2>"$COMPLAINTS"; then
    remove_tree "$STATE/keeping"
    rewind_delayed "$beyond cannot be kept in $kept: $(complaint)"
    return 1
  fi
}

copy_wal() {
  mkdir -p "$STATE/keeping" || return 1
  for file in $files; do cp "$PGDATA/pg_wal/$file" "$STATE/keeping/" || return 1; done
  for file in "$PGDATA"/pg_wal/*.history; do
    [ ! -e "$file" ] || cp "$file" "$STATE/keeping/" || return 1
  done
  sync "$STATE/keeping"/* 2>/dev/null
  mv "$STATE/keeping" "$kept" && sync "$STATE" 2>/dev/null
  [ -d "$kept" ]
}

# Slots from our time as primary would hold WAL here for pods that stream from another now. pg_rewind removes them, but
# not when it finds nothing to rewind. So would logical slots: nobody reads from them here, and those that are
# synchronized are made again by PostgreSQL. PostgreSQL does not run, and each slot is a directory of its own.
drop_former_slots() {
  for former in "$PGDATA"/pg_replslot/*; do
    ordinal=${former##*_}
    case ${former##*/} in
      "$(slot_name "$PRIMARY_SET")_$ordinal" | "$(slot_name "$REPLICA_SET")_$ordinal") is_number "$ordinal" && remove_tree "$former" ;;
      *) if is_logical "$former/state"; then log "removing the logical slot ${former##*/}: it was of use on a primary only"; remove_tree "$former"; fi ;;
    esac
  done
}

# The state file of a slot has the number of its database, 0 for a physical one, behind four words and a name of 64 bytes
# (ReplicationSlotOnDisk in replication/slot.c, the same from 14 to 18).
is_logical() {
  database=$(od -An -tu4 -j80 -N4 "$1" 2>/dev/null | tr -d ' ')
  is_number "$database" && [ "$database" -ne 0 ]
}
