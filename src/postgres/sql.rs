//! Every SQL text. All run on PostgreSQL 14 to 18, on a primary and on a standby.

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
    'receiver', (select json_build_object(
        'status', coalesce(status, 'unknown'),
        'senderHost', sender_host,
        'slot', nullif(slot_name, ''),
        'timeline', coalesce(received_tli, 0),
        'writtenLsn', written_lsn,
        'flushedLsn', flushed_lsn,
        'latestEndLsn', latest_end_lsn,
        'lastMessage', last_msg_receipt_time)
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
          'failover', coalesce((to_jsonb(slot) ->> 'failover')::boolean, false)) end,
      'active', active,
      'temporary', temporary,
      'restartLsn', restart_lsn,
      'walStatus', wal_status,
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
    'synchronousStandbyNames', current_setting('synchronous_standby_names'),
    'synchronousCommit', current_setting('synchronous_commit'),
    'defaultTransactionReadOnly', current_setting('default_transaction_read_only')::boolean,
    'rewindable', current_setting('wal_log_hints')::boolean
      or current_setting('data_checksums')::boolean,
    'hotStandby', current_setting('hot_standby')::boolean,
    'archiving', current_setting('archive_mode') <> 'off'),
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
  'started', pg_postmaster_start_time(),
  'clock', clock_timestamp()
)::text
from here";

/// Bytes of the files in `pg_wal`. Apart from [`FACTS`], because it reads a directory that changes.
pub(super) const WAL_BYTES: &str =
    "select coalesce(sum(size), 0)::bigint::text from pg_ls_waldir()";

/// Segments that wait for the archiver.
pub(super) const READY_SEGMENTS: &str =
    "select count(*)::text from pg_ls_archive_statusdir() where name like '%.ready'";

/// The figures of `df` that the readiness probe leaves beside the socket. Null when there are none.
pub(super) const DISK: &str = "select pg_read_file('/var/run/postgresql/pgctl-disk', 0, 200, true)";
