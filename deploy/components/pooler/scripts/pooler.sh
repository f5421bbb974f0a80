#!/bin/sh
# Start script of every pooler pod: writes PgBouncer's files, runs it, brings changed passwords and settings to it, and
# lets transactions end when the pod is to go. POSIX sh only (dash, busybox ash); PID 1 of the container.
set -u
LC_ALL=C
export LC_ALL
umask 077

RUN=${POOLER_RUN_DIR:-/run/pooler}            # in memory
CONFIG=${POOLER_CONFIG_DIR:-/etc/pooler}
SECRET=${POOLER_SECRET_DIR:-/etc/pooler-secret}
TERMINATION_LOG=${POOLER_TERMINATION_LOG:-/dev/termination-log}
SERVICE=${POOLER_SERVICE:?the Service that leads to the servers}
LISTEN=${POOLER_LISTEN_ADDRESS:-*}
PORT=5432
PLACEHOLDER=replace-me-before-use
# The role and its function are made by `pgctl pooler setup` (src/postgres/pooler_role.rs).
ROLE=pgctl_pooler
ADMIN=pgctl_pooler_admin
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

# replace FILE: standard input becomes FILE, in one step.
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }

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
* = host=$SERVICE port=5432 auth_user=$ROLE
INI
}

write_files() {
  {
    user_line "$ROLE" pooler-password
    user_line "$ADMIN" admin-password
  } | replace "$RUN/userlist.txt"
  settings | replace "$RUN/pgbouncer.ini"
}

# What PgBouncer reads, as a number.
inputs() { cat "$SECRET/pooler-password" "$SECRET/admin-password" "$CONFIG/pgbouncer.ini" 2>/dev/null | cksum; }

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

running() { kill -0 "$child" 2>/dev/null; }

pause() {
  sleep "$1" &
  wait $!
}

# SIGINT lets transactions end and takes no others (SHUTDOWN of the console). SIGTERM means another thing in every version.
stop() {
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

stopping=''
trap 'stopping=1' TERM INT

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
write_files || refuse "cannot write to $RUN"

log "starting PgBouncer for $SERVICE"
pgbouncer "$RUN/pgbouncer.ini" &
child=$!
while running; do
  [ -z "$stopping" ] || stop
  renew
  pause 1
done
wait "$child"
status=$?
log "PgBouncer ended by itself with status $status"
[ "$status" -ne 0 ] || status=1
exit "$status"
