//! What PgBouncer needs: a role, and in each database a function by which it asks for the verifiers of others
//! (`auth_query` in `deploy/components/pooler/scripts/pooler.sh`). Each part sets a state.

use secrecy::SecretString;
use serde::Deserialize;

use super::json::json;
use super::scram::fits;
use super::{Session, SqlError, quote_identifier, quote_literal};
use crate::change::PoolerRole;
use crate::cluster::names::POOLER_ROLE;

/// The function's body. A superuser's verifier is for nobody, nor that of a role that may stream; nor one that has expired.
const BODY: &str = "select rolname, rolpassword from pg_catalog.pg_authid
  where rolname = $1 and rolcanlogin and not rolsuper and not rolreplication
    and rolpassword like 'SCRAM-SHA-256$%' and (rolvaliduntil is null or rolvaliduntil > pg_catalog.now())";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    role: Option<FoundRole>,
    databases: Vec<(String, bool)>,
}

#[derive(Deserialize)]
struct FoundRole {
    login: bool,
    privileged: bool,
    verifier: Option<String>,
}

impl Session {
    /// The role, if it is there, and each database that takes connections with whether the role may connect to it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn pooler_role(
        &self,
        password: &str,
    ) -> Result<(Option<PoolerRole>, Vec<(String, bool)>), SqlError> {
        const DOING: &str = "looking for the pooler's role";
        let role = quote_literal(POOLER_ROLE);
        let question = format!(
            "select json_build_object(
               'role', (select json_build_object('login', rolcanlogin, 'verifier', rolpassword,
                   'privileged', rolsuper or rolreplication or rolcreaterole or rolcreatedb or rolbypassrls)
                 from pg_authid where rolname = {role}),
               'databases', (select coalesce(json_agg(json_build_array(datname,
                   coalesce((select has_database_privilege(r.oid, d.oid, 'connect') from pg_roles r
                     where rolname = {role}), false)) order by datname), '[]')
                 from pg_database d where datallowconn and datconnlimit <> -2))::text"
        );
        let found: Found = json(DOING, self.text(DOING, &question).await?)?;
        let role = found.role.map(|it| PoolerRole {
            login: it.login,
            privileged: it.privileged,
            password_fits: it.verifier.is_some_and(|it| fits(&it, password)),
        });
        Ok((role, found.databases))
    }

    /// Whether this database has the function as it has to be: the body, the owner's rights, and for the role alone.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_pooler_function(&self) -> Result<bool, SqlError> {
        let question = format!(
            "select exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
               join pg_roles o on o.oid = p.proowner, pg_roles r
               where n.nspname = {role} and r.rolname = {role} and p.proname = 'verifier'
                 and p.proargtypes = '25' and p.prosecdef and o.rolsuper and p.prosrc = {body}
                 and p.proconfig = array['search_path=pg_catalog, pg_temp']
                 and has_schema_privilege(r.oid, n.oid, 'usage') and has_function_privilege(r.oid, p.oid, 'execute')
                 and not has_function_privilege('public', p.oid, 'execute'))",
            role = quote_literal(POOLER_ROLE),
            body = quote_literal(BODY),
        );
        let answer = self
            .text("looking for the pooler's function", &question)
            .await?;
        Ok(answer.as_deref() == Some("t"))
    }

    /// Makes the role, or takes it up again, with this password.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn make_pooler_role(&self, password: &SecretString) -> Result<(), SqlError> {
        const DOING: &str = "making the pooler's role";
        let role = quote_identifier(POOLER_ROLE);
        match self
            .run(DOING, &format!("create role {role} nologin"))
            .await
        {
            Err(error) if error.sqlstate() == Some("42710") => {}
            other => other?,
        }
        self.set_password(POOLER_ROLE, password).await?;
        self.run(DOING, &format!("alter role {role} login")).await
    }

    /// Lets the role connect to a database.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn let_pooler_connect(&self, database: &str) -> Result<(), SqlError> {
        let sql = format!(
            "grant connect on database {} to {}",
            quote_identifier(database),
            quote_identifier(POOLER_ROLE)
        );
        self.run("letting the pooler connect", &sql).await
    }

    /// Makes the function in this database, in one transaction. What somebody else has put there under its name is
    /// taken over before it is used.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn make_pooler_function(&self) -> Result<(), SqlError> {
        let role = quote_identifier(POOLER_ROLE);
        let body = quote_literal(BODY);
        let sql = format!(
            "create schema if not exists {role};
             alter schema {role} owner to current_user;
             revoke all on schema {role} from public;
             grant usage on schema {role} to {role};
             drop function if exists {role}.verifier(text);
             create function {role}.verifier(text) returns table (role name, verifier text)
               language sql stable security definer set search_path = pg_catalog, pg_temp as {body};
             revoke all on function {role}.verifier(text) from public;
             grant execute on function {role}.verifier(text) to {role}"
        );
        self.run("making the pooler's function", &sql).await
    }

    /// Asked as the role itself: whether its function can be called.
    ///
    /// # Errors
    /// When it can't, or the server does not answer.
    pub async fn calls_pooler_function(&self) -> Result<(), SqlError> {
        let sql = format!(
            "select count(*) from {}.verifier('')",
            quote_identifier(POOLER_ROLE)
        );
        self.text("calling the pooler's function", &sql)
            .await
            .map(drop)
    }
}
