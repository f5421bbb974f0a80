# Asking the other pods. Sourced by start.sh; POSIX sh, as it is.
# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the script that sources this
#
# Who does not answer may be alive, and who answers what nobody understands is: neither is ever taken for absent.

address() { # stable DNS name of a pod
  printf '%s.%s' "$1" "${1%-*}"
  [ -z "${POD_NAMESPACE:-}" ] || printf '.%s.svc' "$POD_NAMESPACE"
}

slot_name() { printf '%s' "$1" | tr -c 'a-z0-9_' '_'; }

login() { # POD USER
  printf 'host=%s port=%s user=%s connect_timeout=3 application_name=%s-asks' "$(address "$1")" "$PORT" "$2" "$POD_NAME"
  verifying
}

query_as_replicator() { sql "$SESSION" "$(login "$1" "$REPLICATION_USER") dbname=postgres" "$2" 9>&- 2>"$COMPLAINTS"; }

query_as_superuser() { sql "$SUPERUSER_SESSION" "$(login "$1" "$POSTGRES_USER") dbname=postgres" "$2" 9>&- 2>"$COMPLAINTS"; }

# query POD SQL: as the replication user on the database postgres, or, where that one is not let in, as the superuser,
# who needs no privilege and for whom connections are kept free. psql's status 2 is "no connection".
query() {
  query_as_replicator "$1" "$2"
  query_status=$?
  [ "$query_status" -eq 2 ] || return "$query_status"
  query_as_superuser "$1" "$2"
}

query_local() {
  sql "$SUPERUSER_SESSION" "host=$RUN port=$PORT user=$POSTGRES_USER dbname=postgres connect_timeout=3 application_name=pgctl-start" "$1" 9>&- 2>"$COMPLAINTS"
}

# What the last question's tool had to say, on one line, for people.
complaint() { tr '\n' ' ' <"$COMPLAINTS" 2>/dev/null | cut -c1-600; }

# A primary's timeline is the one it writes to now: its control file still names the old one until the first
# checkpoint after a promotion. A standby's is the newest that it has replayed, received or heard of: its control file
# tells nothing of them before the next restartpoint.
HEARD_SQL="SELECT greatest((SELECT max(received_tli) FROM pg_stat_wal_receiver),
  (SELECT max(('x' || substr(name, 1, 8))::bit(32)::int) FROM pg_ls_waldir()
    WHERE name ~ '^[0-9A-F]{24}([.]partial)?\$' OR name ~ '^[0-9A-F]{8}[.]history\$'))"
FACTS_SQL="SELECT CASE WHEN pg_is_in_recovery() THEN 'on' ELSE 'off' END, system_identifier,
  CASE WHEN pg_is_in_recovery()
    THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()), (SELECT min_recovery_end_timeline FROM pg_control_recovery()), ($HEARD_SQL))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END
  FROM pg_control_system()"

# understood ANSWER: sets peer, peer_system and peer_timeline from "on|off SYSTEM TIMELINE …", if it is that.
understood() {
  in_recovery='' said_system='' said_timeline=''
  # The three words stand on one line or on two.
  read -r in_recovery said_system said_timeline _ <<ANSWER
$(printf '%s' "$1" | tr '\n' ' ')
ANSWER
  is_number "$said_system" && is_number "$said_timeline" && [ "$said_timeline" -gt 0 ] || return 1
  case $in_recovery in
    off) peer=writable ;;
    on) peer=standby ;;
    *) return 1 ;;
  esac
  peer_system=$said_system peer_timeline=$said_timeline peer_says="is $peer"
}

# What a physical walsender tells needs no right but to replicate, no free connection of those that clients share, and
# no database, whose settings or privileges might be in the way; nor do the role's settings apply (InitPostgres in
# utils/init/postinit.c returns before process_settings). In this order: a promotion in between makes a standby on the
# new timeline of it, and never a primary on the old one.
facts_by_replication() {
  answer=$(sql "$SESSION" "$(login "$1" "$REPLICATION_USER") dbname=replication replication=true" \
    'SHOW in_hot_standby' IDENTIFY_SYSTEM 9>&- 2>"$COMPLAINTS") && understood "$answer" || return 1
  [ "$peer" = standby ] || return 0
  # A standby says there what it has replayed. It may have heard of more.
  if heard=$(query "$1" "$HEARD_SQL"); then
    if is_number "$heard" && [ "$heard" -gt "$peer_timeline" ]; then peer_timeline=$heard; fi
  elif sql "$SESSION" "$(login "$1" "$REPLICATION_USER") dbname=replication replication=true" \
    "TIMELINE_HISTORY $((peer_timeline + 1))" 9>&- >/dev/null 2>"$COMPLAINTS"; then
    peer_timeline=$((peer_timeline + 1))
  fi
}

facts_by_sql() { answer=$(query "$1" "$FACTS_SQL") && understood "$answer"; }

# facts POD: sets what ask says, if it can be told, and else first_complaint.
facts() {
  if facts_by_replication "$1"; then return; fi
  first_complaint=$(complaint)
  facts_by_sql "$1"
}

# Whoever answers is there, whatever its certificate is worth: only a question wants to know. Of the kinds of answer, pg_isready tells "not now" (SQLSTATE 57P03) by its code, whatever its language.
knock() { timeout 6 pg_isready -q -h "$(address "$1")" -p "$PORT" -U "$REPLICATION_USER" -d 'dbname=postgres sslmode=prefer' -t 3 9>&- 2>/dev/null; }

# ask POD: sets peer, peer_system, peer_timeline and peer_says. Peer is one of
#   writable, standby  it said so
#   recovering         it replays WAL as a standby and takes no connections: not writable, its timeline is not known
#   starting           it takes no connections now, and may be anything
#   refused            it answers, and what it says is not understood: it may be anything
#   silent             nobody answers there
# Who cannot be verified is asked again, by a login that proves as much. peer_mend says what helps, if it is not the pod itself.
ask() {
  peer=silent peer_system='' peer_timeline=0 peer_says='does not answer' peer_mend=''
  knock "$1"
  case $? in
    0) ;;
    1) not_now "$1"; return ;;
    *) return ;;
  esac
  if facts "$1"; then
    certified "$1"
    return
  fi
  of_it=${first_complaint:-$(plain "$answer")}
  if [ -n "$SSLMODE" ]; then
    if by_password facts "$1"; then
      uncertified "$1" "$of_it"
      return
    fi
    if of_certificates "$of_it"; then
      peer_mend=$renewing
      of_it="$of_it; and without its certificate: ${first_complaint:-$(plain "$answer")}"
    fi
  fi
  peer=refused peer_system='' peer_timeline=0
  peer_says="answers, but not to our question: $of_it"
  knock "$1"
  if [ $? -eq 1 ]; then not_now "$1"; fi
}

# It answered 57P03. Of the reasons for that only one comes with a detail: it replays WAL and is not consistent, or is no
# hot standby (CAC_NOTCONSISTENT in postmaster.c, later tcop/backend_startup.c). The label is ours, in our language.
not_now() {
  peer=starting peer_says='is starting up or shutting down'
  # Nobody is believed by this, who would not be by his silence.
  if by_password query_as_replicator "$1" 'SELECT 1' >/dev/null; then return; fi
  if grep -q '^DETAIL:' "$COMPLAINTS"; then
    knock "$1"
    if [ $? -eq 1 ]; then peer=recovering peer_says='replays WAL and takes no connections yet'; fi
  fi
}

known_to_dns() { getent hosts "$(address "$1")" >/dev/null 2>&1 9>&-; }

# Asks every other pod of both StatefulSets at once. One line a pod that exists: NAME PEER SYSTEM TIMELINE. A resolver says
# of a name that it can't find out about what it says of one that does not exist, so a pod that was there before
# ($STATE/peers) is silent, and not absent, until it was waited for in vain.
ask_peers() {
  rm -rf "$RUN/peers"
  mkdir -p "$RUN/peers" "$STATE/peers"
  asked=''
  for set_name in "$PRIMARY_SET" "$REPLICA_SET"; do
    ordinal=0
    while [ "$ordinal" -le "$MAX_ORDINAL" ]; do
      other=$set_name-$ordinal
      ordinal=$((ordinal + 1))
      [ "$other" != "$POD_NAME" ] || continue
      (
        trap - TERM INT
        if ! known_to_dns "$other" && ! known_to_dns "$other"; then
          [ ! -e "$STATE/peers/$other" ] || echo "$other silent 0 0" >"$RUN/peers/$other"
          exit 0
        fi
        : >"$STATE/peers/$other"
        # Whatever becomes of the asking, it exists.
        echo "$other refused 0 0" >"$RUN/peers/$other"
        COMPLAINTS=$RUN/peers/.$other
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
  until known_to_dns "$POD_NAME"; do
    hold no-dns "the cluster's DNS does not know $(address "$POD_NAME") yet: without DNS the other pods cannot be asked"
  done
}
