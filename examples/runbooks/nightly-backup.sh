#!/bin/sh
# Every night: take a backup, delete what is not kept any longer, and tell somebody when either did not work.
#
#   PGCTL_STORE=s3://backups/pg PGCTL_NAMESPACE=shop ALERT=/usr/local/bin/page examples/runbooks/nightly-backup.sh
#
# KEEP_DAILY and KEEP_WEEKLY say what is kept (14 days and 8 weeks). Ends as pgctl did.
set -u

# shellcheck source=examples/runbooks/alert.sh
. "$(dirname "$0")/alert.sh"

if [ -z "${PGCTL_STORE:-}" ]; then
    echo "PGCTL_STORE says where the backups go: a directory, or s3://BUCKET/PREFIX" >&2
    exit 2
fi

# An API server that is being upgraded is back in a minute.
attempt=1
while :; do
    id=$(pgctl backup -o value=id)
    code=$?
    if [ "$code" -ne 7 ] || [ "$attempt" -ge 3 ]; then
        break
    fi
    attempt=$((attempt + 1))
    sleep "${RETRY_SECONDS:-60}"
done
if [ "$code" -ne 0 ]; then
    # Without a new backup none of the old ones is deleted.
    alert critical "no backup was taken tonight: $(meaning "$code")"
    exit "$code"
fi
echo "taken and verified: $id"

pgctl backup prune --keep-daily "${KEEP_DAILY:-14}" --keep-weekly "${KEEP_WEEKLY:-8}" --yes
code=$?
if [ "$code" -ne 0 ]; then
    alert warning "the backup $id was taken, and old ones were not deleted: $(meaning "$code")"
fi
exit "$code"
