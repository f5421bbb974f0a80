# The server's certificate, and what is asked of the others'. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# All of it is for pods that have a Secret with a certificate as a volume (deploy/components/tls): without one, nothing here
# does anything.

# Where that Secret is mounted: the component says so. A folder that only looks like it is somebody's own.
CERTIFICATES=${PG_TLS_DIR:-}
# What PostgreSQL and its programs read: copies, in memory. They are taken over when they are whole and belong together, and the
# key is the server's own file: it takes none that others may read.
TLS=$RUN/tls
# The last certificate and key that PostgreSQL is known to have read.
PROVEN=$RUN/tls.proven
# What is asked of the other pods, as libpq's sslmode: nothing, or verify-full.
SSLMODE=${PG_SSLMODE:-}
[ -z "$SSLMODE" ] || CERTIFICATES=${CERTIFICATES:-/etc/postgresql-tls}

# Where a pod verifies the others, it also lets nobody in without encryption. Until then every session may be as it was.
HBA=$CONFIG/pg_hba.conf
[ -z "$SSLMODE" ] || HBA=$CONFIG/pg_hba-tls.conf

# What a connection string for another pod ends with. An authority that is not there: libpq verifies by one that is, also in this mode.
verifying() {
  [ -n "$SSLMODE" ] || return 0
  case $proof in
    password) printf ' sslmode=require channel_binding=require sslrootcert=%s' "$TLS/none" ;;
    *) printf ' sslmode=%s sslrootcert=%s' "$SSLMODE" "$TLS/ca.crt" ;;
  esac
}

# by_password COMMAND...: what COMMAND asks takes a login for proof of who answers. Bound to the channel, SCRAM shows that the
# server knows the role's password, and that nobody is in between; libpq takes no other login then. For questions alone:
# a certificate that has expired must hide no primary. Whoever takes data from a server verifies it.
by_password() {
  proof=password
  "$@"
  proved=$?
  proof=''
  return "$proved"
}
proof=''

# of_certificates COMPLAINT: whether it is of a certificate, or of there being none. In libpq's words, in our language.
of_certificates() { case $1 in *certificate* | *'SSL error'* | *'does not support SSL'*) ;; *) return 1 ;; esac; }

renewing='renew the certificate, or give that pod one (docs/runbooks/tls.md)'

# What is said behind a complaint, if it is of that kind.
mending() { # COMPLAINT
  [ -n "$SSLMODE" ] && of_certificates "$1" || return 0
  printf '. To mend it, %s' "$renewing"
}

# Says once for each pod that it was believed without its certificate.
uncertified() { # POD COMPLAINT
  of_certificates "$2" && [ ! -e "$TLS/uncertified.$1" ] || return 0
  : >"$TLS/uncertified.$1"
  log "the certificate of $1 cannot be verified; what it says counts, because its login proves that it knows our roles. Nobody can stream from it: $renewing. $2"
}

certified() { # POD
  [ ! -e "$TLS/uncertified.$1" ] || rm -f "$TLS/uncertified.$1"
}
# What was said in another container is in its log.
[ -z "$SSLMODE" ] || rm -f "$TLS"/uncertified.*

has_certificate() { [ -n "$CERTIFICATES" ]; }

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

# Takes over what the Secret has now. Fails when there is nothing new, or nothing that a server could use: what it has stays,
# and unfit says why.
take_certificate() {
  read_certificate "$CERTIFICATES"
  if [ -z "$whole" ]; then
    unfit="it has no ca.crt, tls.crt and tls.key, all three"
    return 1
  fi
  taken=$whole
  read_certificate "$TLS"
  if [ "$taken" = "$whole" ]; then unfit=''; return 1; fi
  if [ "$taken" = "$not_taken" ]; then unfit=$not_taken_for; return 1; fi
  unfit="its files cannot be copied to $TLS"
  remove_tree "$TLS.new"
  mkdir -p "$TLS" "$TLS.new" || return 1
  for part in ca.crt tls.key tls.crt; do
    cat "$CERTIFICATES/$part" >"$TLS.new/$part" || return 1
  done
  read_certificate "$TLS.new"
  # The next look takes it.
  if [ "$taken" != "$whole" ]; then unfit='it changed while it was read'; return 1; fi
  if ! is_fit "$TLS.new"; then
    not_taken=$taken not_taken_for=$unfit
    return 1
  fi
  # Who has signed it first: nobody is to be shown what he cannot verify yet.
  for part in ca.crt tls.key tls.crt; do mv -f "$TLS.new/$part" "$TLS/$part" || return 1; done
  remove_tree "$TLS.new"
  unfit='' not_taken=''
}
unfit='' not_taken='' not_taken_for=''

# is_fit DIRECTORY: whether a server could use what is there, and its clients could log in; unfit says why not. Where there is
# no openssl, nobody can tell (prefer_proven).
is_fit() {
  command -v openssl >/dev/null 2>&1 || return 0
  if ! belong_together "$1"; then
    unfit="its tls.key is not the key of its tls.crt, or one of them cannot be read$(openssl_says)"
    return 1
  fi
  algorithm=$(openssl x509 -in "$1/tls.crt" -noout -text 2>/dev/null | sed -n 's/^ *Signature Algorithm: *//p' | head -n 1)
  case $algorithm in
    # A login is bound to a digest of the certificate, by the digest of its signature (RFC 5929): these have none.
    [Ee][Dd]25519 | [Ee][Dd]448 | *ML-DSA* | *SLH-DSA*)
      unfit="its tls.crt is signed with $algorithm, and libpq's clients cannot log in where a certificate is: the authority's key has to be RSA or ECDSA"
      return 1 ;;
  esac
  if ! is_signed "$1"; then
    unfit="its ca.crt has not signed its tls.crt as that of a server, or cannot be read$(openssl_says)"
    return 1
  fi
}

openssl_says() {
  said_of_it=$(complaint)
  [ -z "$said_of_it" ] || printf ': %s' "$said_of_it"
}

# Whether the key is that of the certificate. Who asks for a passphrase gets none, as in PostgreSQL.
belong_together() { # DIRECTORY
  of_certificate=$(openssl x509 -in "$1/tls.crt" -noout -pubkey 2>"$COMPLAINTS") || return 1
  of_key=$(openssl pkey -in "$1/tls.key" -passin pass: -pubout 2>"$COMPLAINTS") || return 1
  [ "$of_certificate" = "$of_key" ]
}

# Whether who trusts its ca.crt alone verifies it. Not when: an expired one may be the best that there is.
is_signed() { # DIRECTORY
  SSL_CERT_FILE=$1/none SSL_CERT_DIR=$1/none \
    openssl verify -no_check_time -purpose sslserver -CAfile "$1/ca.crt" -untrusted "$1/tls.crt" "$1/tls.crt" >/dev/null 2>"$COMPLAINTS"
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

# Before a start. A pair that PostgreSQL has not read yet would end it, again and again, if it is not right; a reload keeps what it has
# then (be_tls_init in libpq/be-secure-openssl.c). The first start in a pod has no choice.
prefer_proven() {
  has_certificate && [ -s "$PROVEN/tls.crt" ] && ! is_proven || return 0
  log 'starting with the certificate that PostgreSQL had last; the new one is read by a reload'
  for part in tls.key tls.crt; do
    cat "$PROVEN/$part" >"$TLS/$part.proven" && mv -f "$TLS/$part.proven" "$TLS/$part" || return 0
  done
}

is_proven() { [ "$(cat "$TLS/tls.crt" "$TLS/tls.key" 2>/dev/null)" = "$(cat "$PROVEN/tls.crt" "$PROVEN/tls.key" 2>/dev/null)" ]; }

keep_proven() {
  ! is_proven || return 0
  remove_tree "$PROVEN.new"
  mkdir -p "$PROVEN.new" || return 0
  for part in tls.key tls.crt; do cat "$TLS/$part" >"$PROVEN.new/$part" || return 0; done
  remove_tree "$PROVEN"
  mv "$PROVEN.new" "$PROVEN"
}

# Runs beside PostgreSQL: a renewed certificate is read by a reload, on a primary and on a standby. By SQL: a signal would end
# a server that has only just been started. Until it is done, it is tried again.
renew_certificate() {
  has_certificate || return 0
  if [ -z "$has_started" ]; then
    # Whoever has a socket has read his certificate before (PostmasterMain in postmaster.c).
    timeout 6 pg_isready -q -h "$RUN" -p "$PORT" -U "$POSTGRES_USER" -d postgres -t 3
    case $? in 0 | 1) ;; *) return 0 ;; esac
    has_started=1
    keep_proven
  fi
  if take_certificate; then
    log 'the Secret has another certificate now: PostgreSQL reads its files again'
    : >"$TLS/renewed"
  elif [ -n "$unfit" ] && [ "$unfit $not_taken" != "$unfit_said" ]; then
    log "the certificate stays as it is, and the new one of the Secret is not taken: $unfit"
  fi
  unfit_said="$unfit $not_taken"
  if [ -e "$TLS/renewed" ]; then
    if query_local 'SELECT pg_reload_conf()' >/dev/null; then
      rm -f "$TLS/renewed"
      looks=6
    fi
  elif [ "$looks" -gt 0 ]; then
    see_presented
  fi
}
unfit_said='' has_started='' looks=0

# Whether PostgreSQL presents the new one after a reload: it says in its own log alone why it does not. It may take a moment.
see_presented() {
  looks=$((looks - 1))
  case ${POD_IP:-127.0.0.1} in *:*) own="[$POD_IP]" ;; *) own=${POD_IP:-127.0.0.1} ;; esac
  shown=$(timeout 6 openssl s_client -starttls postgres -connect "$own:$PORT" </dev/null 2>/dev/null | openssl x509 2>/dev/null)
  # Nobody can tell: there is no openssl, or it cannot connect.
  [ -n "$shown" ] || return 0
  if [ "$shown" = "$(openssl x509 -in "$TLS/tls.crt" 2>/dev/null)" ]; then
    looks=0
    keep_proven
  elif [ "$looks" -eq 0 ]; then
    log 'PostgreSQL has read its files again, and does not present the new certificate: its log says why'
  fi
}

# with_certificate COMMAND...: COMMAND with the settings of the command line behind it: whoever has the files encrypts, whatever
# another file says, and a pod that has none yet does not.
with_certificate() {
  if [ -s "$TLS/tls.crt" ]; then
    "$@" -c ssl=on -c ssl_cert_file="$TLS/tls.crt" -c ssl_key_file="$TLS/tls.key"
  else
    "$@"
  fi
}
