//! Databases and roles.

use super::json::json;
use super::{Session, SqlError};
use crate::cluster::{DatabaseEntry, RoleEntry};

/// [`DatabaseEntry`]s. What PostgreSQL 14 does not know of collations is in its place for it. The size of a
/// database whose directory goes at this very moment is an error, so only those that can be connected to are
/// asked for it.
fn databases(major: u32) -> String {
    let (recorded, actual) = match major {
        ..15 => ("null", "null"),
        _ => (
            "d.datcollversion",
            "pg_database_collation_actual_version(d.oid)",
        ),
    };
    format!(
        "select coalesce(json_agg(json_build_object(
            'name', d.datname, 'owner', pg_get_userbyid(d.datdba),
            'bytes', case when d.datconnlimit <> -2 and (pg_has_role('pg_read_all_stats', 'usage')
              or has_database_privilege(d.oid, 'connect')) then pg_database_size(d.oid) end,
            'connections', (select count(*) from pg_stat_activity a
              where a.datid = d.oid and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()),
            'limit', d.datconnlimit, 'encoding', pg_encoding_to_char(d.encoding),
            'collation', coalesce(d.datcollate, ''),
            'recordedVersion', {recorded}, 'actualVersion', {actual},
            'allowsConnections', d.datallowconn, 'template', d.datistemplate,
            'publicConnect', has_database_privilege('public', d.oid, 'connect'))
          order by d.datistemplate, d.datname), '[]')::text
        from pg_database d"
    )
}

/// [`RoleEntry`]s. `source` is where roles are, `password` how a password is stored, in a word.
fn roles(source: &str, password: &str) -> String {
    format!(
        "with open as materialized (
          select oid, datname from pg_database where datallowconn and datconnlimit <> -2
        )
        select coalesce(json_agg(json_build_object(
            'name', r.rolname, 'login', r.rolcanlogin, 'superuser', r.rolsuper,
            'createRole', r.rolcreaterole, 'createDatabase', r.rolcreatedb,
            'replication', r.rolreplication, 'bypassesRowSecurity', r.rolbypassrls,
            'limit', r.rolconnlimit,
            'connections', (select count(*) from pg_stat_activity a
              where a.usesysid = r.oid and a.pid <> pg_backend_pid()),
            'validUntil', case when isfinite(r.rolvaliduntil)
              then to_json(r.rolvaliduntil at time zone 'UTC') #>> '{{}}' || 'Z' end,
            'expired', coalesce(r.rolvaliduntil < now(), false),
            'password', {password},
            'memberOf', (select coalesce(json_agg(distinct g.rolname), '[]')
              from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid),
            'databases', (select coalesce(json_agg(datname order by datname), '[]')
              from open where has_database_privilege(r.oid, open.oid, 'connect')),
            'everyDatabase', (select coalesce(bool_and(has_database_privilege(r.oid, open.oid, 'connect')), false)
              from open))
          order by r.rolname), '[]')::text
        from {source} r"
    )
}

/// How a password is stored. The password itself never leaves the server.
const STORED: &str = "case when r.rolpassword is null then 'none'
    when r.rolpassword like 'SCRAM-SHA-256$%' then 'scram'
    when r.rolpassword like 'md5%' then 'md5' else 'unknown' end";

impl Session {
    /// Its databases.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn databases(&self) -> Result<Vec<DatabaseEntry>, SqlError> {
        const DOING: &str = "asking for its databases";
        json(DOING, self.text(DOING, &databases(self.major())).await?)
    }

    /// Its roles. How passwords are stored only a superuser is told.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn roles(&self) -> Result<Vec<RoleEntry>, SqlError> {
        const DOING: &str = "asking for its roles";
        let told = match self.text(DOING, &roles("pg_authid", STORED)).await {
            Err(error) if error.sqlstate() == Some("42501") => {
                self.text(DOING, &roles("pg_roles", "'unknown'")).await
            }
            other => other,
        };
        json(DOING, told?)
    }
}
