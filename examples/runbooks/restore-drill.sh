#!/bin/sh
# Every week: prove that the newest backup can be restored, on this machine, in a throw-away server. The programs of
# PostgreSQL must be installed here, of the cluster's major version or newer.
#
#   PGCTL_STORE=s3://backups/pg ALERT=/usr/local/bin/page examples/runbooks/restore-drill.sh
#
# MAX_AGE_HOURS: a newest backup that is older is told of, too (26). AGE_KEY: the file with the key of encrypted ones.
set -u

# shellcheck source=examples/runbooks/alert.sh
. "$(dirname "$0")/alert.sh"

newest=$(pgctl backup list -o 'value=backups[-1].id')
code=$?
if [ "$code" -ne 0 ] || [ -z "$newest" ]; then
    [ "$code" -ne 0 ] || code=4
    alert critical "there is no backup to restore: $(meaning "$code")"
    exit "$code"
fi

started=$(date -d "$(pgctl backup list -o 'value=backups[-1].backup.startedAt')" +%s)
hours=$((($(date +%s) - started) / 3600))
if [ "$hours" -gt "${MAX_AGE_HOURS:-26}" ]; then
    alert warning "the newest backup, $newest, is $hours hours old"
fi

pgctl backup verify "$newest" --restore-test ${AGE_KEY:+--identity "$AGE_KEY"}
code=$?
if [ "$code" -ne 0 ]; then
    alert critical "the backup $newest could not be restored: $(meaning "$code")"
    exit "$code"
fi
echo "restored for a trial: $newest"
