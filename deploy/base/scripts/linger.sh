#!/bin/sh
# What pgctl asks of a primary's pod that it is about to stop. POSIX sh, as start.sh, which does it.
#
# linger.sh ask SECONDS VALID TERM  once PostgreSQL has stopped, the container is to stay for SECONDS; counts for a stop within
#                                   VALID seconds, by an operation that has raised the topology to TERM. Prints the name of the
#                                   container that will do so.
# linger.sh await                   waits until PostgreSQL has stopped for good here, and prints the record of it.
# linger.sh forget                  takes back what was asked, also while the container stays.
set -u
LC_ALL=C
export LC_ALL
umask 077

RUN=${PG_RUN_DIR:-/var/run/postgresql}

usage() {
  echo 'usage: linger.sh ask SECONDS VALID TERM | await | forget' >&2
  exit 2
}

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

case ${1:-} in
  ask)
    if ! is_number "${2:-}" || ! is_number "${3:-}" || ! is_number "${4:-}"; then usage; fi
    # A start script of before leaves no such file, and would not linger.
    container=$(cat "$RUN/pgctl-container" 2>/dev/null)
    if [ -z "$container" ]; then
      echo 'the start script that runs here does not linger' >&2
      exit 3
    fi
    printf '%s %s %s\n' "$(($(date +%s) + $3))" "$2" "$4" >"$RUN/.pgctl-linger" || exit 1
    mv -f "$RUN/.pgctl-linger" "$RUN/pgctl-linger" || exit 1
    printf '%s\n' "$container" ;;
  await)
    # Whoever asked may have gone without a word: not for longer than what was asked for counts.
    while [ ! -s "$RUN/pgctl-stopped" ]; do
      until_second=0
      read -r until_second _ 2>/dev/null <"$RUN/pgctl-linger"
      [ "$(date +%s)" -le "$until_second" ] || exit 3
      sleep 0.05 2>/dev/null || sleep 1
    done
    cat "$RUN/pgctl-stopped" ;;
  forget) rm -f "$RUN/pgctl-linger" "$RUN/pgctl-stopped" ;;
  *) usage ;;
esac
