#!/bin/sh
# Start script of every pooler pod: writes PgBouncer's files, runs it, brings changed passwords and settings to it, lets
# clients wait while the primary moves, and lets transactions end when the pod is to go. POSIX sh only (dash, busybox ash);
# PID 1 of the container.
set -u
LC_ALL=C
export LC_ALL
umask 077

# shellcheck source=deploy/components/pooler/scripts/common.sh
. "${0%/*}/common.sh"
CONFIG=${POOLER_CONFIG_DIR:-/etc/pooler}
SECRET=${POOLER_SECRET_DIR:-/etc/pooler-secret}
TERMINATION_LOG=${POOLER_TERMINATION_LOG:-/dev/termination-log}
PLACEHOLDER=replace-me-before-use
# For so long connections still come in after the pod was told to go: the Service leads here until everybody has heard.
LEAVE=${POOLER_LEAVE_SECONDS:-3}
# So long running transactions may take after that.
DRAIN=${POOLER_DRAIN_SECONDS:-30}

log() { printf '%s pooler: %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$1" >&2; }

refuse() { # MESSAGE
  log "refusing to start: $1"
  printf '%s\n' "$1" >"$TERMINATION_LOG" 2>/dev/null
  exit 1
}

# secret KEY: sets value. A command substitution would take line breaks off its end.
secret() {
  value=$(cat "$SECRET/$1" 2>/dev/null && echo x) || return 1
  value=${value%x}
}

# Says what is wrong with the Secret.
check_secret() { # KEY
  secret "$1" || { echo "the Secret has no key $1"; return; }
  case $value in
    "$PLACEHOLDER" | '') echo "the key $1 of the Secret is still the placeholder or empty: give the pooler passwords of its own (docs/runbooks/pooler.md)" ;;
    *"
"*) echo "the key $1 of the Secret contains a line break" ;;
  esac
}

# Whoever is not listed here is asked for: auth_query. A quotation mark in a password is doubled.
user_line() { # USER KEY
  secret "$2"
  printf '"%s" "%s"\n' "$1" "$(printf '%s' "$value" | sed 's/"/""/g')"
}

# The same for psql, as libpq reads it: a colon and a backslash get a backslash before them.
password_line() { # USER KEY
  secret "$2"
  printf '*:*:*:%s:%s\n' "$1" "$(printf '%s' "$value" | sed 's/[\\:]/\\&/g')"
}

# The settings of the ConfigMap come first: what is here can't be changed there. Its last section, [pgbouncer], goes on
# here: a second one of that name would begin with PgBouncer's defaults again.
settings() {
  cat <<INI
%include $CONFIG/pgbouncer.ini

listen_addr = $LISTEN
listen_port = $PORT
unix_socket_dir = $RUN
auth_type = scram-sha-256
auth_file = $RUN/userlist.txt
auth_query = SELECT role, verifier FROM $ROLE.verifier(\$1)
admin_users = $ADMIN
INI
  # Names that an older PgBouncer does not know would keep it from starting.
  [ "$version" -lt 121 ] || echo "max_prepared_statements = ${POOLER_PREPARED_STATEMENTS:-200}"
  cat <<INI

[databases]
* = host=${detour:-$SERVICE} port=$PORT auth_user=$ROLE$only_primary
INI
}

write_files() {
  {
    user_line "$ROLE" pooler-password
    user_line "$ADMIN" admin-password
  } | replace "$RUN/userlist.txt" &&
    {
      password_line "$ROLE" pooler-password
      password_line "$ADMIN" admin-password
    } | replace "$RUN/pgpass" &&
    settings | replace "$RUN/pgbouncer.ini"
}

# What PgBouncer reads, as a number.
inputs() { cksum "$SECRET/pooler-password" "$SECRET/admin-password" "$CONFIG/pgbouncer.ini" 2>/dev/null; }

# The Secret and the ConfigMap change while this pod lives.
renew() {
  now=$(inputs)
  [ "$now" != "$taken" ] || return 0
  taken=$now
  why=$(check_secret pooler-password && check_secret admin-password)
  if [ -n "$why" ]; then log "a change is not taken: $why"; return; fi
  log 'the passwords or the settings have changed: reloading'
  write_files && kill -HUP "$child"
}

# -- The hold. PgBouncer is told by this process alone, which goes by the file $RUN/hold of hold.sh: "OWNER WORD ADDRESS",
# where the word (pin-N, hold-N, release-N) changes for as long as whoever holds is heard of. Three looks at the same words, or
# no file, are the end of it as well, whatever became of them; so nobody can be left waiting. ADDRESS is where the primary is.
# $RUN/held says whose hold is in force, and how far it is.

keep_hold() {
  words=''
  # Most of the time there is none, and a process a second for it would be too many.
  [ ! -e "$RUN/hold" ] || words=$(cat "$RUN/hold" 2>/dev/null)
  owner=${words%% *}
  if [ -z "$words" ]; then
    if [ -n "$holder" ]; then let_go lost; else steer; fi
    return
  fi
  if [ -z "$holder" ]; then
    if [ "$owner" = "$before" ]; then
      # A late word of a hold that is over.
      rm -f "$RUN/hold"
      return
    fi
    pin "$owner" "${words##* }"
  fi
  case $words in
    "$holder release-"*)
      rm -f "$RUN/hold"
      let_go released
      return
      ;;
    "$holder hold-"*) [ -n "$paused" ] || hold_clients ;;
  esac
  if [ "$words" != "$heard" ]; then
    heard=$words silent=0
  elif [ "$silent" -lt 2 ]; then
    silent=$((silent + 1))
  else
    rm -f "$RUN/hold"
    let_go lost
  fi
}

# The Service is about to lead to the candidate, which can't write yet: a server that is made there ends at once, and PgBouncer
# turns clients away after that. So it goes to the primary itself.
pin() { # OWNER ADDRESS
  holder=$1 origin=$2 heard='' silent=0
  log "the primary is about to move${origin:+: servers are made at $origin until it has}"
  go_to "$origin"
  echo "$holder pinned" | replace "$RUN/held"
}

hold_clients() {
  log 'clients wait from now on'
  paused=1
  kill -USR1 "$child"
  echo "$holder held" | replace "$RUN/held"
}

# Whoever has lost the one who holds goes on with the primary of before: the Service may lead to a pod that is not the primary.
let_go() { # released|lost
  if [ "$1" = released ]; then
    origin=''
    go_to ''
  fi
  [ -z "$paused" ] || kill -USR2 "$child"
  before=$holder holder='' paused=''
  rm -f "$RUN/held"
  case $1 in
    released) log 'clients go on' ;;
    *) log "clients go on${origin:+ with the primary at $origin}: whoever held them is not heard of any more" ;;
  esac
}

# Until the Service leads to a primary again.
steer() {
  [ -n "$origin" ] || return 0
  [ "$(ask 'select pg_catalog.pg_is_in_recovery()')" = f ] || return 0
  log "$SERVICE leads to a primary"
  origin=''
  go_to ''
}

go_to() { # ADDRESS, or nothing for the Service
  [ "$detour" != "$1" ] || return 0
  detour=$1
  write_files && kill -HUP "$child"
}

running() { kill -0 "$child" 2>/dev/null; }

pause() {
  sleep "$1" &
  wait $!
}

# SIGINT lets transactions end and takes no others (SHUTDOWN of the console). SIGTERM means another thing in every version.
stop() {
  rm -f "$RUN/hold"
  [ -z "$holder" ] || let_go lost
  log "asked to stop: no new transactions in $LEAVE s, and those that run have $DRAIN s then"
  pause "$LEAVE"
  kill -INT "$child" 2>/dev/null
  waited=0
  while running && [ "$waited" -lt "$DRAIN" ]; do
    pause 1
    waited=$((waited + 1))
  done
  if running; then
    log 'transactions still run: ending them'
    kill -KILL "$child" 2>/dev/null
  fi
  wait "$child"
  exit 0
}

only_primary=''
# Before a switchover the write Service leads to the candidate, which can't write yet: a server that is made then ends at
# once, and another is made, in place of giving a client a session that can't write. Asking for verifiers works there.
[ -z "${POOLER_ONLY_PRIMARY:-}" ] || only_primary=" connect_query='select case when pg_catalog.pg_is_in_recovery() and session_user <> ''$ROLE'' then pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()) end'"

stopping='' holder='' before='' paused='' origin='' detour=''
trap 'stopping=1' TERM INT
trap : HUP

for tool in cat cksum date mv pgbouncer sed sleep; do
  command -v "$tool" >/dev/null 2>&1 || refuse "the image has no program $tool, which this script needs"
done
# "PgBouncer 1.18.0" is 118.
version=$(pgbouncer -V | sed -n '1s/^[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1\2/p')
case $version in '' | *[!0-9]*) refuse "pgbouncer -V does not say its version" ;; esac
for key in pooler-password admin-password; do
  why=$(check_secret "$key")
  [ -z "$why" ] || refuse "$why"
done
taken=$(inputs)
# The volume outlives the container.
rm -f "$RUN/hold" "$RUN/held"
echo $$ >"$RUN/pid"
write_files || refuse "cannot write to $RUN"

log "starting PgBouncer for $SERVICE"
pgbouncer "$RUN/pgbouncer.ini" &
child=$!
while running; do
  [ -z "$stopping" ] || stop
  keep_hold
  renew
  pause 1
done
wait "$child"
status=$?
log "PgBouncer ended by itself with status $status"
[ "$status" -ne 0 ] || status=1
exit "$status"
