//! A logical restore: roles, and databases that are loaded under names of their own.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Known, WorldError};
use crate::plan::{DatabaseAction, DatabaseCondition, LOADED, OperationFinding, Plan};
use crate::world::restore::restoring::Restoring;

/// How long making an empty database may take, or dropping one.
pub(in crate::world) const QUICK: Duration = Duration::from_secs(300);
/// How often standbys are asked what they have replayed.
const POLL: Duration = Duration::from_millis(200);

impl Restoring<'_> {
    pub(in crate::world) async fn on_databases(
        &self,
        plan: &Plan,
        action: &DatabaseAction,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        match action {
            DatabaseAction::SafetyBackup {
                pod,
                database,
                swaps,
            } => {
                return self
                    .safety_backup(plan, pod, database.as_deref(), swaps, known)
                    .await;
            }
            DatabaseAction::CreateRoles { pod, file, roles } => {
                self.create_roles(plan, pod, file, roles, limit).await?;
            }
            DatabaseAction::DropRoles { pod, roles } => {
                self.cluster.session(pod).await?.drop_roles(roles).await?;
            }
            DatabaseAction::LoadDatabases { pod, databases } => {
                let deadline = Instant::now() + limit;
                for load in databases {
                    let left = deadline.saturating_duration_since(Instant::now());
                    self.load(plan, pod, load, left).await?;
                }
            }
            DatabaseAction::DropDatabases { pod, databases } => {
                let session = self.cluster.session(pod).await?;
                let there = session.database_names().await?;
                for name in databases.iter().filter(|name| there.contains(name)) {
                    if name.starts_with(LOADED) {
                        self.detach_subscriptions(pod, name).await?;
                    }
                    session.remove_database(name, QUICK).await?;
                }
            }
            DatabaseAction::SwapDatabases { pod, swaps, roles } => {
                self.swap(plan, pod, swaps, roles.as_deref(), limit).await?;
            }
            DatabaseAction::ChangeRoles { pod, file } => {
                self.change_roles(plan, pod, file, limit).await?;
            }
            DatabaseAction::SwapBack { pod, swaps } => self.swap_back(pod, swaps, limit).await?,
        }
        Ok(Vec::new())
    }

    pub(in crate::world) async fn databases_hold(
        &self,
        plan: &Plan,
        condition: &DatabaseCondition,
        known: &Known,
    ) -> Result<bool, WorldError> {
        Ok(match condition {
            DatabaseCondition::Roles { pod, roles } => {
                let there = self.cluster.session(pod).await?.role_names().await?;
                roles.iter().all(|role| there.contains(role))
            }
            DatabaseCondition::NoRoles { pod, roles } => {
                let there = self.cluster.session(pod).await?.role_names().await?;
                !roles.iter().any(|role| there.contains(role))
            }
            DatabaseCondition::Loaded { pod, databases } => {
                for load in databases {
                    if !self.is_loaded(plan, pod, load).await? {
                        return Ok(false);
                    }
                }
                true
            }
            DatabaseCondition::NoDatabases { pod, databases } => {
                let there = self.cluster.session(pod).await?.database_names().await?;
                !databases.iter().any(|name| there.contains(name))
            }
            DatabaseCondition::Swapped { pod, swaps } => {
                let there = self.cluster.session(pod).await?.database_names().await?;
                swaps
                    .iter()
                    .all(|it| there.contains(&it.name) && !there.contains(&it.loaded))
            }
            DatabaseCondition::SwappedBack { pod, swaps } => {
                let there = self.cluster.session(pod).await?.database_names().await?;
                swaps
                    .iter()
                    .all(|it| it.aside.as_ref().is_none_or(|name| !there.contains(name)))
            }
            DatabaseCondition::StillEmpty { pod, swaps } => {
                self.still_empty(pod, swaps).await?;
                true
            }
            DatabaseCondition::BackedUp { pod, swaps } => self.backed_up(pod, swaps, known).await?,
            DatabaseCondition::Followed { pod, standbys } => {
                let session = self.cluster.session(pod).await?;
                let (_, position) = session.wal_position().await?;
                let done = session.replayed_by(position).await?;
                standbys.iter().all(|name| done.contains(name))
            }
        })
    }

    /// Waits until these standbys have replayed what the primary has written by now.
    pub(in crate::world) async fn await_followed(
        &self,
        pod: &str,
        standbys: &[String],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let deadline = Instant::now() + limit;
        let (_, position) = self.cluster.session(pod).await?.wal_position().await?;
        loop {
            let done = self
                .cluster
                .session(pod)
                .await?
                .replayed_by(position)
                .await?;
            let behind: Vec<&str> = standbys
                .iter()
                .filter(|name| !done.contains(name))
                .map(String::as_str)
                .collect();
            if behind.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(WorldError::permanent(format!(
                    "{} not replayed it after {} s: pgctl lag shows how far each is",
                    match behind.as_slice() {
                        [one] => format!("{one} has"),
                        several => format!("{} have", several.join(", ")),
                    },
                    limit.as_secs()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
