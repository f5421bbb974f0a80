#!/bin/sh
# hold.sh ADDRESS: lets PgBouncer's clients wait while the primary, which is at that address, moves: pgctl failover runs it in
# every pooler for writes. POSIX sh only. It lasts for as long as lines come in on standard input, one a second at least:
#   hold                      nobody begins a transaction from now on; for 30 s at most
#   lead ADDRESS[,ADDRESS]    say when PgBouncer's way through the Service leads to one of them, and writes are accepted there
#   release                   let them go on, through the Service
#   anything else             still there
# It says: pinned (PgBouncer goes to ADDRESS, wherever the Service leads), paused (somebody has paused it by hand: that is neither
# begun nor ended here), held (nobody begins a transaction), drained (none is under way), led, released; or, once, what is wrong.
# At the end of the input clients go on, with the primary at ADDRESS for as long as the Service leads to none; and when this
# process is killed or hangs, the start script (pooler.sh) sees to it.
set -u
LC_ALL=C
export LC_ALL
umask 077

# shellcheck source=deploy/components/pooler/scripts/common.sh
. "${0%/*}/common.sh"
ORIGIN=$1
# Lines while clients wait: pgctl sends two in a second.
MOST=60

# Asked fifty times a second by some: without a program of its own.
is_mine() {
  whose='' how_far=''
  read -r whose how_far 2>/dev/null <"$RUN/held"
  [ "$whose" = "$me" ]
}

# Whether somebody has paused PgBouncer: 0 yes, 1 no, 2 when it does not say. Every version answers this, and to no effect: the
# console's own database is never paused. SHOW STATE is younger.
is_paused() {
  case $(console_says 'PAUSE pgbouncer') in
    *'already suspended/paused'*) return 0 ;;
    *'cannot pause admin db'*) return 1 ;;
    *) return 2 ;;
  esac
}

is_held() { is_mine && [ "$how_far" = held ]; }

# The start script looks at once, and not at its next second.
wake() { kill -HUP "$(cat "$RUN/pid")" 2>/dev/null; }

# PgBouncer has closed every server when no transaction is under way. The signal was sent before this connects, so it was
# taken before this is answered.
say_when_drained() {
  if [ -n "$theirs" ]; then
    echo paused
  else
    until is_held; do
      is_mine || return
      sleep 0.02
    done
  fi
  echo held
  while is_mine; do
    if servers=$(ask_console 'SHOW SERVERS') && [ -z "$servers" ]; then
      is_mine && echo drained
      return
    fi
    sleep 0.02
  done
}

# The way that PgBouncer's own connections will take leads to one of these addresses, and it accepts writes.
say_when_led() { # ADDRESS,...
  while is_mine; do
    answer=$(ask 'select pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.pg_is_in_recovery()')
    address=${answer%%|*}
    case $answer in
      ?*'|f') case ",$1," in *",$address,"*) is_mine && echo led; return ;; esac ;;
    esac
    sleep 0.02
  done
}

for tool in psql timeout; do
  command -v "$tool" >/dev/null 2>&1 || { echo "lacks $tool"; exit 1; }
done
me=$$-$(date +%s)
(set -C && echo "$me pin-0 $ORIGIN" >"$RUN/hold") 2>/dev/null || { echo 'held already'; exit 1; }
# Whoever listens may be gone, and what has to be done is done all the same.
trap '' PIPE
wake
waited=0
until is_mine; do
  [ "$waited" -lt 150 ] || { rm -f "$RUN/hold"; echo 'no answer'; exit 1; }
  waited=$((waited + 1))
  sleep 0.02
done
echo pinned
wants=pin number=0 holding=0 theirs=''
while read -r word rest; do
  is_mine || { echo over; exit 1; }
  number=$((number + 1))
  case $word in
    hold)
      [ "$wants" = hold ] || is_paused
      case $? in
        0) [ "$wants" = hold ] || theirs=1 ;;
        1) wants=hold theirs='' ;;
        *) # Whoever holds it could end a pause of somebody else.
          echo silent
          rm -f "$RUN/hold"
          wake
          exit 1
          ;;
      esac
      ;;
    release) wants=release ;;
    lead) say_when_led "$rest" & ;;
  esac
  [ "$wants" != hold ] || holding=$((holding + 1))
  [ "$holding" -le "$MOST" ] || break
  echo "$me $wants-$number $ORIGIN" | replace "$RUN/hold"
  [ "$word" != hold ] || { wake; say_when_drained & }
  [ "$wants" != release ] || break
done
[ "$wants" = release ] || rm -f "$RUN/hold"
wake
while is_mine; do sleep 0.02; done
[ "$wants" = release ] && echo released || echo over
