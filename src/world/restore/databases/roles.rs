//! Roles of a backup on a server.

use std::time::Duration;

use crate::backup::restore::{
    Grantors, RoleStatement, changes_to_roles, globals_text, statements_for_roles, without_secrets,
};
use crate::engine::WorldError;
use crate::plan::Plan;
use crate::postgres::FailedStatement;
use crate::world::restore::restoring::Restoring;

/// The role of the standbys; its password is in the Secret.
const REPLICATION_ROLE: &str = "replicator";

impl Restoring<'_> {
    pub(in crate::world) async fn create_roles(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
        roles: &[String],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let text = self.globals(plan, file).await?;
        let there = self.cluster.session(pod).await?.role_names().await?;
        let wanted: Vec<String> = roles
            .iter()
            .filter(|role| !there.contains(role))
            .cloned()
            .collect();
        let known: Vec<String> = there.iter().chain(&wanted).cloned().collect();
        let grantors = self.grantors(plan, pod).await?;
        let statements = statements_for_roles(&text, &wanted, &known, grantors);
        self.run_roles("making roles", pod, file, &statements, limit)
            .await
    }

    /// The text of the roles in a backup.
    pub(in crate::world) async fn globals(
        &self,
        plan: &Plan,
        file: &str,
    ) -> Result<String, WorldError> {
        let (manifest, file) = (self.manifest(plan).await?, file.to_owned());
        self.read_store(move |store, identities| globals_text(store, &manifest, &file, identities))
            .await
    }

    /// Gives roles that exist what the backup says of them, in one transaction.
    pub(in crate::world) async fn change_roles(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let statements = self.role_changes(plan, pod, file).await?;
        self.run_roles("changing roles", pod, file, &statements, limit)
            .await
    }

    /// The statements for that.
    pub(in crate::world) async fn role_changes(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
    ) -> Result<Vec<RoleStatement>, WorldError> {
        let text = self.globals(plan, file).await?;
        let known = self.cluster.session(pod).await?.role_names().await?;
        let spared = [self.cluster.login.user.clone(), REPLICATION_ROLE.to_owned()];
        let grantors = self.grantors(plan, pod).await?;
        Ok(changes_to_roles(&text, &known, &spared, grantors))
    }

    async fn grantors(&self, plan: &Plan, pod: &str) -> Result<Grantors, WorldError> {
        let from = self.manifest(plan).await?.server_version;
        let to = self.cluster.session(pod).await?.version().await?;
        Ok(Grantors::between(from, to))
    }

    async fn run_roles(
        &self,
        doing: &str,
        pod: &str,
        file: &str,
        statements: &[RoleStatement],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let texts: Vec<String> = statements.iter().map(|it| it.text.clone()).collect();
        let session = self.cluster.session(pod).await?;
        let run = session.run_all(doing, &texts, limit);
        run.await.map_err(|failed| {
            let place = failed
                .index
                .and_then(|index| statements.get(index))
                .map(|it| (it.line, it.text.as_str()));
            at_line(file, place, failed)
        })
    }
}

/// What failed, where it stands in the dump, without its secrets.
pub(in crate::world) fn at_line(
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
