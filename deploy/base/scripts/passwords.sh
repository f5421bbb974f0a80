# The passwords that this pod logs in with at the others. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# The environment has the passwords of when the container was made; the Secret as a volume has them as they are now. A
# role has one password in PostgreSQL, and Secret and database can't change in the same moment: while they differ, a
# login tells which of the passwords is the one, so that a standby always comes in again without a restart.

# Where the Secret is mounted. Beside KEY there may be KEY-next and KEY-previous while pgctl changes a password.
SECRET=${PG_SECRET_DIR:-/etc/postgresql-secret}

# secret KEY DEFAULT: sets value to what the Secret has now, or to DEFAULT where it is not mounted or has no such key.
# Line breaks at its end are part of it. No program is run: this is done once a second.
secret() {
  value=$2
  [ -r "$SECRET/$1" ] || return 0
  value=''
  {
    while IFS= read -r read_line; do
      value="$value$read_line
"
    done
    value=$value$read_line
  } 2>/dev/null <"$SECRET/$1" || value=$2
}

# One field of a passfile: colon and backslash are escaped.
pass_field() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/:/\\:/g'; }

pass_line() { printf '*:*:*:%s:%s\n' "$(pass_field "$1")" "$(pass_field "$2")"; } # USER PASSWORD

# logs_in USER PASSWORD: whether the named primary lets USER in with it.
logs_in() {
  pass_line "$1" "$2" | replace "$RUN/pgpass-tried"
  if try_password "$1"; then return; fi
  # A password is known by a login, also where the certificate has expired.
  [ -n "$SSLMODE" ] && by_password try_password "$1"
}

try_password() { # USER
  sql "$SESSION" "$(login "$named" "$1") dbname=postgres passfile=$RUN/pgpass-tried" 'SELECT 1' 9>&- >/dev/null 2>&1
}

# choose KEY USER DEFAULT USED: sets value to the password to use from now on. USED is the one until now: it stays as
# long as it works, and where nobody answers.
choose() {
  secret "$1" "$3"
  current=$value
  secret "$1-next" ''
  next=$value
  secret "$1-previous" ''
  previous=$value
  value=${4:-$current}
  [ "$value$next$previous" != "$current" ] || return 0
  # Where nobody answers, nobody says, and there is more to do than to wait for it.
  knock "$named" || return 0
  if logs_in "$2" "$value"; then return; fi
  for candidate in "$current" "$next" "$previous"; do
    if [ -n "$candidate" ] && [ "$candidate" != "$4" ] && logs_in "$2" "$candidate"; then
      value=$candidate
      log "the password of $2 is another now"
      return
    fi
  done
}

# What the Secret has, before anybody can be asked.
read_passwords() {
  secret postgres-password "${POSTGRES_PASSWORD:-}"
  check_secret postgres-password "$value"
  superuser_password=$value
  secret replication-password "${REPLICATION_PASSWORD:-}"
  check_secret replication-password "$value"
  replication_password=$value
  write_passfile
}

# Again and again: the Secret changes while this pod lives.
renew_passwords() {
  was="$replication_password
$superuser_password"
  choose replication-password "$REPLICATION_USER" "${REPLICATION_PASSWORD:-}" "$replication_password"
  replication_password=$value
  choose postgres-password "$POSTGRES_USER" "${POSTGRES_PASSWORD:-}" "$superuser_password"
  superuser_password=$value
  [ "$was" = "$replication_password
$superuser_password" ] || write_passfile
}

# pgctl compares what is written here with what it expects (src/postgres/passwords.rs).
write_passfile() {
  {
    pass_line "$REPLICATION_USER" "$replication_password"
    pass_line "$POSTGRES_USER" "$superuser_password"
  } | replace "$PGPASSFILE"
}
