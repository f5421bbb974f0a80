//! Every SQL text. All run on PostgreSQL 14 to 18, on a primary and on a standby.

use super::quote_literal;
use crate::cluster::Lsn;

/// What fails in this session is not quoted in the server's log. Only a superuser may have it so.
pub(super) const FAIL_UNQUOTED: &str = "select pg_catalog.set_config('log_min_error_statement', 'panic', false) \
    from pg_catalog.pg_roles where rolname = current_user and rolsuper";

/// Begins a transaction that can't write, and can't be made one that does: it has taken a snapshot. Names
/// without a schema are looked for where everybody's are by default.
pub(super) const BEGIN_READ_ONLY: &str =
    "begin transaction read only; set local search_path = \"$user\", public; select 1";

/// Begins a transaction that writes; says its number, by which its end can be asked for.
pub(super) const BEGIN_WRITING: &str = "begin transaction read write; \
    set local search_path = \"$user\", public; select pg_catalog.pg_current_xact_id()::text";

/// Where names without a schema are looked for by a statement that runs in no transaction of ours.
pub(super) const SEARCH_PATH: &str = "set search_path = \"$user\", public";

/// What the server says of itself, as one JSON document whose members are those of
/// `cluster::DatabaseFacts`. JSON, so that one round trip brings it all and text from the cluster
/// stays data; and one statement, so that it is of one moment.
///
/// Notes:
/// - The timeline of a primary is the one in the name of the file that it writes: the control file
///   still has the old one until the checkpoint after a promotion. Of a standby it is the newest
///   that it has heard of.
/// - Columns that some versions lack are read through `to_jsonb(row)`, which gives null.
/// - Of `primary_conninfo` only the host leaves the server.
pub(super) const FACTS: &str = r"
with me as materialized (
  select pg_is_in_recovery() as standby
), here as materialized (
  select standby,
    case when standby then null else pg_current_wal_insert_lsn() end as insert_lsn,
    case when standby then null else pg_current_wal_flush_lsn() end as flush_lsn,
    case when standby then pg_last_wal_receive_lsn() end as receive_lsn,
    case when standby then pg_last_wal_replay_lsn() end as replay_lsn
  from me
), setting as materialized (
  select name, setting from pg_settings
), control as materialized (
  select c.timeline_id, r.min_recovery_end_timeline
  from pg_control_checkpoint() c, pg_control_recovery() r
), receiver as materialized (
  select * from pg_stat_wal_receiver
), slot as materialized (
  select * from pg_replication_slots
)
select json_build_object(
  'version', current_setting('server_version_num')::int,
  'systemIdentifier', (select system_identifier::text from pg_control_system()),
  'timeline', case when standby
    then greatest((select received_tli from receiver),
                  (select timeline_id from control),
                  (select min_recovery_end_timeline from control))
    else ('x' || substr(pg_walfile_name(insert_lsn), 1, 8))::bit(32)::int end,
  'recovery', case when standby then json_build_object(
    'receiveLsn', receive_lsn,
    'replayLsn', replay_lsn,
    'lastCommitReplayed', pg_last_xact_replay_timestamp(),
    'replayPaused', pg_get_wal_replay_pause_state() <> 'not paused',
    'applyDelaySeconds', (select setting::float8 / 1000 from setting
      where name = 'recovery_min_apply_delay'),
    'replayWaitsFor', (select wait_event_type || '/' || wait_event from pg_stat_activity
      where backend_type = 'startup' limit 1),
    'receiver', (select json_build_object(
        'status', coalesce(status, 'unknown'),
        'senderHost', sender_host,
        'slot', nullif(slot_name, ''),
        'timeline', coalesce(received_tli, 0),
        'writtenLsn', written_lsn,
        'flushedLsn', flushed_lsn,
        'latestEndLsn', latest_end_lsn,
        'lastMessage', last_msg_receipt_time,
        'lastMessageAge', extract(epoch from clock_timestamp() - last_msg_receipt_time)::float8,
        'timeoutSeconds', (select setting::float8 / 1000 from setting
          where name = 'wal_receiver_timeout'))
      from receiver),
    'upstreamHost', (select coalesce(m[1], m[2], m[3]) from regexp_match(
        (select setting from setting where name = 'primary_conninfo'),
        $re$(?:^|\s)host\s*=\s*(?:'([^']*)'|([^'\s]+))|^postgres(?:ql)?://(?:[^@/]*@)?([^:/?,]+)$re$) m)
    ) end,
  'insertLsn', coalesce(insert_lsn, '0/0'),
  'flushLsn', coalesce(flush_lsn, '0/0'),
  'senders', (select coalesce(json_agg(json_build_object(
      'applicationName', coalesce(r.application_name, ''),
      'clientAddress', host(r.client_addr),
      'state', coalesce(r.state, 'unknown'),
      'syncState', coalesce(r.sync_state, 'async'),
      'sentLsn', r.sent_lsn,
      'writeLsn', r.write_lsn,
      'flushLsn', r.flush_lsn,
      'replayLsn', r.replay_lsn,
      'writeLag', extract(epoch from r.write_lag)::float8,
      'flushLag', extract(epoch from r.flush_lag)::float8,
      'replayLag', extract(epoch from r.replay_lag)::float8,
      'replyTime', r.reply_time,
      'slot', s.slot_name) order by r.application_name, r.pid), '[]')
    from pg_stat_replication r left join slot s on s.active_pid = r.pid),
  'slots', (select coalesce(json_agg(json_build_object(
      'name', slot_name,
      'kind', case when slot_type = 'physical' then json_build_object('kind', 'physical')
        else json_build_object('kind', 'logical',
          'database', coalesce(database, ''),
          'plugin', coalesce(plugin, ''),
          'failover', coalesce((to_jsonb(slot) ->> 'failover')::boolean, false),
          'synced', coalesce((to_jsonb(slot) ->> 'synced')::boolean, false)) end,
      'active', active,
      'temporary', temporary,
      'restartLsn', restart_lsn,
      'walStatus', wal_status,
      'invalidation', coalesce(to_jsonb(slot) ->> 'invalidation_reason',
        case when (to_jsonb(slot) ->> 'conflicting')::boolean then 'conflicting' end),
      'safeWalBytes', safe_wal_size,
      'retainedBytes', greatest(0, coalesce(pg_wal_lsn_diff(
          coalesce(insert_lsn, greatest(receive_lsn, replay_lsn)), restart_lsn), 0))::bigint)
      order by slot_name), '[]')
    from slot),
  'settings', json_build_object(
    'maxConnections', current_setting('max_connections')::int,
    'maxWorkerProcesses', current_setting('max_worker_processes')::int,
    'maxWalSenders', current_setting('max_wal_senders')::int,
    'maxReplicationSlots', current_setting('max_replication_slots')::int,
    'maxPreparedTransactions', current_setting('max_prepared_transactions')::int,
    'maxLocksPerTransaction', current_setting('max_locks_per_transaction')::int,
    'maxSlotWalKeepBytes', (select nullif(setting, '-1')::bigint * 1024 * 1024
      from setting where name = 'max_slot_wal_keep_size'),
    'standbyDelayMs', (select setting::bigint from setting where name = 'max_standby_streaming_delay'),
    'synchronousStandbyNames', current_setting('synchronous_standby_names'),
    'synchronizedStandbySlots', coalesce(current_setting('synchronized_standby_slots', true), ''),
    'synchronousCommit', current_setting('synchronous_commit'),
    'defaultTransactionReadOnly', current_setting('default_transaction_read_only')::boolean,
    'rewindable', current_setting('wal_log_hints')::boolean
      or current_setting('data_checksums')::boolean,
    'hotStandby', current_setting('hot_standby')::boolean,
    'archiving', current_setting('archive_mode') <> 'off',
    'allowAlterSystem', coalesce(current_setting('allow_alter_system', true)::boolean, true),
    'loggingCollector', current_setting('logging_collector')::boolean),
  'usage', json_build_object('sizeBytes', null, 'usedBytes', null, 'walBytes', 0),
  'baseBackups', (select coalesce(json_agg(json_build_object(
      'phase', coalesce(b.phase, 'unknown'),
      'streamedBytes', coalesce(b.backup_streamed, 0),
      'totalBytes', b.backup_total,
      'applicationName', coalesce(a.application_name, ''))), '[]')
    from pg_stat_progress_basebackup b left join pg_stat_activity a using (pid)),
  'archiver', (select case when current_setting('archive_mode') <> 'off' then json_build_object(
      'readySegments', 0,
      'failing', coalesce(last_failed_time > last_archived_time,
        last_failed_time is not null)) end
    from pg_stat_archiver),
  'preparedTransactions', (select count(*) from pg_prepared_xacts),
  'oldestTransactionSeconds', (select extract(epoch from clock_timestamp() - min(xact_start))
    from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
  'replicationRole', (select json_build_object(
      'canLogIn', r.rolcanlogin,
      'canReplicate', r.rolreplication or r.rolsuper,
      'connects', (select has_database_privilege(r.oid, d.oid, 'connect')
        from pg_database d where d.datname = 'postgres'),
      'validUntil', nullif(nullif(r.rolvaliduntil, 'infinity'), '-infinity'))
    from pg_roles r where r.rolname = 'replicator'),
  'started', pg_postmaster_start_time(),
  'clock', clock_timestamp()
)::text
from here";

/// What is in `pg_wal`: `bytes timeline`, the timeline being the newest of any segment (0 when there is
/// none). Apart from [`FACTS`], because it reads a directory that changes.
///
/// A standby writes segments of a timeline only once it receives or replays it: the receiver streams
/// into files of its own timeline, restartpoints recycle files under the one that is replayed
/// (`RemoveOldXlogFiles`, `PreallocXlogFiles` in `xlog.c`). Files of histories are fetched before that
/// and prove nothing.
pub(super) const WAL_FILES: &str = "select concat_ws(' ', coalesce(sum(size), 0)::bigint, \
     coalesce(max(case when name ~ '^[0-9A-F]{24}$' \
       then ('x' || substr(name, 1, 8))::bit(32)::int end), 0)) from pg_ls_waldir()";

/// Segments that wait for the archiver, and for how many seconds it has archived none while one was
/// waiting: one command may hang for ever, and nothing fails.
pub(super) const READY_SEGMENTS: &str = "\
select count(*) || ' ' || coalesce(extract(epoch from clock_timestamp() - greatest(min(modification),
    (select last_archived_time from pg_stat_archiver)))::bigint, 0)
from pg_ls_archive_statusdir() where name like '%.ready'";

/// What the configuration files say, in their order, where it matters. Values that may hold a secret
/// stay on the server.
pub(super) const FILE_SETTINGS: &str = "\
select coalesce(json_agg(json_build_object(
    'file', sourcefile, 'line', sourceline, 'name', name, 'error', error,
    'value', case when name !~ '(conninfo|passphrase|password)' then setting end) order by seqno), '[]')::text
from pg_file_settings
where error is not null
  or name in ('default_transaction_read_only', 'synchronous_commit', 'max_standby_streaming_delay')
  or name like 'recovery%' or name in ('promote_trigger_file', 'hot_standby')
  or name in (select s.name from pg_settings s where s.context = 'postmaster')";

/// What waits for a restart, but for what the command line sets: it does so again. With its unit, as files have it.
pub(super) const PENDING_SETTINGS: &str = "\
select json_build_object(
  'pending', coalesce(json_agg(json_build_object(
      'name', name, 'now', current_setting(name), 'default', boot_val) order by name)
    filter (where pending_restart and source <> 'command line'), '[]'),
  'commandLine', coalesce(json_agg(name order by name) filter (where source = 'command line'), '[]'))::text
from pg_settings";

/// Lines of `pg_hba.conf` that the server can't read. `file_name` is there since PostgreSQL 16.
pub(super) const WRONG_RULES: &str = "\
select coalesce(json_agg(json_build_object(
    'file', to_jsonb(rule) ->> 'file_name', 'line', line_number, 'error', error) order by line_number), '[]')::text
from pg_hba_file_rules rule
where error is not null";

/// Databases that have the first fork of an unlogged relation (`_init`), in the default tablespace or
/// in another, as JSON.
pub(super) const UNLOGGED_DATABASES: &str = r"
with folder as (
  select d.datname, 'base/' || d.oid as path from pg_database d
  union all
  select d.datname, 'pg_tblspc/' || t || '/' || v || '/' || d.oid
  from pg_ls_dir('pg_tblspc', true, false) t,
    pg_ls_dir('pg_tblspc/' || t, true, false) v, pg_database d
  where v ~ '^PG_[0-9]+_[0-9]+$'
)
select coalesce(json_agg(distinct datname), '[]')::text
from folder, pg_ls_dir(path, true, false) file
where file ~ '_init$'";

/// Of a table `c` of `pg_class`: nothing of it is locked exclusively, neither itself nor its TOAST nor an index. Sizes take a
/// lock that waits behind such a one.
pub(super) const NOT_LOCKED: &str = r"not exists (select from pg_locks l where l.mode = 'AccessExclusiveLock'
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.relation in (c.oid, c.reltoastrelid)
        or l.relation in (select indexrelid from pg_index where indrelid in (c.oid, c.reltoastrelid))))";

/// How many unlogged tables this database has, and their bytes, without those of which something is locked exclusively.
pub(super) fn unlogged_tables() -> String {
    format!(
        r"
select count(*) || ' ' || coalesce(sum(case when {NOT_LOCKED} then pg_total_relation_size(c.oid) end), 0)
from pg_class c where c.relpersistence = 'u' and c.relkind in ('r', 'm')"
    )
}

/// The figures of `df` that the readiness probe leaves beside the socket. Null when there are none.
pub(super) const DISK: &str = "select pg_read_file('/var/run/postgresql/pgctl-disk', 0, 200, true)";

/// The files that the server writes its log into now, how they are named and dated, and since when it runs; the offsets of the
/// zone of its times: at the beginning of each month of a year by their abbreviations, and now. (Servers before 15 know no jsonlog.)
pub(super) const SERVER_LOG: &str = "\
do $$ begin perform set_config('TimeZone', current_setting('log_timezone'), true); end $$; \
select json_build_object(
  'jsonlog', case when current_setting('server_version_num')::int >= 150000 then pg_current_logfile('jsonlog') end,
  'csvlog', pg_current_logfile('csvlog'),
  'stderr', pg_current_logfile('stderr'),
  'names', current_setting('log_filename'),
  'prefix', current_setting('log_line_prefix'),
  'started', extract(epoch from pg_postmaster_start_time())::float8,
  'zoneNow', extract(timezone from now())::int,
  'zones', (select json_object_agg(name, seconds) from (
    select distinct on (name) to_char(month, 'TZ') as name, extract(timezone from month)::int as seconds
    from generate_series(0, 11) number, lateral (select now() - number * interval '30 days' as month) months
    order by name, number) zones))::text";

/// The files in the directory of the server's log.
pub(super) const LOG_FILES: &str = "\
select coalesce(json_agg(json_build_object(
  'name', name, 'size', size, 'modified', extract(epoch from modification)::float8) order by modification, name), '[]')::text
from pg_ls_logdir()";

/// The file that is written now, a piece of another, and its size, in this order: when the server goes on to a new file, all of
/// the old one is there before.
pub(super) const READ_LOG: &str = "\
select pg_current_logfile($4), pg_read_binary_file($1, $2, $3, true), (select size from pg_stat_file($1, true))";

/// The container that it runs in; null, or nothing, where the start script does not tell.
pub(super) const CONTAINER: &str = "select nullif(current_setting('pgctl.container', true), '')";

/// Whether it is in recovery.
pub(super) const IN_RECOVERY: &str = "select pg_is_in_recovery()::text";

/// How far a standby has received and replayed, as `received replayed`. A part that has streamed
/// nothing since its start has received what it has replayed.
pub(super) const PROGRESS: &str = "select concat_ws(' ', \
     greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), \
     pg_last_wal_replay_lsn()) where pg_is_in_recovery()";

/// Whether replay is held up, and by what: a JSON document of those three members of [`FACTS`].
pub(super) const HELD_UP: &str = "select json_build_object( \
     'replayPaused', pg_get_wal_replay_pause_state() <> 'not paused', \
     'applyDelaySeconds', (select setting::float8 / 1000 from pg_settings \
       where name = 'recovery_min_apply_delay'), \
     'replayWaitsFor', (select wait_event_type || '/' || wait_event from pg_stat_activity \
       where backend_type = 'startup' limit 1))::text where pg_is_in_recovery()";

/// A checkpoint.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// Ends recovery and waits for it.
pub(super) fn promote(seconds: u64) -> String {
    format!("select pg_promote(true, {seconds})::text")
}

/// Makes a physical slot that holds WAL from now on, unless a physical one of that name is there.
/// One that is logical is an error of PostgreSQL ("already exists").
pub(super) fn create_slot(slot: &str) -> String {
    let slot = quote_literal(slot);
    format!(
        "select pg_create_physical_replication_slot({slot}, true) where not exists (\
         select from pg_replication_slots where slot_name = {slot} and slot_type = 'physical')"
    )
}

/// Drops a physical slot that nobody streams through; one that is not there needs nothing.
pub(super) fn drop_slot(slot: &str) -> String {
    let slot = quote_literal(slot);
    format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
         where slot_name = {slot} and slot_type = 'physical'"
    )
}

/// The whole connection string of a standby.
pub(super) const PRIMARY_CONNINFO: &str = "select current_setting('primary_conninfo')";

/// Sets a parameter in `postgresql.auto.conf`. It takes no parameters and no transaction.
pub(super) fn alter_system(parameter: &str, value: &str) -> String {
    format!("alter system set {parameter} = {}", quote_literal(value))
}

/// Takes a parameter out of `postgresql.auto.conf`.
pub(super) fn alter_system_reset(parameter: &str) -> String {
    format!("alter system reset {parameter}")
}

/// For how many milliseconds a standby lets queries hold up its replay; -1 for ever.
pub(super) const STANDBY_DELAY: &str =
    "select setting from pg_settings where name = 'max_standby_streaming_delay'";

/// Makes every process read the configuration again.
pub(super) const RELOAD: &str = "select pg_reload_conf()::text";

/// A write that leaves nothing behind but a record in the WAL: committed, with all that a commit
/// waits for. Made often while a write outage is measured.
pub(super) const HEARTBEAT: &str =
    "select pg_logical_emit_message(true, 'pgctl', 'heartbeat')::text";

/// The same, waiting for no standby. Two statements in one string are one transaction, which ends with it
/// however it ends: after an explicit `begin`, one that failed would fail all that the session is asked next.
pub(super) const MARK: &str = "set local synchronous_commit = local; \
     select pg_logical_emit_message(true, 'pgctl', 'mark')";

/// Names of those of these standbys that are connected and have not confirmed all up to a position.
pub(super) fn not_confirmed(position: Lsn, standbys: &[String]) -> String {
    let names: Vec<String> = standbys.iter().map(|it| quote_literal(it)).collect();
    format!(
        "select coalesce(string_agg(distinct application_name, ' '), '') from pg_stat_replication \
         where application_name = any (array[{}]::text[]) and state <> 'backup' \
         and coalesce(flush_lsn, '0/0') < '{position}'::pg_lsn",
        names.join(", ")
    )
}

/// Commits of this session wait for the disk, and for no standby.
pub(super) const COMMIT_LOCALLY: &str = "set synchronous_commit = local";

/// Asks for the end of recovery, and does not wait for it.
pub(super) const PROMOTE_NOW: &str = "select pg_promote(false)::text";

/// Names of the standbys that stream from here.
pub(super) const STREAMING: &str = "select coalesce(string_agg(application_name, ' '), '') \
     from pg_stat_replication where state = 'streaming'";

/// Names of the slots.
pub(super) const SLOTS: &str =
    "select coalesce(string_agg(slot_name, ' '), '') from pg_replication_slots";

/// Seconds since the last transaction that was replayed here was committed, by two servers' clocks.
pub(super) const SINCE_LAST_REPLAYED: &str =
    "select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::text";

/// The history of the timeline that is written: a line for each earlier one, the last of which says
/// where it was left.
pub(super) const TIMELINE_HISTORY: &str = "select pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) \
     || '.history', 0, 1048576, true)";

/// How far a server has written its WAL, and its archive's slot. The time is taken before the position: what was
/// committed by then is before it.
pub(super) fn wal_server(slot: &str) -> String {
    let slot = quote_literal(slot);
    format!(
        "with me as materialized (select pg_is_in_recovery() as standby), \
         clock as materialized (select standby, clock_timestamp() as now from me), \
         here as materialized (select standby, now, \
           case when not standby then pg_current_wal_flush_lsn() end as flushed, \
           case when not standby then pg_walfile_name(pg_current_wal_insert_lsn()) end as file \
           from clock) \
         select json_build_object( \
           'version', current_setting('server_version_num')::int, \
           'systemIdentifier', (select system_identifier::text from pg_control_system()), \
           'segmentBytes', (select setting::int8 from pg_settings where name = 'wal_segment_size'), \
           'writes', case when not standby then json_build_object( \
             'timeline', ('x' || substr(file, 1, 8))::bit(32)::int, \
             'flushed', flushed::text, \
             'now', now) end, \
           'slot', (select json_build_object( \
               'physical', slot_type = 'physical', \
               'restart', restart_lsn::text, \
               'lost', coalesce(wal_status = 'lost', false), \
               'user', active_pid, \
               'client', (select coalesce(host(client_addr), 'a socket') from pg_stat_activity \
                 where pid = active_pid)) \
             from pg_replication_slots where slot_name = {slot})) from here"
    )
}

/// Names of the segments in `pg_wal`.
pub(super) const WAL_SEGMENTS: &str = "select string_agg(name, ' ') from pg_ls_waldir() \
     where name ~ '^[0-9A-F]{24}$'";

/// Drops a physical slot that exists and that nobody streams through; one in use stays.
pub(super) fn drop_idle_slot(name: &str) -> String {
    format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
         where slot_name = {} and slot_type = 'physical' and not active",
        quote_literal(name)
    )
}

/// Up to where all is safely on disk.
pub(super) const FLUSHED: &str = "select pg_current_wal_flush_lsn()::text";

/// Ends the streams to a standby, by application_name; gives their number.
pub(super) fn terminate_senders(application_name: &str) -> String {
    format!(
        "select count(pg_terminate_backend(pid))::text from pg_stat_replication \
         where application_name = {}",
        quote_literal(application_name)
    )
}

/// [`super::Inventory`] as one JSON document. The order of the databases is that of `pg_dumpall`
/// (`dumpDatabases()` in src/bin/pg_dump/pg_dumpall.c).
pub(super) const INVENTORY: &str = "\
select pg_catalog.json_build_object(
  'systemIdentifier', (select system_identifier::text from pg_catalog.pg_control_system()),
  'version', pg_catalog.current_setting('server_version_num')::int,
  'closed', coalesce((select pg_catalog.json_agg(datname order by datname)
    from pg_catalog.pg_database
    where datname <> 'template0' and not (datallowconn and datconnlimit <> -2)), '[]'),
  'tablespaces', coalesce((select pg_catalog.json_agg(spcname order by spcname)
    from pg_catalog.pg_tablespace where spcname not in ('pg_default', 'pg_global')), '[]'),
  'databases', coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', datname,
      'owner', pg_catalog.pg_get_userbyid(datdba),
      'encoding', pg_catalog.pg_encoding_to_char(encoding),
      'collate', datcollate,
      'ctype', datctype,
      'provider', row ->> 'datlocprovider',
      'locale', coalesce(row ->> 'datlocale', row ->> 'daticulocale'),
      'icuRules', row ->> 'daticurules',
      'sizeBytes', pg_catalog.pg_database_size(oid)) order by datname <> 'template1', datname)
    from pg_catalog.pg_database as d, pg_catalog.to_jsonb(d) as row
    where datallowconn and datconnlimit <> -2 and datname <> 'template0'), '[]'))::text";

/// Everything that holds rows: its OID, and its name as it is written in a query.
pub(super) const TABLES: &str = "\
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::bigint,
  'name', pg_catalog.format('%I.%I', nspname, relname)) order by nspname, relname), '[]')::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where relkind in ('r', 'm') and relpersistence <> 't' and relispopulated";

/// [`super::Target`] as one JSON document, as far as one database can say it.
pub(super) const TARGET: &str = "\
select pg_catalog.json_build_object(
  'databases', (select pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', d.datname,
      'sizeBytes', coalesce(pg_catalog.pg_database_size(d.oid), 0),
      'connects', d.datallowconn,
      'invalid', d.datconnlimit = -2,
      'sessions', (select count(*) from pg_catalog.pg_stat_activity a
        where a.datid = d.oid and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
          and a.application_name not like 'pgctl%'),
      'logicalSlots', (select coalesce(pg_catalog.json_agg(slot_name order by slot_name), '[]')
        from pg_catalog.pg_replication_slots s where s.database = d.datname),
      'prepared', (select count(*) from pg_catalog.pg_prepared_xacts p where p.database = d.datname),
      'subscriptions', (select count(*) from pg_catalog.pg_subscription u where u.subdbid = d.oid))
      order by d.datname)
    from pg_catalog.pg_database d where d.datname <> 'template0'),
  'roles', (select pg_catalog.json_agg(rolname order by rolname) from pg_catalog.pg_roles),
  'tablespaces', (select pg_catalog.json_agg(spcname order by spcname) from pg_catalog.pg_tablespace),
  'extensions', (select coalesce(pg_catalog.json_agg(name order by name), '[]')
    from pg_catalog.pg_available_extensions))::text";

/// Whether a database holds anything that initdb has not put there: FirstNormalObjectId is 16384
/// (src/include/access/transam.h).
pub(super) const HOLDS_DATA: &str = "\
select (exists (select from pg_catalog.pg_class where oid >= 16384)
  or exists (select from pg_catalog.pg_proc where oid >= 16384)
  or exists (select from pg_catalog.pg_type where oid >= 16384)
  or exists (select from pg_catalog.pg_namespace where oid >= 16384 and nspname !~ '^pg_(toast_)?temp_')
  or exists (select from pg_catalog.pg_extension where oid >= 16384)
  or exists (select from pg_catalog.pg_foreign_data_wrapper where oid >= 16384)
  or exists (select from pg_catalog.pg_event_trigger where oid >= 16384)
  or exists (select from pg_catalog.pg_publication)
  or exists (select from pg_catalog.pg_largeobject_metadata))::text";

/// Names of all databases, as JSON.
pub(super) const DATABASE_NAMES: &str =
    "select pg_catalog.json_agg(datname)::text from pg_catalog.pg_database";

/// Names of the databases that take connections, as JSON.
pub(super) const OPEN_DATABASE_NAMES: &str =
    "select pg_catalog.json_agg(datname)::text from pg_catalog.pg_database
  where datallowconn and datconnlimit <> -2";

/// Some tables of this database that people have filled, the largest first: OID and name, as JSON.
pub(super) const SOME_TABLES: &str = "select coalesce(pg_catalog.json_agg(
  pg_catalog.json_build_object('oid', oid, 'name', name)), '[]')::text from (
  select c.oid::bigint as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and c.relispopulated and c.relpersistence = 'p'
    and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  order by c.relpages desc, c.oid
  limit 50) as chosen";

/// A row of a table, all of it, from its first pages: more of them may be dead for gigabytes.
pub(super) fn some_row(table: &str) -> String {
    format!(
        "select pg_catalog.max(pg_catalog.octet_length(pgctl_row::text))::text
  from (select * from only {table} where ctid < '(64,0)' limit 1) pgctl_row"
    )
}

/// How many rows a table has.
pub(super) fn count_of(table: &str) -> String {
    format!("select pg_catalog.count(*)::text from only {table}")
}

/// A query about one table, made by the server itself, of a table whose name can't be sent: as UTF-8
/// it would be another one. `ts_stat` runs the query whose text it is given, in any version and
/// without a procedural language, and gives the words of the one column that comes back.
/// `query` makes the query's text, which has one column of text, out of a table's name.
pub(super) fn by_oid(oid: u32, query: fn(&str) -> String) -> String {
    let text = query("\u{1}");
    let (before, after) = text.split_once('\u{1}').unwrap_or((&text, ""));
    let before = quote_literal(&format!(
        "select pg_catalog.array_to_tsvector(array[coalesce(pgctl_answer, '0')]) \
         from ({before}"
    ));
    let after = quote_literal(&format!("{after}) as pgctl_one (pgctl_answer)"));
    format!(
        "select (select word from pg_catalog.ts_stat(\
         {before} || pg_catalog.format('%I.%I', n.nspname, c.relname) || {after})) \
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where c.oid = {oid}"
    )
}

/// Names of all roles, as JSON.
pub(super) const ROLE_NAMES: &str =
    "select pg_catalog.json_agg(rolname)::text from pg_catalog.pg_roles";

/// Names of the databases that an interrupted DROP DATABASE has left, as JSON
/// (`DATCONNLIMIT_INVALID_DB` in src/include/catalog/pg_database.h).
pub(super) const INVALID_DATABASES: &str = "\
select coalesce(pg_catalog.json_agg(datname), '[]')::text
from pg_catalog.pg_database where datconnlimit = -2";

/// Whether a database has subscriptions.
pub(super) fn has_subscriptions(database: &str) -> String {
    format!(
        "select exists (select from pg_catalog.pg_subscription u \
         join pg_catalog.pg_database d on d.oid = u.subdbid \
         where d.datname = {} and d.datconnlimit <> -2)::text",
        quote_literal(database)
    )
}

/// Names of the event triggers of this database that may fire, as JSON.
pub(super) const EVENT_TRIGGERS: &str = "\
select coalesce(pg_catalog.json_agg(evtname), '[]')::text from pg_catalog.pg_event_trigger
where evtenabled <> 'D'";

/// Names of the subscriptions of this database, as JSON.
pub(super) const SUBSCRIPTIONS: &str = "\
select coalesce(pg_catalog.json_agg(subname), '[]')::text from pg_catalog.pg_subscription
where subdbid = (select oid from pg_catalog.pg_database
  where datname = pg_catalog.current_database())";

/// Names of the standbys that have replayed up to a position, as JSON.
pub(super) fn replayed(position: &str) -> String {
    let position = quote_literal(position);
    format!(
        "select coalesce(pg_catalog.json_agg(application_name), '[]')::text \
         from pg_catalog.pg_stat_replication \
         where state = 'streaming' and replay_lsn >= {position}::pg_lsn"
    )
}

/// The comment of a database.
pub(super) fn database_comment(name: &str) -> String {
    format!(
        "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database \
         where datname = {}",
        quote_literal(name)
    )
}

/// Ends the sessions in databases, except our own.
pub(super) fn end_sessions_in(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quote_literal(name)).collect();
    format!(
        "select count(pg_catalog.pg_terminate_backend(pid))::text from pg_catalog.pg_stat_activity \
         where datname in ({}) and pid <> pg_catalog.pg_backend_pid()",
        names.join(", ")
    )
}

/// Ends the clients' sessions that have begun within the last seconds, on a standby only. What came through a
/// socket, or is ours, came through no Service.
pub(super) fn end_stranded(seconds: f64) -> String {
    format!(
        "select count(pg_catalog.pg_terminate_backend(pid))::text from pg_catalog.pg_stat_activity \
         where pg_catalog.pg_is_in_recovery() and backend_type = 'client backend' and client_addr is not null \
         and application_name not like 'pgctl%' \
         and backend_start > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => {seconds})"
    )
}

/// `max_slot_wal_keep_size` in whole segments, which is what the server counts in; negative when unlimited.
pub(super) const SLOT_LIMIT: &str = "
select pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_slot_wal_keep_size')) / segment * segment
from (select pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as segment) as it
";

/// When the server started, and which it is.
pub(super) const SERVER_START: &str = "
select pg_catalog.concat_ws(' ', extract(epoch from pg_catalog.pg_postmaster_start_time()), system_identifier)
from pg_catalog.pg_control_system()
";

/// Timeline and position, with a space between them.
pub(super) const WAL_POSITION: &str = "\
select case when pg_catalog.pg_is_in_recovery()
  then (select coalesce((select received_tli from pg_catalog.pg_stat_wal_receiver), timeline_id)
        from pg_catalog.pg_control_checkpoint())
  else ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int
end || ' ' || case when pg_catalog.pg_is_in_recovery()
  then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end";

/// The sessions of this name that wait for locks, and whom they wait for, as JSON. The relation is
/// named by the statement, and by its OID in that database: from another one it has no name. Nothing here looks at
/// characters of a query, which may be in another encoding.
pub(super) fn lock_waits(application_name: &str) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'database', a.datname,
  'statement', a.query,
  'relation', (select l.relation::bigint from pg_catalog.pg_locks l
    where l.pid = a.pid and not l.granted limit 1),
  'seconds', pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - a.state_change))::bigint,
  'blockers', (select coalesce(pg_catalog.json_agg(pg_catalog.concat_ws(', ',
      'pid ' || b.pid, b.usename, nullif(b.application_name, ''), b.state,
      'for ' || pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - b.xact_start))
        || ' s: ' || b.query)), '[]')
    from pg_catalog.pg_stat_activity b where b.pid = any (pg_catalog.pg_blocking_pids(a.pid))))), '[]')::text
from pg_catalog.pg_stat_activity a
where a.application_name = {} and a.wait_event_type = 'Lock'",
        quote_literal(application_name)
    )
}

/// Bytes sent and bytes in all (empty when not estimated) of base backups.
pub(super) const BASE_BACKUP_PROGRESS: &str = "\
select p.backup_streamed || ' ' || coalesce(p.backup_total::text, '')
from pg_catalog.pg_stat_progress_basebackup p
join pg_catalog.pg_stat_activity a on a.pid = p.pid";
