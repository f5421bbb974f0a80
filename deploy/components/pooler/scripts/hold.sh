#!/bin/sh
# hold.sh ADDRESS: lets PgBouncer's clients wait while the primary, which is at that address, moves: pgctl failover runs it in
# every pooler for writes. POSIX sh only. For as long as lines come in on standard input, one a second at least, nobody begins a transaction. The lines:
#   lead ADDRESS[,ADDRESS]    say when PgBouncer's own way leads to one of them, and writes are accepted there
#   release                   let them go on, through the Service
#   anything else             still there
# At the end of the input they go on, too; and when this process is killed or hangs, the start script (pooler.sh) sees to it.
# What it says: held (nobody begins a transaction), drained (none is under way), led, released; or, once, what is wrong.
set -u
LC_ALL=C
export LC_ALL
umask 077

# shellcheck source=deploy/components/pooler/scripts/common.sh
. "$(dirname "$0")/common.sh"
case $LISTEN in '*') CONSOLE=127.0.0.1 ;; *) CONSOLE=$LISTEN ;; esac
# Where the primary is. When nobody is heard of any more, clients go on there.
ORIGIN=$1

is_mine() { [ "$(cat "$RUN/held" 2>/dev/null)" = "$me" ]; }

# The start script looks at once, and not at its next second.
wake() { kill -HUP "$(cat "$RUN/pid")" 2>/dev/null; }

# PgBouncer has closed every server when no transaction is under way. The signal was sent before this connects, so it was
# taken before this is answered.
say_when_drained() {
  while is_mine; do
    if servers=$(ask "$CONSOLE" "$ADMIN" pgbouncer 'SHOW SERVERS') && [ -z "$servers" ]; then
      echo drained
      return
    fi
    sleep 0.02
  done
}

# The way that PgBouncer's own connections will take leads to one of these addresses, and it accepts writes.
say_when_led() { # ADDRESS,...
  while is_mine; do
    answer=$(ask "$SERVICE" "$ROLE" postgres 'select pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.pg_is_in_recovery()')
    address=${answer%%|*}
    case $answer in
      ?*'|f') case ",$1," in *",$address,"*) echo led; return ;; esac ;;
    esac
    sleep 0.02
  done
}

command -v psql >/dev/null 2>&1 || { echo 'lacks psql'; exit 1; }
me=$$-$(date +%s)
(set -C && echo "$me 0 $ORIGIN" >"$RUN/hold") 2>/dev/null || { echo 'held already'; exit 1; }
# Whoever listens may be gone, and what has to be done is done all the same.
trap '' PIPE
wake
waited=0
until is_mine; do
  [ "$waited" -lt 150 ] || { rm -f "$RUN/hold"; echo 'no answer'; exit 1; }
  waited=$((waited + 1))
  sleep 0.02
done
echo held
number=0
say_when_drained &
while read -r word rest; do
  is_mine || { echo over; exit 1; }
  number=$((number + 1))
  case $word in
    release) number=release ;;
    lead) say_when_led "$rest" & ;;
  esac
  echo "$me $number $ORIGIN" | replace "$RUN/hold"
  [ "$number" != release ] || break
done
[ "$number" = release ] || rm -f "$RUN/hold"
wake
while is_mine; do sleep 0.02; done
echo released
