//! Databases that are loaded under names of their own.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::backup::format::Manifest;
use crate::backup::restore::{
    GRANT_TO_STANDBYS, Upload, UploadError, table_of_contents, table_of_rows, upload,
    without_secrets,
};
use crate::backup::tools::{ToolLocation, ToolLocationError};
use crate::cluster::suggestion::option;
use crate::engine::WorldError;
use crate::plan::{Action, DatabaseAction, Load, Operation, Plan, RestoreAction};
use crate::postgres::tool_options;
use crate::world::restore::backups::Teller;
use crate::world::restore::databases::steps::QUICK;
use crate::world::restore::restoring::Restoring;

/// How long finding out what the pod has may take.
const ASKING: Duration = Duration::from_secs(30);

/// What a load needs in the pod.
const NEEDED: [&str; 6] = ["pg_restore", "sha256sum", "mkfifo", "mktemp", "tee", "head"];

impl Restoring<'_> {
    /// The mark of a database that was loaded to its end, in this operation.
    fn loaded_mark(plan: &Plan) -> String {
        format!("loaded by pgctl, {}", plan.id)
    }

    /// The mark of one that was analyzed, too.
    fn analyzed_mark(plan: &Plan) -> String {
        format!("loaded and analyzed by pgctl, {}", plan.id)
    }

    /// Whether a database was loaded to its end, and analyzed.
    pub(in crate::world) async fn is_loaded(
        &self,
        plan: &Plan,
        pod: &str,
        load: &Load,
    ) -> Result<bool, WorldError> {
        let session = self.cluster.session(pod).await?;
        let comment = session.database_comment(&load.into).await?;
        Ok(comment == Some(Self::analyzed_mark(plan)))
    }

    /// Loads a database and analyzes it; what of that is done is not done again.
    pub(in crate::world) async fn load(
        &self,
        plan: &Plan,
        pod: &str,
        load: &Load,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let deadline = Instant::now() + limit;
        let session = self.cluster.session(pod).await?;
        let comment = session.database_comment(&load.into).await?;
        if comment == Some(Self::analyzed_mark(plan)) {
            return Ok(());
        }
        // What was loaded is not loaded again because the connection was lost later.
        if comment != Some(Self::loaded_mark(plan)) {
            self.fill(plan, pod, load, deadline).await?;
            let session = self.cluster.session(pod).await?;
            let mark = Self::loaded_mark(plan);
            session.comment_database(&load.into, &mark).await?;
        }
        let loaded = self.cluster.connect_to(pod, &load.into).await?;
        if load.database == "postgres" {
            loaded
                .run_long("giving the standbys their rights", GRANT_TO_STANDBYS, QUICK)
                .await?;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        loaded.run_long("analyzing", "analyze", left).await?;
        drop(loaded);
        let session = self.cluster.session(pod).await?;
        let mark = Self::analyzed_mark(plan);
        Ok(session.comment_database(&load.into, &mark).await?)
    }

    /// Makes the database and loads its archive into it.
    async fn fill(
        &self,
        plan: &Plan,
        pod: &str,
        load: &Load,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let manifest = self.manifest(plan).await?;
        let contents = {
            let (manifest, file) = (manifest.clone(), load.file.clone());
            self.read_store(move |store, identities| {
                table_of_contents(store, &manifest, &file, identities)
            })
            .await?
        };
        let create = contents
            .create(&load.into, load.default_tablespace)
            .ok_or_else(|| {
                WorldError::permanent(format!(
                    "{} does not say how its database is made",
                    load.file
                ))
            })?;
        let session = self.cluster.session(pod).await?;
        // Half a load of before is of no use.
        if session.database_names().await?.contains(&load.into) {
            self.detach_subscriptions(pod, &load.into).await?;
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
        self.send_to(pod, &manifest, &load.file, tool, deadline)
            .await
            .map_err(|error| {
                let entry = table_of_rows(&error.reason).and_then(|it| contents.rows_of(it));
                let place = entry
                    .map(|it| format!("TOC entry {it}: "))
                    .unwrap_or_default();
                let why = format!("{place}{}", error.reason);
                let reason = with_ways_on(plan, load, contents.asks_its_name(), &why);
                WorldError { reason, ..error }
            })
    }

    /// Without its subscriptions a database that was loaded can be dropped again. They came out of
    /// the backup, and were never connected to anything.
    pub(in crate::world) async fn detach_subscriptions(
        &self,
        pod: &str,
        database: &str,
    ) -> Result<(), WorldError> {
        if !self
            .cluster
            .session(pod)
            .await?
            .has_subscriptions(database)
            .await?
        {
            return Ok(());
        }
        let inside = self.cluster.connect_to(pod, database).await?;
        Ok(inside.drop_subscriptions().await?)
    }

    /// Streams an archive into a tool of PostgreSQL's that runs in the pod.
    async fn send_to(
        &self,
        pod: &str,
        manifest: &Manifest,
        file: &str,
        tool: Vec<String>,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let location = ToolLocation::Pod {
            kube: self.cluster.kube.clone(),
            namespace: self.cluster.namespace().to_owned(),
            pod: pod.to_owned(),
        };
        let mut command = vec!["env".to_owned()];
        command.extend(location.environment());
        command.push(format!("PGUSER={}", self.cluster.login.user));
        command.push("PGAPPNAME=pgctl_restore".to_owned());
        let version = self.cluster.session(pod).await?.version().await?;
        command.push(format!("PGOPTIONS={}", tool_options(version)));
        command.extend(tool);
        let password = self.cluster.login.password.expose_secret().to_owned();
        self.stream(
            &location, pod, manifest, file, &command, &password, &NEEDED, deadline,
        )
        .await
    }

    /// Streams an archive into a command that runs in a pod, and believes it only when everything
    /// fits.
    #[expect(clippy::too_many_arguments, reason = "what goes where, and until when")]
    pub(in crate::world) async fn stream(
        &self,
        location: &ToolLocation,
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
        let has =
            |method: crate::backup::format::Method| tools.iter().any(|tool| tool == method.name());
        let archive = Upload::new(
            std::sync::Arc::clone(&backups.store),
            manifest.clone(),
            file,
            backups.identities.clone(),
            has,
        )?;
        let teller = Teller::new(backups, file, archive.bytes());
        self.send(
            location,
            archive,
            file,
            command,
            password,
            &|bytes| teller.at(bytes),
            deadline,
        )
        .await
    }

    /// The same for what is at hand.
    #[expect(clippy::too_many_arguments, reason = "what goes where, and until when")]
    pub(in crate::world) async fn send(
        &self,
        location: &ToolLocation,
        archive: Upload,
        file: &str,
        command: &[String],
        password: &str,
        sent: &(dyn Fn(u64) + Sync),
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let process = location
            .start(&archive.argv(command))
            .await
            .map_err(not_started)?;
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, upload(process, archive, password, sent)).await {
            Ok(uploaded) => uploaded.map(drop).map_err(|error: UploadError| {
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
    pub(in crate::world) async fn tools_of(
        &self,
        pod: &str,
        needed: &[&str],
    ) -> Result<Vec<String>, WorldError> {
        const LOOK: &str =
            "for tool do command -v \"$tool\" >/dev/null 2>&1 && echo \"$tool\"; done; exit 0";
        let mut argv = vec!["sh", "-c", LOOK, "pgctl", "zstd", "gzip"];
        argv.extend_from_slice(needed);
        let output = self
            .cluster
            .kube
            .run_command(self.cluster.namespace(), pod, &argv, None, ASKING)
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
}

/// Why a database could not be loaded, what may be behind that, and what can be done.
fn with_ways_on(plan: &Plan, load: &Load, asks_its_name: bool, why: &str) -> String {
    let mut text = why.to_owned();
    if asks_its_name {
        text += &format!(
            "; what is in {} asks for the name of its database (current_database()), which is {} while it is loaded, and that may be why: it can be loaded under its own name by hand (docs/runbooks/restore.md, \"By hand\")",
            load.database, load.into
        );
    }
    let others = plan.steps.iter().any(|step| {
        matches!(&step.action, Action::Restore(RestoreAction::Databases(DatabaseAction::LoadDatabases { databases, .. })) if databases.len() > 1)
    });
    if let (true, Operation::Restore(scope)) = (others, &plan.operation) {
        text += &format!(
            "; the other databases without it: pgctl restore {} {}, and this one by hand, without what can't be loaded (docs/runbooks/restore.md, \"By hand\")",
            scope.backup,
            option("--except", &load.database)
        );
    }
    text
}

pub(in crate::world) fn not_started(error: ToolLocationError) -> WorldError {
    match error {
        ToolLocationError::Kube(error) => error.into(),
        other => WorldError::permanent(other.to_string()),
    }
}
