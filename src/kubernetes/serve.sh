# The one process of a throw-away server's pod: waits until its data is in place, and becomes PostgreSQL. POSIX sh.
set -u
PGDATA=${PGDATA:-/var/lib/postgresql/data/pgdata}
STATE=$(dirname "$PGDATA")/pgctl
CONFIG=${PG_CONFIG_DIR:-/etc/postgresql}/postgresql.conf
trap 'exit 0' TERM INT
until [ -e "$STATE/restore-serve" ]; do sleep 1 & wait $!; done
trap - TERM INT
if ! command -v postgres >/dev/null 2>&1; then
  for directory in /usr/lib/postgresql/*/bin /usr/local/bin; do
    if [ -x "$directory/postgres" ]; then PATH=$directory:$PATH; fi
  done
  export PATH
fi
[ -e "$CONFIG" ] || CONFIG=$PGDATA/postgresql.conf
chmod u=rwx,go= "$PGDATA" # fsGroup adds group permissions at every mount
# It is a copy of a past: nothing of it may reach out, so it archives nothing, waits for no standby, and has no background
# workers (subscriptions, pg_cron, whatever an extension brings). Only who comes through a port-forward, which ends on the
# loopback of the pod, or is in the pod, is let in. What its files say of what it is does not count.
exec postgres -D "$PGDATA" -c data_directory="$PGDATA" -c config_file="$CONFIG" -c hba_file="$STATE/serve-hba" \
  -c ident_file="$PGDATA/pg_ident.conf" -c external_pid_file= -c cluster_name=throw-away \
  -c listen_addresses="${PG_LISTEN_ADDRESSES:-localhost}" -c port=5432 \
  -c unix_socket_directories="${PG_RUN_DIR:-/var/run/postgresql}" -c unix_socket_permissions=0777 \
  -c archive_mode=off -c archive_command= -c restore_command= -c synchronous_standby_names= -c primary_conninfo= \
  -c max_worker_processes=0 -c max_logical_replication_workers=0 -c cron.launch_active_jobs=off \
  -c ssl=off -c logging_collector=off -c log_destination=stderr
