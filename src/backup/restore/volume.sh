# Works on the volume of a stopped pod, in a pod of its own. POSIX sh, run as:
#   sh -c SCRIPT pgctl OPERATION VERB [ARGUMENT...]
# Each verb sets a state: doing it again changes nothing. What was done is noted in $STATE, under the operation's id, so
# that whoever looks finds it. Exit status 75: something else still works here; try again.
set -u
LC_ALL=C
export LC_ALL
umask 077

PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
VOLUME=$(dirname "$PGDATA")
STATE=$VOLUME/pgctl
NEW=$PGDATA.restore
WAL=$NEW-wal
CONFIG=${PG_CONFIG_DIR:-/etc/postgresql}
operation=$1 verb=$2
shift 2

die() { printf '%s\n' "$1" >&2; exit 1; }
note() {
  printf '%s\n' "$operation" >"$STATE/restore-$1.new" && [ "$(cat "$STATE/restore-$1.new")" = "$operation" ] || die "cannot write to $STATE"
  sync "$STATE/restore-$1.new" 2>/dev/null
  mv -f "$STATE/restore-$1.new" "$STATE/restore-$1" || die "cannot write to $STATE"
}
noted() { [ "$(cat "$STATE/restore-$1" 2>/dev/null)" = "$operation" ]; }
forget() { rm -f "$STATE/restore-$1"; }
remove_tree() { chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"; }
holds_data() { [ -d "$1" ] && [ -n "$(ls -A "$1" 2>/dev/null)" ]; }
field() { pg_controldata -D "$1" 2>/dev/null | sed -n "s/^$2: *//p" | head -n 1; }
literal() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }
identifier() { printf '"%s"' "$(printf '%s' "$1" | sed 's/"/""/g')"; }

if ! command -v postgres >/dev/null 2>&1; then
  for directory in /usr/lib/postgresql/*/bin /usr/local/bin; do
    if [ -x "$directory/postgres" ]; then PATH=$directory:$PATH; fi
  done
  export PATH
fi

mkdir -p "$STATE" || die "cannot write to $VOLUME as $(id -u):$(id -g)"

# As the start script does: no two at work in one volume.
lock() {
  command -v flock >/dev/null 2>&1 || return 0
  exec 9>"$STATE/lock"
  flock -n 9
  [ $? -ne 1 ] || { echo "other processes still work in $VOLUME" >&2; exit 75; }
}

copy_mark() { # FROM TO
  cp "$STATE/$1" "$STATE/$2.new" && mv -f "$STATE/$2.new" "$STATE/$2" || die "cannot write to $STATE"
}

# The data gets another name; so do a whole copy that was about to take its place, what one was replacing, and what the
# start script has noted of them. The notes first: half-rewound data must not lose the word that it is.
move_aside() { # ASIDE
  for fact in system-identifier rewinding clone-complete clone-request; do
    if [ -e "$STATE/$fact" ] && [ ! -e "$STATE/$fact.$1" ]; then copy_mark "$fact" "$fact.$1"; fi
  done
  if [ -e "$STATE/clone-complete" ] && [ -s "$PGDATA.clone/PG_VERSION" ] && [ ! -e "$VOLUME/$1.clone" ]; then
    mv "$PGDATA.clone" "$VOLUME/$1.clone" || die "cannot rename $PGDATA.clone"
  fi
  if [ -s "$PGDATA.old/PG_VERSION" ] && [ ! -e "$VOLUME/$1.old" ]; then
    mv "$PGDATA.old" "$VOLUME/$1.old" || die "cannot rename $PGDATA.old"
  fi
  if holds_data "$PGDATA" && [ ! -e "$VOLUME/$1" ]; then
    mv "$PGDATA" "$VOLUME/$1" || die "cannot rename $PGDATA"
  fi
  for fact in system-identifier rewinding clone-complete clone-request; do rm -f "$STATE/$fact"; done
  sync "$VOLUME" "$STATE" 2>/dev/null
}

# Data that makes room for that of before. Somebody may have written to what was started as a primary, so it gets a name;
# a standby's is a copy of that.
make_room() { # ASIDE
  [ -e "$PGDATA" ] || return 0
  if ! holds_data "$PGDATA" || [ -e "$PGDATA/standby.signal" ]; then remove_tree "$PGDATA"; return 0; fi
  taken=$1.undone
  while [ -e "$VOLUME/$taken" ]; do taken=$taken-again; done
  mv "$PGDATA" "$VOLUME/$taken" || die "cannot rename $PGDATA"
}

# Restored data that was never started is still as it was when it was recovered.
never_started() { # DIRECTORY
  start=$(cat "$STATE/restore-start" 2>/dev/null) || return 1
  case $start in 'shut down '?*) [ "$(start_of "$1")" = "$start" ] ;; *) return 1 ;; esac
}
start_of() { printf '%s %s\n' "$(field "$1" 'Database cluster state')" "$(field "$1" 'Latest checkpoint location')"; }

move_back() { # ASIDE
  if [ -d "$VOLUME/$1" ]; then
    make_room "$1"
    for fact in system-identifier rewinding clone-complete clone-request; do rm -f "$STATE/$fact"; done
  fi
  for fact in system-identifier rewinding clone-request; do
    if [ -e "$STATE/$fact.$1" ]; then copy_mark "$fact.$1" "$fact"; fi
  done
  if [ -d "$VOLUME/$1" ]; then mv "$VOLUME/$1" "$PGDATA" || die "cannot rename $VOLUME/$1"; fi
  if [ -d "$VOLUME/$1.old" ]; then
    remove_tree "$PGDATA.old"
    mv "$VOLUME/$1.old" "$PGDATA.old" || die "cannot rename $VOLUME/$1.old"
  fi
  if [ -d "$VOLUME/$1.clone" ]; then
    remove_tree "$PGDATA.clone"
    mv "$VOLUME/$1.clone" "$PGDATA.clone" || die "cannot rename $VOLUME/$1.clone"
  fi
  # It says that a copy is whole, so it comes after the copy.
  if [ -e "$STATE/clone-complete.$1" ]; then copy_mark "clone-complete.$1" clone-complete; fi
  sync "$VOLUME" "$STATE" 2>/dev/null
  for fact in system-identifier rewinding clone-complete clone-request; do rm -f "$STATE/$fact.$1"; done
  for taken in "$VOLUME/$1".undone*; do if [ -d "$taken" ]; then echo "taken ${taken##*/}"; fi; done
}

major() { postgres --version | sed -e 's/^[^0-9]*//' -e 's/[^0-9].*//'; } # of this image

unpack() { # MAJOR ARCHITECTURE BYTES: a tar file on stdin; BYTES with the WAL that comes after it
  [ "$(major)" = "$1" ] || die "this image is PostgreSQL $(major), and the backup needs $1"
  [ -z "$2" ] || [ "$(uname -m)" = "$2" ] || die "this machine is $(uname -m), and the backup needs $2"
  remove_tree "$NEW"
  remove_tree "$WAL"
  free=$(df -Pk "$VOLUME" | awk 'NR == 2 { print $4 }')
  needed=$(($3 / 1024))
  case $free in '' | *[!0-9]*) ;; *) [ "$free" -gt "$needed" ] || die "$VOLUME has $free KiB free, and the backup needs $needed KiB beside what is there" ;; esac
  mkdir -m 700 "$NEW" || die "cannot make $NEW"
  tar -xf - -C "$NEW" || die "the archive cannot be unpacked"
  pg_verifybackup -q "$NEW" >&2 || die "what was unpacked is not what the backup's manifest says"
  sync "$NEW" 2>/dev/null
  note unpacked
}

# Which segments and histories have arrived whole.
wal_there() { if [ -d "$WAL" ]; then ls -A "$WAL"; fi; }

receive_wal() { # SEGMENT_BYTES: a tar file on stdin, of segments and histories, with their SHA-256 in SUMS
  noted unpacked || die 'nothing was unpacked here'
  remove_tree "$WAL.new"
  mkdir -p "$WAL" && mkdir "$WAL.new" && chmod 700 "$WAL" "$WAL.new" || die "cannot make $WAL"
  tar -xf - -C "$WAL.new" || die 'the WAL cannot be unpacked'
  for file in "$WAL.new"/*.zst; do
    [ -e "$file" ] || continue
    zstd -q -d --rm -- "$file" || die "${file##*/} cannot be decompressed"
  done
  (cd "$WAL.new" && sha256sum -c SUMS) >"$WAL.new/said" 2>&1 || die "what arrived is not what is archived: $(grep -v ': OK$' "$WAL.new/said" | head -n 3)"
  rm -f "$WAL.new/SUMS" "$WAL.new/said"
  for file in "$WAL.new"/*; do
    case $file in *.history) continue ;; esac
    bytes=$(wc -c <"$file")
    [ "$((bytes))" -eq "$1" ] || die "${file##*/} has $((bytes)) bytes instead of $1"
  done
  sync "$WAL.new"/* 2>/dev/null
  mv -f "$WAL.new"/* "$WAL" || die "cannot write to $WAL"
  rmdir "$WAL.new"
}

server=''
stop_server() { if [ -n "$server" ]; then kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null; server=''; fi; }

# Only standard output is an answer. Standard error may have warnings before it.
ask() { psql -XAtq -v ON_ERROR_STOP=1 -h "$scratch" -p 5432 -U "$POSTGRES_USER" "$@" 9>&-; }

# What kept the last question from an answer, when no time that passes will change it.
stop_if_shut_out() {
  complaint=$(tr '\n' ' ' <"$scratch/said" | cut -c1-600)
  case $complaint in
    *'is not permitted to log in'*) die "the superuser of the Secret may not log in in the backup: $complaint" ;;
    *'role "'*'does not exist'*) die "the backup has no role $POSTGRES_USER, which is the superuser of the Secret: $complaint" ;;
    *'the database system is '*) ;; # starting up, or replaying its WAL
    # Nobody else is there, so what it is may pass, and does so soon.
    *'FATAL: '*) shut_out=$((shut_out + 1)) ;;
  esac
  [ "$shut_out" -lt 50 ] || die "the server that recovers the backup lets nobody look at it: $complaint"
}

# Names of timelines that exist somewhere: with an empty history each, PostgreSQL takes none of them for its own.
occupy() { # FROM TO
  line=$1
  while [ "$line" -le "$2" ]; do
    file=$NEW/pg_wal/$(printf '%08X' "$line").history
    if [ ! -e "$file" ]; then
      echo '# taken by another branch of this cluster' >"$file"
      occupied="$occupied $file"
    fi
    line=$((line + 1))
  done
}

newest_timeline() { # DIRECTORY: the newest that it has heard of
  newest=$(field "$1" "Latest checkpoint's TimeLineID")
  minimum=$(field "$1" "Min recovery ending loc's timeline")
  [ "${minimum:-0}" -le "${newest:-0}" ] || newest=$minimum
  for file in "$1"/pg_wal/????????.history; do
    [ -e "$file" ] || continue
    number=$((0x$(basename "$file" .history)))
    [ "$number" -le "${newest:-0}" ] || newest=$number
  done
  echo "${newest:-0}"
}

# The timeline that is followed, as PostgreSQL takes it: by number where its history is there.
followed() { # TIMELINE OF_BACKUP
  history=$(printf '%08X' "$1").history
  if [ "$1" -eq 1 ] || [ -e "$NEW/pg_wal/$history" ] || [ -e "$WAL/$history" ]; then echo "$1"; return; fi
  [ "$1" -eq "$2" ] || die "there is no history of timeline $1"
  echo current
}

# A path within single quotes of a restore_command, in which PostgreSQL takes % for its own.
quoted_path() { printf '%s' "$1" | sed -e "s/'/'\\\\''/g" -e 's/%/%%/g'; }

# What the server has said of where its recovery ended, and whether that is what was asked for.
judge_end() { # LAST WHAT
  stopped=$(sed -n 's/^.*LOG: *\(recovery stopping .*\)$/\1/p' "$scratch/log" | tail -n 1)
  position=$(sed -n 's/^.*LOG: *redo done at \([0-9A-F]*\/[0-9A-F]*\).*$/\1/p' "$scratch/log" | tail -n 1)
  commit=$(sed -n 's/^.*LOG: *last completed transaction was at log time \(.*\)$/\1/p' "$scratch/log" | tail -n 1)
  if [ "$2" != end ]; then
    [ -n "$stopped" ] || die 'the target was not reached: the WAL ended before it'
  elif ! grep -q "restored log file \"$1\" from archive" "$scratch/log"; then
    die "its WAL ended before $1, the last that there is: after ${position:-the backup itself}${commit:+, with the commit of $commit}"
  fi
  { # The first line is what was asked for.
    echo "stopped $stopped"
    echo "position $position"
    echo "commit $commit"
  } >"$STATE/restore-end.new" && mv -f "$STATE/restore-end.new" "$STATE/restore-end" || die "cannot write to $STATE"
}
said_end() { if [ -e "$STATE/restore-end" ]; then cat "$STATE/restore-end"; fi; }

ended_early() { grep -q 'recovery ended before configured recovery target was reached' "$scratch/log"; }

# What may be said about a server that has ended in its recovery.
why_ended() {
  reached=$(sed -n 's/^.*LOG: *last completed transaction was at log time \(.*\)$/\1/p' "$scratch/log" | tail -n 1)
  if ended_early; then
    echo "the target was not reached: the archived WAL ends before it${reached:+, with the commit of $reached}"
  elif grep -q 'requested recovery stop point is before consistent recovery point' "$scratch/log"; then
    echo 'the target lies before the end of the base backup, and nothing before that is whole: an earlier backup is needed'
  else
    echo "PostgreSQL did not recover it: $(grep -E 'FATAL|PANIC|ERROR' "$scratch/log" | tail -n 3)"
  fi
}

# On no network, with what comes last of the settings that are given twice. Nothing of it reaches out: what it subscribes to
# would lose what it has sent, and jobs would run twice.
start_recovery() { # [-c NAME=VALUE]...
  postgres -D "$NEW" -c config_file="$config" -c hba_file="$scratch/hba" -c listen_addresses= -c port=5432 \
    -c unix_socket_directories="$scratch" -c restore_command="$command" -c archive_command=false \
    -c lc_messages=C -c log_min_messages=warning -c log_error_verbosity=default -c log_line_prefix= \
    -c log_timezone=UTC -c TimeZone=UTC \
    -c recovery_target_timeline="$target" -c recovery_target= -c recovery_target_time= -c recovery_target_xid= \
    -c recovery_target_name= -c recovery_target_lsn= -c recovery_target_action=promote \
    -c recovery_target_inclusive=on -c recovery_min_apply_delay=0 \
    -c synchronous_standby_names= -c hot_standby=on -c logging_collector=off -c log_destination=stderr \
    -c max_logical_replication_workers=0 -c cron.launch_active_jobs=off "$@" \
    >"$scratch/log" 2>&1 </dev/null &
  server=$!
}

# Recovers what was unpacked, on no network, onto a timeline of its own; the Secret's passwords; every database is
# looked at; and a clean shutdown. With FOLLOW, from the WAL that was fetched, on that timeline, until the settings that
# come last say (WHAT is target), or to the end of LAST, its last segment (end), or whichever comes first.
recover() { # ABOVE TIMELINE [FOLLOW LAST WHAT [NAME=VALUE]...]
  noted unpacked || die 'nothing was unpacked here'
  if noted recovered; then echo "timeline $(field "$NEW" "Latest checkpoint's TimeLineID")"; said_end; return; fi
  POSTGRES_USER=${POSTGRES_USER:-postgres}
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/pgctl.XXXXXX") || die 'no room for a socket'
  trap 'stop_server; rm -rf "$scratch"' EXIT
  trap 'exit 1' TERM INT HUP
  top=$1
  if holds_data "$PGDATA"; then
    newest=$(newest_timeline "$PGDATA")
    [ "$newest" -le "$top" ] || top=$newest
  fi
  rm -f "$STATE/restore-end"
  last=${4:-} what=${5:-}
  target=$(followed "${3:-$2}" "$2") || exit 1
  command=false
  if [ -n "$what" ]; then command="cp '$(quoted_path "$WAL")'/%f \"%p\""; fi
  occupied=''
  occupy $((${3:-$2} + 1)) "$top"
  if [ $# -gt 5 ]; then shift 5; else set --; fi
  for setting; do
    shift
    set -- "$@" -c "$setting"
  done
  rm -f "$NEW/standby.signal" "$NEW/postmaster.pid"
  chmod u=rwx,go= "$NEW" # fsGroup may have added group permissions since it was unpacked
  : >"$NEW/recovery.signal"
  echo 'local all all trust' >"$scratch/hba"
  config=$CONFIG/postgresql.conf
  [ -e "$config" ] || config=$NEW/postgresql.conf
  # Triggers on login belong to the sessions of others. A server before 17 would not know the name.
  if [ "$(major)" -ge 17 ]; then export PGOPTIONS="${PGOPTIONS:-} -c event_triggers=off"; fi
  shut_out=0
  start_recovery "$@"
  while :; do
    if ! kill -0 "$server" 2>/dev/null; then
      # All until then is there, and nothing later: the end of the WAL is what was asked for.
      ended_early && [ "$what" = target-or-end ] || die "$(why_ended)"
      wait "$server" 2>/dev/null
      what=end
      start_recovery
      continue
    fi
    if grep -q 'insufficient parameter settings' "$scratch/log"; then
      die "a setting is lower than it was where the backup was taken: $(grep -E 'DETAIL' "$scratch/log" | head -n 1)"
    fi
    if answer=$(ask -d postgres -c 'select pg_is_in_recovery()' 2>"$scratch/said"); then
      [ "$answer" != f ] || break
      shut_out=0
    else
      stop_if_shut_out
    fi
    sleep 0.2
  done
  if [ -n "$what" ]; then judge_end "$last" "$what"; fi
  {
    echo "set password_encryption = 'scram-sha-256';"
    printf 'alter role %s password %s;\n' "$(identifier "$POSTGRES_USER")" "$(literal "${POSTGRES_PASSWORD:-}")"
    if [ -n "${REPLICATION_PASSWORD:-}" ]; then
      echo "do \$\$ begin if not exists (select from pg_roles where rolname = 'replicator') then create role replicator login replication; end if; end \$\$;"
      printf 'alter role replicator login replication password %s;\n' "$(literal "$REPLICATION_PASSWORD")"
      echo 'grant pg_monitor to replicator;'
      echo 'grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean), pg_catalog.pg_stat_file(text, boolean),'
      echo '  pg_catalog.pg_read_binary_file(text), pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to replicator;'
    fi
  } | ask -d postgres >/dev/null 2>"$scratch/said" || die "the passwords of the Secret cannot be set: $(grep -v -i password "$scratch/said" | head -n 2)"
  ask -d postgres -c 'select oid from pg_database where datallowconn' >"$scratch/databases" || die 'the databases cannot be listed'
  while IFS= read -r oid; do
    # Any character may be in a name, and the shell takes newlines off the end.
    database=$(ask -d postgres -c "select datname || '.' from pg_database where oid = $oid" </dev/null) || die 'the databases cannot be listed'
    database=${database%.}
    PGDATABASE=$database ask -c 'select count(*) from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid' </dev/null >/dev/null 2>"$scratch/said" ||
      die "the database $database cannot be read: $(head -n 2 "$scratch/said")"
  done <"$scratch/databases"
  stop_server
  [ "$(field "$NEW" 'Database cluster state')" = 'shut down' ] || die "it did not shut down in order: $(tail -n 2 "$scratch/log")"
  # No standby is there when it starts: commits would wait for ever. Who is to confirm them is set when the replicas follow.
  auto=$NEW/postgresql.auto.conf
  if [ -e "$auto" ]; then sed -i '/^[[:space:]]*synchronous_standby_names[[:space:]=]/d' "$auto" || die "cannot change $auto"; fi
  line=$(field "$NEW" "Latest checkpoint's TimeLineID")
  [ "$line" -gt "$top" ] || die "it is on timeline $line, and $top is taken"
  for file in $occupied; do rm -f "$file"; done
  sync "$NEW" 2>/dev/null
  note recovered
  remove_tree "$WAL"
  remove_tree "$WAL.new"
  echo "timeline $line"
  said_end
}

swap_in() { # ASIDE
  noted recovered || noted swapping || noted swapped || die 'nothing was recovered here'
  if ! noted swapped; then
    # From here on, what is in place may be the restored data.
    note swapping
    if [ -d "$NEW" ]; then
      start_of "$NEW" >"$STATE/restore-start" || die "cannot write to $STATE"
      move_aside "$1"
      if holds_data "$PGDATA"; then die "$PGDATA holds data again: what it held before is $VOLUME/$1"; fi
      if [ -e "$PGDATA" ]; then remove_tree "$PGDATA"; fi
      remove_tree "$PGDATA.clone"
      mv "$NEW" "$PGDATA" || die "cannot rename $NEW"
    fi
    field "$PGDATA" 'Database system identifier' >"$STATE/system-identifier"
    sync "$VOLUME" "$STATE" 2>/dev/null
    note swapped
    forget swapping
    forget unpacked
    forget recovered
  fi
  if [ -d "$VOLUME/$1" ]; then echo "kept $1"; fi
}

swap_out() { # ASIDE
  if noted swapped || noted swapping; then
    # It was taken away already when it has either name.
    if [ -d "$PGDATA" ] && [ ! -e "$NEW" ] && [ ! -e "$VOLUME/$1.undone" ]; then
      rm -f "$STATE/system-identifier"
      if never_started "$PGDATA"; then
        mv "$PGDATA" "$NEW" || die "cannot rename $PGDATA"
      else
        make_room "$1"
      fi
    fi
    move_back "$1"
    forget swapped
    forget swapping
    rm -f "$STATE/restore-start"
  fi
}

# The pod of a throw-away server may start PostgreSQL on what is in place: for those who are in the pod, or come to it
# through a port-forward.
serve() {
  noted swapped || die 'the restored data is not in place'
  {
    echo 'local all all trust'
    echo 'host all all 127.0.0.1/32 scram-sha-256'
    echo 'host all all ::1/128 scram-sha-256'
  } >"$STATE/serve-hba.new" && mv -f "$STATE/serve-hba.new" "$STATE/serve-hba" || die "cannot write to $STATE"
  note serve
}

keep() { # ASIDE
  move_aside "$1"
  if [ -d "$VOLUME/$1" ]; then echo "kept $1"; fi
}

case $verb in
  unpack) lock; unpack "$@" ;;
  recover) lock; recover "$@" ;;
  swap-in) lock; swap_in "$@" ;;
  swap-out) lock; swap_out "$@" ;;
  keep) lock; keep "$@" ;;
  serve) lock; serve ;;
  idle) lock ;;
  put-back) lock; move_back "$@" ;;
  receive-wal) lock; receive_wal "$@" ;;
  wal) wal_there ;;
  remove) lock; remove_tree "$NEW"; remove_tree "$WAL"; remove_tree "$WAL.new"; forget unpacked; forget recovered ;;
  status)
    for fact in unpacked recovered swapped; do if noted "$fact"; then echo "$fact"; fi; done
    if [ -e "$NEW" ] || [ -e "$WAL" ] || [ -e "$WAL.new" ]; then echo leftover; fi
    for kept in "$VOLUME"/pgdata.before-restore-*; do if [ -d "$kept" ]; then echo "kept ${kept##*/}"; fi; done ;;
  *) die "no such verb: $verb" ;;
esac
