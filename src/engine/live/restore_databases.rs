//! A logical restore: roles, and databases that are loaded under names of their own.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use super::backups::Teller;
use super::cluster::Live;
use crate::backup::manifest::Manifest;
use crate::backup::origin::{Origin, OriginError};
use crate::backup::restore::{
    Feed, FeedError, GRANT_TO_STANDBYS, feed, globals_text, statements_for_roles,
    table_of_contents, table_of_rows, without_secrets,
};
use crate::engine::{Known, WorldError};
use crate::plan::{Finding, Load, Plan, RestoreAction, RestoreCondition};
use crate::postgres::FailedStatement;

/// How long making an empty database may take, or dropping one.
const QUICK: Duration = Duration::from_secs(300);
/// How long finding out what the pod has may take.
const ASKING: Duration = Duration::from_secs(30);
/// How often standbys are asked what they have replayed.
const POLL: Duration = Duration::from_millis(200);

/// What a load needs in the pod.
const NEEDED: [&str; 6] = ["pg_restore", "sha256sum", "mkfifo", "mktemp", "tee", "head"];

impl Live {
    pub(super) async fn restore(
        &self,
        plan: &Plan,
        action: &RestoreAction,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<Finding>, WorldError> {
        match action {
            RestoreAction::SafetyBackup { pod, database } => {
                return self
                    .safety_backup(plan, pod, database.as_deref(), known)
                    .await;
            }
            RestoreAction::CreateRoles { pod, file, roles } => {
                self.create_roles(plan, pod, file, roles, limit).await?;
            }
            RestoreAction::DropRoles { pod, roles } => {
                let session = self.session(pod).await?;
                for role in roles {
                    session.drop_role(role).await?;
                }
            }
            RestoreAction::LoadDatabases { pod, databases } => {
                let deadline = Instant::now() + limit;
                for load in databases {
                    let left = deadline.saturating_duration_since(Instant::now());
                    self.load(plan, pod, load, left).await?;
                }
            }
            RestoreAction::DropDatabases { pod, databases } => {
                let session = self.session(pod).await?;
                let there = session.database_names().await?;
                for name in databases.iter().filter(|name| there.contains(name)) {
                    session.remove_database(name, QUICK).await?;
                }
            }
            RestoreAction::SwapDatabases { pod, swaps, roles } => {
                self.swap(plan, pod, swaps, roles.as_deref(), limit).await?;
            }
            RestoreAction::SwapBack { pod, swaps } => self.swap_back(pod, swaps, limit).await?,
            other => return self.on_volume(plan, other, limit).await,
        }
        Ok(Vec::new())
    }

    pub(super) async fn restore_holds(
        &self,
        plan: &Plan,
        condition: &RestoreCondition,
    ) -> Result<bool, WorldError> {
        Ok(match condition {
            RestoreCondition::Roles { pod, roles } => {
                let there = self.session(pod).await?.role_names().await?;
                roles.iter().all(|role| there.contains(role))
            }
            RestoreCondition::NoRoles { pod, roles } => {
                let there = self.session(pod).await?.role_names().await?;
                !roles.iter().any(|role| there.contains(role))
            }
            RestoreCondition::Loaded { pod, databases } => {
                for load in databases {
                    if !self.is_loaded(plan, pod, load).await? {
                        return Ok(false);
                    }
                }
                true
            }
            RestoreCondition::NoDatabases { pod, databases } => {
                let there = self.session(pod).await?.database_names().await?;
                !databases.iter().any(|name| there.contains(name))
            }
            RestoreCondition::Swapped { pod, swaps } => {
                let there = self.session(pod).await?.database_names().await?;
                swaps
                    .iter()
                    .all(|it| there.contains(&it.name) && !there.contains(&it.loaded))
            }
            RestoreCondition::SwappedBack { pod, swaps } => {
                let there = self.session(pod).await?.database_names().await?;
                swaps
                    .iter()
                    .all(|it| it.aside.as_ref().is_none_or(|name| !there.contains(name)))
            }
            RestoreCondition::Followed { pod } => {
                let session = self.session(pod).await?;
                let (_, position) = session.wal_position().await?;
                let (all, done) = session.replayed_by(position).await?;
                all == done
            }
            other => self.volume_holds(plan, other).await?,
        })
    }

    async fn create_roles(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
        roles: &[String],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let text = self.globals(plan, file).await?;
        let session = self.session(pod).await?;
        let there = session.role_names().await?;
        let wanted: Vec<String> = roles
            .iter()
            .filter(|role| !there.contains(role))
            .cloned()
            .collect();
        let known: Vec<String> = there.iter().chain(&wanted).cloned().collect();
        let statements = statements_for_roles(&text, &wanted, &known);
        let texts: Vec<String> = statements.iter().map(|it| it.text.clone()).collect();
        let run = session.run_all("making roles", &texts, limit);
        run.await.map_err(|failed| {
            let place = failed
                .index
                .and_then(|index| statements.get(index))
                .map(|it| (it.line, it.text.as_str()));
            at_line(file, place, failed)
        })
    }

    /// The text of the roles in a backup.
    pub(super) async fn globals(&self, plan: &Plan, file: &str) -> Result<String, WorldError> {
        let (manifest, file) = (self.manifest(plan).await?, file.to_owned());
        self.read_store(move |store, identities| globals_text(store, &manifest, &file, identities))
            .await
    }

    /// The mark of a database that was loaded to its end, in this operation.
    fn mark(plan: &Plan) -> String {
        format!("loaded by pgctl, {}", plan.id)
    }

    async fn is_loaded(&self, plan: &Plan, pod: &str, load: &Load) -> Result<bool, WorldError> {
        let comment = self
            .session(pod)
            .await?
            .database_comment(&load.into)
            .await?;
        Ok(comment == Some(Self::mark(plan)))
    }

    async fn load(
        &self,
        plan: &Plan,
        pod: &str,
        load: &Load,
        limit: Duration,
    ) -> Result<(), WorldError> {
        if self.is_loaded(plan, pod, load).await? {
            return Ok(());
        }
        let deadline = Instant::now() + limit;
        let manifest = self.manifest(plan).await?;
        let contents = {
            let (manifest, file) = (manifest.clone(), load.file.clone());
            self.read_store(move |store, identities| {
                table_of_contents(store, &manifest, &file, identities)
            })
            .await?
        };
        let create = contents
            .create(&load.database, &load.into, load.default_tablespace)
            .ok_or_else(|| {
                WorldError::permanent(format!(
                    "{} does not say how its database is made",
                    load.file
                ))
            })?;
        let session = self.session(pod).await?;
        // Half a load of before is of no use.
        if session.database_names().await?.contains(&load.into) {
            session.remove_database(&load.into, QUICK).await?;
        }
        for statement in &create {
            session
                .run_long("making the database", statement, QUICK)
                .await
                .map_err(|error| {
                    let shown = without_secrets(statement);
                    WorldError::permanent(format!("{}: {error} (statement: {shown})", load.file))
                })?;
        }
        let mut tool: Vec<String> = vec!["pg_restore".to_owned()];
        tool.extend(["--exit-on-error", "--no-password"].map(str::to_owned));
        if load.default_tablespace {
            tool.push("--no-tablespaces".to_owned());
        }
        tool.push(format!("--dbname={}", load.into));
        self.feed_to(pod, &manifest, &load.file, tool, deadline)
            .await
            .map_err(|error| match table_of_rows(&error.reason) {
                Some(table) => match contents.rows_of(table) {
                    Some(entry) => WorldError {
                        reason: format!("TOC entry {entry}: {}", error.reason),
                        ..error
                    },
                    None => error,
                },
                None => error,
            })?;
        let loaded = self.connect_to(pod, &load.into).await?;
        if load.database == "postgres" {
            loaded
                .run_long("giving the standbys their rights", GRANT_TO_STANDBYS, QUICK)
                .await?;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        loaded.run_long("analyzing", "analyze", left).await?;
        drop(loaded);
        let session = self.session(pod).await?;
        Ok(session
            .comment_database(&load.into, &Self::mark(plan))
            .await?)
    }

    /// Streams an archive into a tool of PostgreSQL's that runs in the pod.
    async fn feed_to(
        &self,
        pod: &str,
        manifest: &Manifest,
        file: &str,
        tool: Vec<String>,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let origin = Origin::Pod {
            kube: self.kube.clone(),
            namespace: self.namespace().to_owned(),
            pod: pod.to_owned(),
        };
        let mut command = vec!["env".to_owned()];
        command.extend(origin.environment());
        command.push(format!("PGUSER={}", self.login.user));
        command.push("PGAPPNAME=pgctl_restore".to_owned());
        command.extend(tool);
        let password = self.login.password.expose_secret().to_owned();
        self.stream(
            &origin, pod, manifest, file, &command, &password, &NEEDED, deadline,
        )
        .await
    }

    /// Streams an archive into a command that runs in a pod, and believes it only when everything
    /// fits.
    #[expect(clippy::too_many_arguments, reason = "what goes where, and until when")]
    pub(super) async fn stream(
        &self,
        origin: &Origin,
        pod: &str,
        manifest: &Manifest,
        file: &str,
        command: &[String],
        password: &str,
        needed: &[&str],
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let backups = self.backups()?;
        let tools = self.tools_of(pod, needed).await?;
        let has = |method: crate::backup::compression::Method| {
            tools.iter().any(|tool| tool == method.name())
        };
        let feeding = Feed::new(
            std::sync::Arc::clone(&backups.store),
            manifest.clone(),
            file,
            backups.identities.clone(),
            has,
        )?;
        let teller = Teller::new(backups, file, feeding.bytes());
        let process = origin
            .start(&feeding.argv(command))
            .await
            .map_err(not_started)?;
        let sent = |bytes| teller.at(bytes);
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, feed(process, feeding, password, &sent)).await {
            Ok(fed) => fed.map(drop).map_err(|error: FeedError| {
                // Whoever lost a stream of hours decides himself whether it is begun again.
                WorldError::permanent(error.to_string())
            }),
            Err(_) => Err(WorldError::permanent(format!(
                "{file} was not there after {} s",
                left.as_secs()
            ))),
        }
    }

    /// Which of the tools there are in a pod; an error when one of the needed is not.
    async fn tools_of(&self, pod: &str, needed: &[&str]) -> Result<Vec<String>, WorldError> {
        const LOOK: &str =
            "for tool do command -v \"$tool\" >/dev/null 2>&1 && echo \"$tool\"; done; exit 0";
        let mut argv = vec!["sh", "-c", LOOK, "pgctl", "zstd", "gzip"];
        argv.extend_from_slice(needed);
        let output = self
            .kube
            .run_command(self.namespace(), pod, &argv, None, ASKING)
            .await?;
        let there: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect();
        match needed
            .iter()
            .find(|tool| !there.iter().any(|it| it == *tool))
        {
            Some(missing) => Err(WorldError::permanent(format!(
                "{missing} is not installed in the pod {pod}"
            ))),
            None => Ok(there),
        }
    }

    /// Waits until every standby has replayed what the primary has written by now.
    pub(super) async fn await_followed(
        &self,
        pod: &str,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let deadline = Instant::now() + limit;
        let (_, position) = self.session(pod).await?.wal_position().await?;
        loop {
            let (all, done) = self.session(pod).await?.replayed_by(position).await?;
            if all == done {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(WorldError::permanent(format!(
                    "{} of {all} standbys have not replayed it after {} s: pgctl lag shows how far they are",
                    all - done,
                    limit.as_secs()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

pub(super) fn not_started(error: OriginError) -> WorldError {
    match error {
        OriginError::Kube(error) => error.into(),
        other => WorldError::permanent(other.to_string()),
    }
}

/// What failed, where it stands in the dump, without its secrets.
pub(super) fn at_line(
    file: &str,
    place: Option<(usize, &str)>,
    failed: FailedStatement,
) -> WorldError {
    let error = WorldError::from(failed.error);
    let Some((line, statement)) = place else {
        return error;
    };
    WorldError {
        reason: format!(
            "{file}, line {line}: {} (statement: {})",
            error.reason,
            without_secrets(statement)
        ),
        ..error
    }
}
