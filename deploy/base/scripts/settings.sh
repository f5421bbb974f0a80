# What PostgreSQL is started with. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# A data directory brings postgresql.auto.conf along: from the primary that it was copied from, or from another time of
# its own. Nothing in there may change what this pod is.

# What says whom it streams from: set anew at each start.
UPSTREAM_SETTINGS='primary_conninfo primary_slot_name'
# What would end its recovery, or make another server of it. Given on the command line, which beats every file at every
# reload, and taken out of the file, because PostgreSQL's other programs read it, too.
IDENTITY_SETTINGS='recovery_target recovery_target_name recovery_target_time recovery_target_xid recovery_target_lsn
  recovery_target_inclusive recovery_target_timeline recovery_target_action recovery_end_command promote_trigger_file
  hot_standby config_file hba_file ident_file data_directory external_pid_file listen_addresses port
  unix_socket_directories unix_socket_group unix_socket_permissions cluster_name'
# What may be meant for one server, and never for its copies: from where it restores, and how late it replays.
RECOVERY_SETTINGS='restore_command archive_cleanup_command recovery_min_apply_delay'
# Likewise: with it a standby archives what its primary archives, too, and two that do so are in each other's way.
ARCHIVES_ALWAYS="^[[:space:]]*archive_mode[[:space:]=]*'\{0,1\}[Aa][Ll][Ww][Aa][Yy][Ss]'\{0,1\}"

# settings_out NAMES FILE: FILE without the lines that set one of NAMES.
settings_out() {
  awk -v names=" $(printf '%s' "$1" | tr '\n' ' ') " '{
      name = tolower($0)
      sub(/^[ \t]*/, "", name)
      sub(/[ \t=].*/, "", name)
      if (name == "" || index(names, " " name " ") == 0) print
    }' "$2"
}

# settings_in NAMES FILE: those of NAMES that FILE sets, on one line.
settings_in() {
  awk -v names=" $(printf '%s' "$1" | tr '\n' ' ') " '{
      name = tolower($0)
      sub(/^[ \t]*/, "", name)
      sub(/[ \t=].*/, "", name)
      if (name != "" && index(names, " " name " ") > 0 && !seen[name]++) printf " %s", name
    }' "$2"
}

# set_upstream DIRECTORY POD|none|same: what ALTER SYSTEM left of what would make another server of this one goes; and of
# the upstream, unless it is to be the same. POD takes its place.
set_upstream() {
  auto=$1/postgresql.auto.conf
  [ -e "$auto" ] || : >"$auto"
  strange=$(settings_in "$IDENTITY_SETTINGS" "$auto")
  [ -z "$strange" ] || log "taking out of postgresql.auto.conf what would change what this pod is:$strange"
  case $2 in
    same) settings_out "$IDENTITY_SETTINGS" "$auto" ;;
    none) settings_out "$UPSTREAM_SETTINGS $IDENTITY_SETTINGS" "$auto" ;;
    *)
      settings_out "$UPSTREAM_SETTINGS $IDENTITY_SETTINGS" "$auto"
      echo "primary_conninfo = '$(conninfo "$2")'"
      echo "primary_slot_name = '$(slot_name "$POD_NAME")'" ;;
  esac | replace "$auto"
}

# become_copy DIRECTORY: it holds the data of another server now, or serves as another than before.
become_copy() {
  auto=$1/postgresql.auto.conf
  [ -e "$auto" ] || return 0
  strange=$(settings_in "$RECOVERY_SETTINGS" "$auto")
  [ -z "$strange" ] || log "taking out of postgresql.auto.conf what was not meant for a copy:$strange"
  # It is not taken out: once a copy is promoted, it must archive.
  always=''
  if grep -q "$ARCHIVES_ALWAYS" "$auto"; then
    always=1
    log "archive_mode is always in postgresql.auto.conf, which was not meant for a copy: changing it to on, so that only a primary archives"
  fi
  [ -n "$strange$always" ] || return 0
  settings_out "$RECOVERY_SETTINGS" "$auto" | sed "s/$ARCHIVES_ALWAYS/archive_mode = 'on'/" | replace "$auto"
}

# with_settings COMMAND...: COMMAND with the settings of the command line behind it. The targets of a recovery must all
# be empty: each one alone would end it.
with_settings() {
  [ "$server_version" -ge 16 ] || set -- "$@" -c promote_trigger_file=
  with_certificate "$@" -c config_file="$CONFIG/postgresql.conf" -c hba_file="$HBA" -c ident_file="$PGDATA/pg_ident.conf" \
    -c listen_addresses="$LISTEN" -c port="$PORT" -c unix_socket_directories="$RUN" -c unix_socket_permissions=0777 \
    -c unix_socket_group= -c cluster_name="$POD_NAME" -c hot_standby=on \
    -c recovery_target= -c recovery_target_name= -c recovery_target_time= -c recovery_target_xid= -c recovery_target_lsn= \
    -c recovery_target_timeline=latest -c recovery_target_action=pause -c recovery_end_command=
}

# setting NAME: what PostgreSQL would start with.
setting() { with_settings postgres -D "$PGDATA" -C "$1" 2>"$COMPLAINTS"; }

# A server that cannot start with its settings would end the container again and again, later and later each time.
settings_work() {
  libraries=$(setting shared_preload_libraries) || {
    hold bad-settings "PostgreSQL cannot start with its settings: $(complaint). Mend them in the ConfigMap, or in $PGDATA/postgresql.auto.conf in this pod" 2
    return 1
  }
  [ -n "$libraries" ] || return 0
  absent=$(missing_libraries)
  [ -z "$absent" ] || {
    hold missing-library "shared_preload_libraries names what this image does not have:$absent. Use an image that has it, or take it out of the ConfigMap, or of $PGDATA/postgresql.auto.conf in this pod" 2
    return 1
  }
}

# Of $libraries. Where they are is known where PostgreSQL's own are found; otherwise nothing is said.
missing_libraries() {
  [ "$(setting dynamic_library_path)" = "\$libdir" ] || return 0
  home=$(readlink -f "$(command -v postgres)" 2>/dev/null)
  home=${home%/bin/*}
  for folder in "$(pg_config --pkglibdir 2>/dev/null)" "$home/lib" "$home/lib/postgresql"; do
    if [ -e "$folder/plpgsql.so" ]; then
      printf '%s\n' "$libraries" | tr ',' '\n' | tr -d ' ' | while read -r library; do
        # ALTER SYSTEM SET shared_preload_libraries = '' leaves one whose name is empty.
        if [ "$library" = '""' ]; then printf ' ""'; continue; fi
        library=$(printf '%s' "$library" | tr -d '"')
        case $library in
          "\$libdir"/*) file=$folder/${library#*/} ;;
          */*) file=$library ;;
          *) file=$folder/$library ;;
        esac
        [ -e "$file" ] || [ -e "$file.so" ] || printf ' %s' "$library"
      done
      return
    fi
  done
}

# A standby whose limits are lower than those of the primary whose WAL it replays stops there
# (CheckRequiredParameterValues in access/transam/xlog.c). The control file has what that WAL needs. Sets limits: settings
# of the command line that raise what is too low here.
raise_limits() {
  limits=''
  while read -r name label; do
    needed=$(field "$label setting") has=$(setting "$name")
    if is_number "$needed" && is_number "$has" && [ "$needed" -gt "$has" ]; then
      log "$name is $has here and $needed in the WAL to be replayed: starting with $needed"
      limits="$limits -c $name=$needed"
    fi
  done <<LINES
max_connections max_connections
max_worker_processes max_worker_processes
max_wal_senders max_wal_senders
max_prepared_transactions max_prepared_xacts
max_locks_per_transaction max_locks_per_xact
LINES
}
