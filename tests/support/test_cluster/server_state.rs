//! What tests change inside the servers of a cluster that was given: settings, roles, and what is set on them.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::cluster::{TestCluster, eventually, tail_of};

/// What `ALTER SYSTEM` has set on a server, by name. How a standby follows is the start script's affair.
const ALTERED: &str = "SELECT DISTINCT ON (name) name, setting FROM pg_file_settings \
     WHERE sourcefile LIKE '%postgresql.auto.conf' AND name NOT LIKE 'primary\\_%' \
     AND name <> 'synchronous_standby_names' AND name NOT LIKE 'recovery\\_target%' ORDER BY name, seqno DESC";

/// Roles, with what logs them in.
const ROLES: &str = "SELECT rolname, format('%s %s %s CONNECTION LIMIT %s', \
       CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, \
       CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END, \
       CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END, rolconnlimit) \
     || ' PASSWORD ' || coalesce(quote_literal(rolpassword), 'NULL') \
     FROM pg_authid WHERE rolname NOT LIKE 'pg\\_%'";

/// The statements that make what is set on roles and databases, and those that take it away.
const ON_ROLES: &str = "SELECT target || ' SET ' || quote_ident(split_part(one, '=', 1)) || ' = ' || \
       quote_literal(substr(one, strpos(one, '=') + 1)), target || ' RESET ' || quote_ident(split_part(one, '=', 1)) \
     FROM (SELECT CASE WHEN setrole = 0 THEN 'ALTER DATABASE ' || quote_ident(datname) \
         WHEN setdatabase = 0 THEN 'ALTER ROLE ' || quote_ident(rolname) \
         ELSE 'ALTER ROLE ' || quote_ident(rolname) || ' IN DATABASE ' || quote_ident(datname) END AS target, \
         unnest(setconfig) AS one \
       FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase) s";

/// What was there before a test.
pub(super) struct ServerState {
    /// By the tail of the pod's name.
    altered: BTreeMap<String, BTreeMap<String, String>>,
    roles: BTreeMap<String, String>,
    on_roles: BTreeMap<String, String>,
}

impl TestCluster {
    pub(super) async fn look_into_servers(&self, primary: &str) -> Result<ServerState> {
        let mut altered = BTreeMap::new();
        for pod in self.pods()? {
            let tail = tail_of(&pod);
            let settings = self.pairs(&tail, ALTERED).await?;
            altered.insert(tail, settings);
        }
        Ok(ServerState {
            altered,
            roles: self.pairs(primary, ROLES).await?,
            on_roles: self.pairs(primary, ON_ROLES).await?,
        })
    }

    /// Rows of two columns.
    async fn pairs(&self, tail: &str, sql: &str) -> Result<BTreeMap<String, String>> {
        let rows = self.sql(tail, sql).await?.into_iter();
        let pair = |mut row: Vec<String>| Some((row.first().cloned()?, row.pop()?));
        Ok(rows.filter_map(pair).collect())
    }

    /// Settings that wait for a start get one; the pods that were restarted are ready again.
    pub(super) async fn put_back_settings(&self, found: &ServerState) -> Result<()> {
        for pod in self.pods()? {
            let tail = tail_of(&pod);
            let before = found.altered.get(&tail).cloned().unwrap_or_default();
            let now = eventually("the server answers", async || {
                self.pairs(&tail, ALTERED).await
            })
            .await?;
            if now == before {
                continue;
            }
            let quoted = |text: &str| text.replace('\'', "''");
            let ident = |name: &str| name.replace('"', "\"\"");
            for name in now.keys().filter(|name| !before.contains_key(*name)) {
                let reset = format!("ALTER SYSTEM RESET \"{}\"", ident(name));
                self.sql(&tail, &reset).await?;
            }
            for (name, value) in before.iter().filter(|(k, v)| now.get(*k) != Some(*v)) {
                let set = format!("ALTER SYSTEM SET \"{}\" = '{}'", ident(name), quoted(value));
                self.sql(&tail, &set).await?;
            }
            self.reload(&tail).await?;
            self.start_again_if_needed(&tail).await?;
        }
        Ok(())
    }

    /// Lets a server read its files again, and waits until it has.
    async fn reload(&self, tail: &str) -> Result<()> {
        // A new session has the time from the process that has started it.
        const LOADED: &str = "SELECT pg_conf_load_time()";
        let before = self.open(tail).await?.one(LOADED).await?;
        self.sql(tail, "SELECT pg_reload_conf()").await?;
        eventually("the reload", async || {
            let now = self.open(tail).await?.one(LOADED).await?;
            ensure!(
                now != before,
                "{tail} has not read its files since {before}"
            );
            Ok(())
        })
        .await
    }

    /// Restarts a server whose settings wait for it.
    async fn start_again_if_needed(&self, tail: &str) -> Result<()> {
        const PENDING: &str = "SELECT count(*) FROM pg_settings WHERE pending_restart";
        if self.open(tail).await?.one(PENDING).await? == "0" {
            return Ok(());
        }
        self.kill(tail).await?;
        eventually("its settings hold after a start", async || {
            let waiting = self.open(tail).await?.one(PENDING).await?;
            ensure!(waiting == "0", "{waiting} of {tail} wait for one");
            Ok(())
        })
        .await
    }

    /// Roles are those of before, with their passwords, and what is set on roles and databases.
    pub(super) async fn put_back_roles(&self, primary: &str, found: &ServerState) -> Result<()> {
        let name = |role: &str| format!("\"{}\"", role.replace('"', "\"\""));
        let now = self.pairs(primary, ON_ROLES).await?;
        let gone = now
            .iter()
            .filter(|(set, _)| !found.on_roles.contains_key(*set));
        for (_, reset) in gone {
            self.sql(primary, reset).await?;
        }
        let roles = self.pairs(primary, ROLES).await?;
        for (role, before) in &found.roles {
            if roles.get(role) != Some(before) {
                let verb = if roles.contains_key(role) {
                    "ALTER"
                } else {
                    "CREATE"
                };
                self.sql(primary, &format!("{verb} ROLE {} {before}", name(role)))
                    .await?;
            }
        }
        for role in roles.keys().filter(|role| !found.roles.contains_key(*role)) {
            let role = name(role);
            for sql in [
                format!("REASSIGN OWNED BY {role} TO CURRENT_USER"),
                format!("DROP OWNED BY {role}"),
                format!("DROP ROLE {role}"),
            ] {
                self.sql(primary, &sql).await?;
            }
        }
        for set in found.on_roles.keys().filter(|set| !now.contains_key(*set)) {
            self.sql(primary, set).await?;
        }
        Ok(())
    }
}
