# The server's certificate, and what is asked of the others'. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# All of it is for pods that have a Secret with a certificate as a volume (deploy/components/tls): without one, nothing here
# does anything.

# Where that Secret is mounted.
CERTIFICATES=${PG_TLS_DIR:-/etc/postgresql-tls}
# What PostgreSQL and its programs read: copies, in memory. They are taken over when they are whole and belong together, and the
# key is the server's own file: it takes none that others may read.
TLS=$RUN/tls
# What is asked of the other pods, as libpq's sslmode: nothing, or verify-full.
SSLMODE=${PG_SSLMODE:-}

# Where a pod verifies the others, it also lets nobody in without encryption. Until then every session may be as it was.
HBA=$CONFIG/pg_hba.conf
[ -z "$SSLMODE" ] || HBA=$CONFIG/pg_hba-tls.conf

# What a connection string for another pod ends with.
verifying() { [ -z "$SSLMODE" ] || printf ' sslmode=%s sslrootcert=%s' "$SSLMODE" "$TLS/ca.crt"; }

has_certificate() { [ -d "$CERTIFICATES" ]; }

# read_certificate DIRECTORY: sets whole to the three files, empty where one is missing. The kubelet swaps the volume as a whole:
# reading until two rounds agree never mixes two versions.
read_certificate() {
  while :; do
    whole=$(all_of "$1")
    [ "$whole" = "$(all_of "$1")" ] && break
  done
}

all_of() {
  for part in ca.crt tls.key tls.crt; do
    [ -s "$1/$part" ] || return 0
  done
  for part in ca.crt tls.key tls.crt; do
    echo "$part"
    cat "$1/$part"
  done 2>/dev/null
}

# Takes over what the Secret has now. Fails when there is nothing new, or nothing that a server could use: what it has stays.
take_certificate() {
  read_certificate "$CERTIFICATES"
  if [ -z "$whole" ]; then
    unfit="it has no ca.crt, tls.crt and tls.key, all three"
    return 1
  fi
  taken=$whole
  read_certificate "$TLS"
  if [ "$taken" = "$whole" ]; then unfit=''; return 1; fi
  [ "$taken" != "$not_taken" ] || return 1
  remove_tree "$TLS.new"
  mkdir -p "$TLS" "$TLS.new" || return 1
  for part in ca.crt tls.key tls.crt; do
    cat "$CERTIFICATES/$part" >"$TLS.new/$part" || return 1
  done
  read_certificate "$TLS.new"
  # It changed meanwhile: the next look takes it.
  [ "$taken" = "$whole" ] || return 1
  if ! belong_together "$TLS.new"; then
    not_taken=$taken
    said_of_it=$(complaint)
    unfit="its tls.key is not the key of its tls.crt, or one of them cannot be read${said_of_it:+: $said_of_it}"
    return 1
  fi
  # Who has signed it first: nobody is to be shown what he cannot verify yet.
  for part in ca.crt tls.key tls.crt; do mv -f "$TLS.new/$part" "$TLS/$part" || return 1; done
  remove_tree "$TLS.new"
  unfit='' not_taken=''
}
unfit='' not_taken=''

# Whether the key is that of the certificate; where there is no openssl, PostgreSQL says so. At a reload it then keeps what it
# has (be_tls_init in libpq/be-secure-openssl.c sets the new one only when it is complete).
belong_together() { # DIRECTORY
  command -v openssl >/dev/null 2>&1 || return 0
  of_certificate=$(openssl x509 -in "$1/tls.crt" -noout -pubkey 2>"$COMPLAINTS") || return 1
  of_key=$(openssl pkey -in "$1/tls.key" -pubout 2>"$COMPLAINTS") || return 1
  [ "$of_certificate" = "$of_key" ]
}

# Before anybody is asked, and before PostgreSQL is started: without these files neither works.
certificate_ready() {
  has_certificate || [ -n "$SSLMODE" ] || return 0
  if take_certificate; then log 'taking over the certificate of the Secret'; fi
  if [ ! -s "$TLS/tls.crt" ]; then
    hold bad-certificate "the Secret in $CERTIFICATES cannot be used: ${unfit:-its files cannot be copied to $TLS}. Mend it (docs/runbooks/tls.md); this pod looks again" 2
    return 1
  fi
  if [ ! -s "$HBA" ]; then
    hold bad-certificate "the ConfigMap has no ${HBA##*/}, which says who may come in where all is encrypted: apply deploy/components/tls as a whole; this pod looks again" 2
    return 1
  fi
}

# Runs beside PostgreSQL: a renewed certificate is read by a reload, on a primary and on a standby. By SQL: a signal would end
# a server that has only just been started. Until it is done, it is tried again.
renew_certificate() {
  has_certificate || return 0
  if take_certificate; then
    log 'the Secret has another certificate now: PostgreSQL reads its files again'
    : >"$TLS/renewed"
  elif [ -n "$unfit" ] && [ "$unfit" != "$unfit_said" ]; then
    log "the certificate stays as it is, and the new one of the Secret is not taken: $unfit"
  fi
  unfit_said=$unfit
  [ -e "$TLS/renewed" ] || return 0
  if query_local 'SELECT pg_reload_conf()' >/dev/null; then rm -f "$TLS/renewed"; fi
}
unfit_said=''

# with_certificate COMMAND...: COMMAND with the settings of the command line behind it: whoever has the files encrypts, whatever
# another file says, and a pod that has none yet does not.
with_certificate() {
  if [ -s "$TLS/tls.crt" ]; then
    "$@" -c ssl=on -c ssl_cert_file="$TLS/tls.crt" -c ssl_key_file="$TLS/tls.key"
  else
    "$@"
  fi
}
