//! The SQL texts of `pgctl doctor`. All run on PostgreSQL 14 to 18, on a primary and on a standby; columns
//! that some versions lack are read through `to_jsonb(row)`, which gives null.

/// What a server says as a whole (`doctor::ServerAnswer` without what only some users or versions know).
///
/// Notes:
/// - Of settings only those that are not the default: all of them, from every server, take longer than the rest.
/// - What is behind `pg_settings`, `pg_stat_activity` and `pg_stat_ssl`: views take servers longer to plan than the answer.
pub(super) const SERVER: &str = r"
select json_build_object(
  'version', version(),
  'versionNumber', current_setting('server_version_num')::int,
  'checksums', current_setting('data_checksums')::boolean,
  'durable', current_setting('fsync')::boolean and current_setting('full_page_writes')::boolean,
  'checksumFailures', (select coalesce(json_agg(json_build_object(
      'database', coalesce(datname, ''),
      'failures', checksum_failures,
      'last', checksum_last_failure) order by datname), '[]')
    from pg_stat_database where checksum_failures > 0),
  'freezeMaxAge', current_setting('autovacuum_freeze_max_age')::bigint,
  'multixactFreezeMaxAge', current_setting('autovacuum_multixact_freeze_max_age')::bigint,
  'autovacuum', current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean,
  'settings', (select coalesce(json_agg(json_build_object(
      'name', name, 'value', coalesce(current_setting(name, true), '')) order by name), '[]')
    from pg_show_all_settings()
    where context <> 'internal'
      and source not in ('client', 'override', 'session', 'interactive', 'test')
      and setting is distinct from boot_val
      and name not in ('cluster_name', 'primary_conninfo', 'primary_slot_name', 'listen_addresses',
        'config_file', 'hba_file', 'ident_file', 'data_directory', 'external_pid_file',
        'synchronous_standby_names', 'recovery_target_timeline', 'transaction_read_only')),
  'sharedBuffers', pg_size_bytes(current_setting('shared_buffers')),
  'workMem', pg_size_bytes(current_setting('work_mem')),
  'maintenanceWorkMem', pg_size_bytes(current_setting('maintenance_work_mem')),
  'autovacuumWorkers', current_setting('autovacuum_max_workers')::bigint,
  'hba', null,
  'tls', current_setting('ssl')::boolean,
  'clients', (select coalesce(json_agg(json_build_object(
      'user', usename, 'application', application, 'sessions', sessions,
      'superuser', superuser, 'remote', remote, 'tls', tls, 'replication', replication) order by sessions desc), '[]')
    from (
      select coalesce(r.rolname, '') as usename, coalesce(a.application_name, '') as application,
        coalesce(r.rolsuper, false) as superuser, coalesce(a.ssl, false) as tls,
        a.client_addr is not null and host(a.client_addr) not in ('127.0.0.1', '::1') as remote,
        a.backend_type = 'walsender' as replication,
        count(*) as sessions
      from pg_stat_get_activity(null) a
      left join pg_roles r on r.oid = a.usesysid
      where a.backend_type in ('client backend', 'walsender') and a.pid <> pg_backend_pid()
      group by 1, 2, 3, 4, 5, 6
      order by 7 desc limit 100) as grouped),
  'collations', '[]'::json
)::text";

/// What is the same on every server (`doctor::ServerContents`).
pub(super) const SERVER_CONTENTS: &str = r"
select json_build_object(
  'ages', (select coalesce(json_agg(json_build_object(
      'database', datname,
      'transactions', greatest(0, age(datfrozenxid)),
      'multixacts', greatest(0, mxid_age(datminmxid)),
      'connectable', datallowconn,
      'invalid', datconnlimit = -2) order by datname), '[]')
    from pg_database),
  'oldestPreparedSeconds', (select extract(epoch from clock_timestamp() - min(prepared))::float8
    from pg_prepared_xacts),
  'databases', (select coalesce(json_agg(datname order by size desc, datname), '[]')
    from (select datname, coalesce(pg_database_size(oid), 0) as size from pg_database
      where datallowconn and datconnlimit <> -2 and datname not in ('template0', 'template1')) as sized)
)::text";

/// `pg_hba_file_rules`: only a superuser may know.
pub(super) const HBA: &str = r"
select coalesce(json_agg(json_build_object(
    'line', line_number,
    'kind', coalesce(type, ''),
    'databases', coalesce(array_to_string(database, ','), ''),
    'users', coalesce(array_to_string(user_name, ','), ''),
    'address', address,
    'netmask', netmask,
    'method', coalesce(auth_method, '')) order by line_number), '[]')::text
from pg_hba_file_rules where error is null";

/// Databases whose collation is of another version than the system's. The function is new in PostgreSQL 15.
pub(super) const COLLATIONS: &str = r"
select coalesce(json_agg(json_build_object(
    'name', datname, 'recorded', recorded, 'actual', actual) order by datname), '[]')::text
from (select datname, to_jsonb(d) ->> 'datcollversion' as recorded,
    pg_database_collation_actual_version(oid) as actual
  from pg_database d where datallowconn) as versions
where recorded <> actual";

/// How a database is used on one server (`doctor::DatabaseUsage`).
///
/// Notes:
/// - Statistics that were never reset are as old as the server at least.
/// - A size takes a lock that waits behind an exclusive one, so that an index which is being rebuilt is left away.
pub(super) const USAGE: &str = r"
select json_build_object(
  'unusedIndexes', (select coalesce(json_agg(json_build_object(
      'index', s.indexrelid::regclass::text, 'table', s.relid::regclass::text,
      'bytes', pg_relation_size(s.indexrelid))), '[]')
    from (select i.indexrelid, i.indrelid as relid
      from pg_index i join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace
      where t.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
        and pg_stat_get_numscans(i.indexrelid) = 0 and i.indisvalid and not i.indisunique and not i.indisexclusion
        and not i.indisreplident
        and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
        and not exists (select from pg_locks l where l.relation = i.indexrelid and l.mode = 'AccessExclusiveLock'
          and l.database = (select oid from pg_database where datname = current_database()))
        and pg_relation_size(i.indexrelid) >= 1048576
      order by i.indexrelid limit 1000) as s),
  'statisticsSeconds', extract(epoch from clock_timestamp() - coalesce(
      (select stats_reset from pg_stat_database where datname = current_database()),
      pg_postmaster_start_time()))::float8
)::text";

/// What a database is (`doctor::DatabaseContents`).
///
/// Notes:
/// - `oid::regclass` names with the schema and quotes, because the search path has pg_catalog only.
/// - A sequence ends where the column that it fills ends.
pub(super) const CONTENTS: &str = r"
select json_build_object(
  'invalidIndexes', (select coalesce(json_agg(json_build_object(
      'index', i.indexrelid::regclass::text, 'table', i.indrelid::regclass::text)
      order by i.indexrelid::regclass::text), '[]')
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where not i.indisvalid and c.relkind = 'i' and c.relpersistence <> 't'
      and not exists (select from pg_stat_progress_create_index p
        where p.datname = current_database() and p.relid = i.indrelid)),
  'sequences', (select coalesce(json_agg(json_build_object(
      'sequence', name, 'last', last, 'end', last_of_all,
      'percent', percent) order by percent desc), '[]')
    from (select name, last, last_of_all,
        (last::float8 - first) / nullif(last_of_all::float8 - first, 0) * 100 as percent
      from (select s.seqrelid::regclass::text as name, pg_sequence_last_value(s.seqrelid) as last,
          s.seqmin as first, least(s.seqmax, case a.atttypid when 'int4'::regtype then 2147483647
            when 'int2'::regtype then 32767 else s.seqmax end) as last_of_all
        from pg_sequence s join pg_class c on c.oid = s.seqrelid
        left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid
          and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
        left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where s.seqincrement > 0 and not s.seqcycle and c.relpersistence = 'p') as ends
      where last is not null) as used
    where percent >= 75),
  'collations', (select coalesce(json_agg(json_build_object(
      'name', c.oid::regcollation::text, 'recorded', c.collversion,
      'actual', pg_collation_actual_version(c.oid)) order by c.collname), '[]')
    from pg_collation c
    where c.collversion <> pg_collation_actual_version(c.oid)
      and exists (select from pg_depend d
        where d.refclassid = 'pg_collation'::regclass and d.refobjid = c.oid)),
  'publicCreate', exists (select from pg_namespace n,
      aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as x
    where n.nspname = 'public' and x.grantee = 0 and x.privilege_type = 'CREATE'),
  'behind', (select coalesce(json_agg(json_build_object(
      'table', relid::regclass::text, 'dead', dead, 'threshold', threshold) order by dead desc), '[]')
    from (select c.oid as relid, pg_stat_get_dead_tuples(c.oid) as dead, least(
        coalesce((select option_value::float8 from pg_options_to_table(c.reloptions)
          where option_name = 'autovacuum_vacuum_threshold'),
          current_setting('autovacuum_vacuum_threshold')::float8)
        + coalesce((select option_value::float8 from pg_options_to_table(c.reloptions)
          where option_name = 'autovacuum_vacuum_scale_factor'),
          current_setting('autovacuum_vacuum_scale_factor')::float8) * greatest(c.reltuples, 0),
        nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1))::bigint as threshold
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')) as tables
    where dead >= greatest(10000, 2 * threshold))
)::text";

/// How the roles' passwords are stored, of 200 roles, and how many more there are. MD5 is compared on the server; of SCRAM
/// only the verifier leaves it.
pub(super) const PASSWORDS: &str = r"
select json_build_object(
  'roles', (select coalesce(json_agg(json_build_object(
      'name', rolname,
      'md5', rolpassword like 'md5%',
      'likeName', rolpassword = 'md5' || md5(rolname || rolname),
      'verifier', case when rolpassword like 'SCRAM-SHA-256$%' then rolpassword end) order by rolname), '[]')
    from (select rolname, rolpassword from pg_authid
      where rolcanlogin and rolpassword is not null order by rolname limit 200) as roles),
  'leftOut', (select greatest(0, count(*) - 200) from pg_authid
    where rolcanlogin and rolpassword is not null)
)::text";
