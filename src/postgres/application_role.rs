//! An application's role: made with the least rights, and dropped again. Each part sets a state, so that doing
//! it again changes nothing.

use std::time::Duration;

use super::json::json;
use super::{Session, SqlError, quote_identifier, quote_literal};
use crate::change::{AccountAccess, AccountFacts, AccountLeft, AccountRequest};
use crate::cluster::names;

/// A copy of the template, with everything that an administrator has put into it.
const COPYING: Duration = Duration::from_secs(300);

const FOUND: &str = "select json_build_object('login', rolcanlogin,
    'privileged', rolsuper or rolreplication or rolcreaterole) from pg_roles where rolname = ";

/// PostgreSQL's own role that sees what all sessions do and what is counted.
const MONITOR: &str = "pg_monitor";

/// Asked as a role for monitoring: what is wrong with it, or null. That its rights are inherited shows in what it may call.
const LOOKS_ONLY: &str = "select case
    when (select rolsuper or rolreplication or rolcreaterole or rolcreatedb or rolbypassrls
      from pg_catalog.pg_roles where rolname = current_user) then 'it may do more than look'
    when not pg_catalog.pg_has_role('pg_monitor', 'usage')
      then 'it does not have the rights of pg_monitor'
    when not pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'execute')
      then 'pg_monitor may not list the WAL' end";

/// Schemas that are not PostgreSQL's own.
const SCHEMAS: &str = "nspname !~ '^pg_' and nspname <> 'information_schema'";

impl Session {
    /// What there is of the names.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn account_facts(&self, request: &AccountRequest) -> Result<AccountFacts, SqlError> {
        const DOING: &str = "looking for the role and the database";
        let question = format!(
            "select json_build_object('role', ({FOUND}{role}),
               'roleHas', (select coalesce(json_agg(what order by what), '[]') from (
                 select 'it may make databases' as what from pg_roles where rolname = {role} and rolcreatedb
                 union all
                 select 'row security does not hold for it' from pg_roles where rolname = {role} and rolbypassrls
                 union all
                 select 'it is in the role ' || g.rolname
                 from pg_auth_members m join pg_roles r on r.oid = m.member join pg_roles g on g.oid = m.roleid
                 where r.rolname = {role} and g.rolname <> {monitor}) as it),
               'database', (select json_build_object(
                 'open', datallowconn and not datistemplate and datconnlimit <> -2,
                 'publicConnect', has_database_privilege('public', oid, 'connect'))
                 from pg_database where datname = {database}),
               'settings', (select coalesce(json_agg(line
                   order by setrole <> 0 desc, setdatabase <> 0 desc), '[]')
                 from pg_db_role_setting, unnest(setconfig) as it(line)
                 where (setrole = 0 or setrole = (select oid from pg_roles where rolname = {role}))
                   and (setdatabase = 0
                     or setdatabase = (select oid from pg_database where datname = {database}))
                   and line ~ '^(search_path|default_transaction_read_only)='))::text",
            role = quote_literal(&request.role),
            monitor = quote_literal(MONITOR),
            database = quote_literal(&request.database),
        );
        json(DOING, self.text(DOING, &question).await?)
    }

    /// Makes the role, or takes it up again. It can't log in before all else is done. What comes as its
    /// password is a verifier: the password itself is sent to nobody, and stands in no log.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn make_application_role(
        &self,
        request: &AccountRequest,
        password: &str,
    ) -> Result<(), SqlError> {
        const DOING: &str = "making the role";
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        let role = quote_identifier(&request.role);
        let rights = "nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
        let with = |limit: Option<u32>| {
            let limit = limit.map(|it| format!("connection limit {it}"));
            let (limit, verifier) = (limit.unwrap_or_default(), quote_literal(&verifier));
            format!("{rights} {limit} password {verifier}")
        };
        let made = with(request.limit_when_made());
        let make = format!("create role {role} with nologin {made}");
        match self.run(DOING, &make).await {
            // Of one that is there, what is not said stays.
            Err(error) if error.sqlstate() == Some("42710") => {
                let again = with(request.limit);
                self.run(DOING, &format!("alter role {role} with {again}"))
                    .await
            }
            other => other,
        }
    }

    /// Makes the database, unless it is there, and lets nobody connect to it but by a grant.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn make_own_database(&self, database: &str) -> Result<(), SqlError> {
        const DOING: &str = "making the database";
        let name = quote_identifier(database);
        // Nobody but a superuser gets in before the next statement.
        let make = format!("create database {name} connection limit 0");
        match self.run_within(DOING, &make, COPYING).await {
            Err(error) if error.sqlstate() == Some("42P04") => {}
            other => other?,
        }
        // A pooler asks for verifiers in each database: the function came with the template, the right does not.
        let pooler = quote_literal(&format!(
            "begin if exists (select from pg_roles where rolname = {}) then grant connect on database {name} to {}; end if; end",
            quote_literal(names::POOLER_ROLE),
            quote_identifier(names::POOLER_ROLE),
        ));
        self.run(
            DOING,
            &format!(
                "revoke connect, temporary on database {name} from public; \
                 do {pooler}; \
                 alter database {name} connection limit -1"
            ),
        )
        .await
    }

    /// Lets the role connect to its database, and look at the servers where it is for that.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn let_connect(&self, request: &AccountRequest) -> Result<(), SqlError> {
        let (role, database) = (
            quote_identifier(&request.role),
            quote_identifier(&request.database),
        );
        let rights = match request.writes() {
            true => "connect, temporary",
            false => "connect",
        };
        let mut sql = format!("grant {rights} on database {database} to {role}");
        if !request.writes() {
            sql += &format!("; alter role {role} set default_transaction_read_only = on");
        }
        if request.access == AccountAccess::Monitoring {
            sql += &format!("; grant {} to {role}", quote_identifier(MONITOR));
        }
        self.run("granting rights on the database", &sql).await
    }

    /// Lets the role log in: the last of all.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn let_log_in(&self, role: &str) -> Result<(), SqlError> {
        let sql = format!("alter role {} with login", quote_identifier(role));
        self.run("letting the role log in", &sql).await
    }

    /// In its database: gives the role its schema, or the right to read all there is and will be. In one
    /// transaction.
    ///
    /// # Errors
    /// When the server says no, or does not answer; or a schema of its name is somebody else's.
    pub async fn grant_in_database(
        &self,
        request: &AccountRequest,
        own_database: bool,
    ) -> Result<(), SqlError> {
        const DOING: &str = "granting rights in the database";
        match request.access {
            AccountAccess::ReadOnly => return self.run(DOING, &reader(&request.role)).await,
            AccountAccess::Monitoring => return Ok(()),
            AccountAccess::ReadWrite => {}
        }
        let role = quote_identifier(&request.role);
        let mut sql = format!("create schema if not exists {role} authorization {role}");
        if own_database {
            sql += "; revoke create on schema public from public";
        }
        self.run(DOING, &sql).await?;
        let owner = format!(
            "select pg_get_userbyid(nspowner) from pg_namespace where nspname = {}",
            quote_literal(&request.role)
        );
        match self.text(DOING, &owner).await? {
            Some(owner) if owner == request.role => Ok(()),
            owner => Err(SqlError::Unexpected {
                doing: DOING.to_owned(),
                reason: format!(
                    "the schema {} is there and belongs to {}",
                    request.role,
                    owner.unwrap_or_default()
                ),
            }),
        }
    }

    /// Asked as the role itself: whether it can do what it is for, and no more. Gives what is wrong.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn proves_itself(
        &self,
        request: &AccountRequest,
    ) -> Result<Option<String>, SqlError> {
        const DOING: &str = "trying the role out";
        if request.access == AccountAccess::Monitoring {
            return self.text(DOING, LOOKS_ONLY).await;
        }
        if request.writes() {
            let schema = quote_identifier(&request.role);
            // In one transaction, which is taken back.
            let sql = format!(
                "begin; create table {schema}.pgctl_proof (n int); \
                 insert into {schema}.pgctl_proof values (1); rollback"
            );
            return match self.run(DOING, &sql).await {
                Err(error) if error.sqlstate().is_some() => Ok(Some(error.to_string())),
                Err(error) => Err(error),
                Ok(()) => Ok(None),
            };
        }
        let hidden =
            "select string_agg(format('%I.%I', nspname, relname), ', ' order by nspname, relname)
             from (select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where c.relkind in ('r', 'p', 'v', 'm', 'f')
                 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                 and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'))
               limit 5) it";
        let hidden = self.text(DOING, hidden).await?;
        Ok(hidden.map(|it| format!("it can't read {it}")))
    }

    /// What there is of a role that is to be dropped.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn account_left(&self, role: &str) -> Result<AccountLeft, SqlError> {
        const DOING: &str = "looking what the role owns";
        let name = quote_literal(role);
        let question = format!(
            "with known as (
               select coalesce(d.datname, '') as datname, s.classid, s.deptype
               from pg_shdepend s left join pg_database d on d.oid = s.dbid
               where s.refclassid = 'pg_authid'::regclass
                 and s.refobjid = (select oid from pg_roles where rolname = {name})
             )
             select json_build_object('role', ({FOUND}{name}),
               'ownsIn', (select coalesce(json_agg(distinct datname), '[]') from known
                 where deptype = 'o' and datname <> '' and classid <> 'pg_namespace'::regclass),
               'ownsDatabases', (select coalesce(json_agg(datname order by datname), '[]')
                 from pg_database where pg_get_userbyid(datdba) = {name}),
               'knownIn', (select coalesce(json_agg(distinct datname), '[]') from known
                 where datname <> ''))::text"
        );
        json(DOING, self.text(DOING, &question).await?)
    }

    /// Keeps the role from logging in again.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn lock_out(&self, role: &str) -> Result<(), SqlError> {
        let sql = format!("alter role {} with nologin", quote_identifier(role));
        self.run("keeping the role from logging in", &sql).await
    }

    /// Ends the sessions of a role on this server.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn end_sessions_of(&self, role: &str) -> Result<(), SqlError> {
        const DOING: &str = "ending the sessions of the role";
        let sql = format!(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename = {}",
            quote_literal(role)
        );
        self.text(DOING, &sql).await.map(drop)
    }

    /// In a database: takes the role's rights and empty schemas. It looks once more that these are all that it
    /// owns: `DROP OWNED` would drop a table as well.
    ///
    /// # Errors
    /// When it owns more, or the server says no, or does not answer.
    pub async fn take_from(&self, role: &str) -> Result<(), SqlError> {
        let body = format!(
            "begin
               if exists (select from pg_shdepend s
                 where s.refclassid = 'pg_authid'::regclass and s.deptype = 'o'
                   and s.refobjid = (select oid from pg_roles where rolname = {})
                   and s.dbid = (select oid from pg_database where datname = current_database())
                   and s.classid <> 'pg_namespace'::regclass) then
                 raise exception 'it owns objects in the database %', current_database();
               end if;
             end",
            quote_literal(role)
        );
        let sql = format!(
            "do {}; drop owned by {} restrict",
            quote_literal(&body),
            quote_identifier(role)
        );
        self.run("taking the rights of the role", &sql).await
    }

    /// Drops the role, which has nothing any more.
    ///
    /// # Errors
    /// When it has, or the server does not answer.
    pub async fn drop_role(&self, role: &str) -> Result<(), SqlError> {
        let sql = format!("drop role if exists {}", quote_identifier(role));
        self.run("dropping the role", &sql).await
    }

    /// Whether there is a role of this name.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_role(&self, role: &str) -> Result<bool, SqlError> {
        let sql = format!(
            "select count(*) from pg_roles where rolname = {}",
            quote_literal(role)
        );
        let count = self.text("looking for the role", &sql).await?;
        Ok(count.as_deref() != Some("0"))
    }
}

/// All tables that there are, and those that anybody who owns something here makes later.
fn reader(role: &str) -> String {
    let body = format!(
        "declare
           reader constant text := {};
           it record;
         begin
           for it in select nspname from pg_namespace where {SCHEMAS} loop
             execute format('grant usage on schema %I to %I', it.nspname, reader);
             execute format('grant select on all tables in schema %I to %I', it.nspname, reader);
             execute format('grant select on all sequences in schema %I to %I', it.nspname, reader);
           end loop;
           for it in select rolname from pg_roles
             where rolname <> reader and rolname !~ '^pg_' and (rolname = current_user
               or oid = (select datdba from pg_database where datname = current_database())
               or oid in (select nspowner from pg_namespace where {SCHEMAS})
               or oid in (select c.relowner from pg_class c
                 join pg_namespace n on n.oid = c.relnamespace where {SCHEMAS}))
           loop
             execute format('alter default privileges for role %I grant usage on schemas to %I', it.rolname, reader);
             execute format('alter default privileges for role %I grant select on tables to %I', it.rolname, reader);
             execute format('alter default privileges for role %I grant select on sequences to %I', it.rolname, reader);
           end loop;
         end",
        quote_literal(role)
    );
    format!("do {}", quote_literal(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_the_block() {
        let sql = reader("a'; drop table x; --");
        // A quote of the name is doubled for each of the two texts that it stands in.
        assert!(sql.contains("a''''; drop table x"), "{sql}");
        assert_eq!(sql.matches('\'').count() % 2, 0);
    }
}
