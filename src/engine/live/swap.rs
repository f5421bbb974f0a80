//! Loaded databases take the places of those that were there: renamed in one transaction, so that
//! clients see all of the old or all of the new.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Live;
use super::restore_databases::at_line;
use crate::backup::restore::{changes_to_roles, table_of_contents};
use crate::engine::WorldError;
use crate::plan::{Plan, Swap};
use crate::postgres::{Session, quote_identifier};

/// PostgreSQL waits 5 s for others to leave a database that is renamed; then it gives up.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How often whoever comes back is sent away while it waits.
const SENDING_AWAY: Duration = Duration::from_millis(200);
/// The role of the standbys; its password is in the Secret.
const REPLICATION_ROLE: &str = "replicator";

/// A statement, and the place in the backup that it comes from.
struct Change {
    text: String,
    place: Option<(String, usize)>,
}

impl Change {
    fn ours(text: String) -> Self {
        Self { text, place: None }
    }
}

impl Live {
    pub(super) async fn swap(
        &self,
        plan: &Plan,
        pod: &str,
        swaps: &[Swap],
        roles: Option<&str>,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let there = self.connect(pod).await?.database_names().await?;
        // After an interruption some may have been renamed.
        let waiting: Vec<&Swap> = swaps
            .iter()
            .filter(|it| there.contains(&it.loaded))
            .collect();
        let mut changes = match roles {
            Some(file) => self.role_changes(plan, pod, file).await?,
            None => Vec::new(),
        };
        for (base, group) in groups(&waiting) {
            for swap in &group {
                if let Some(aside) = swap.aside.as_ref().filter(|_| there.contains(&swap.name)) {
                    changes.push(renamed(&swap.name, aside));
                }
                changes.push(renamed(&swap.loaded, &swap.name));
                changes.extend(self.properties(plan, swap).await?);
            }
            let names: Vec<String> = group.iter().map(|it| it.name.clone()).collect();
            self.change_together(pod, base, &names, &changes, limit)
                .await?;
            changes.clear();
        }
        Ok(())
    }

    pub(super) async fn swap_back(
        &self,
        pod: &str,
        swaps: &[Swap],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let there = self.connect(pod).await?.database_names().await?;
        let swapped: Vec<&Swap> = swaps
            .iter()
            .filter(|it| !there.contains(&it.loaded) && there.contains(&it.name))
            .filter(|it| it.aside.as_ref().is_none_or(|name| there.contains(name)))
            .collect();
        for (base, group) in groups(&swapped) {
            let mut changes = Vec::new();
            for swap in &group {
                changes.push(renamed(&swap.name, &swap.loaded));
                changes.extend(swap.aside.iter().map(|aside| renamed(aside, &swap.name)));
            }
            let names: Vec<String> = group.iter().map(|it| it.name.clone()).collect();
            self.change_together(pod, base, &names, &changes, limit)
                .await?;
        }
        Ok(())
    }

    async fn role_changes(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
    ) -> Result<Vec<Change>, WorldError> {
        let text = self.globals(plan, file).await?;
        let known = self.session(pod).await?.role_names().await?;
        let spared = [self.login.user.clone(), REPLICATION_ROLE.to_owned()];
        let changes = changes_to_roles(&text, &known, &spared).into_iter();
        Ok(changes
            .map(|it| Change {
                text: it.text,
                place: Some((file.to_owned(), it.line)),
            })
            .collect())
    }

    async fn properties(&self, plan: &Plan, swap: &Swap) -> Result<Vec<Change>, WorldError> {
        let (manifest, file) = (self.manifest(plan).await?, swap.file.clone());
        let contents = self
            .read_store(move |store, identities| {
                table_of_contents(store, &manifest, &file, identities)
            })
            .await?;
        let statements = contents.properties(&swap.database, &swap.name);
        Ok(statements.into_iter().map(Change::ours).collect())
    }

    /// All changes in one transaction, on a connection to `base`, while whoever is in one of the
    /// databases is sent away.
    async fn change_together(
        &self,
        pod: &str,
        base: &str,
        names: &[String],
        changes: &[Change],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let deadline = Instant::now() + limit;
        // Our own session must not be in the way either.
        self.forget(pod).await;
        let worker = self.connect_to(pod, base).await?;
        let doorman = self.connect_to(pod, base).await?;
        let texts: Vec<String> = changes.iter().map(|it| it.text.clone()).collect();
        loop {
            let working = worker.run_all("putting the databases in place", &texts, ATTEMPT);
            let result = tokio::select! {
                result = working => result,
                error = keep_out(&doorman, names) => return Err(error),
            };
            let failed = match result {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            // object_in_use: somebody came back faster than PostgreSQL has looked.
            if failed.error.sqlstate() == Some("55006") && Instant::now() < deadline {
                continue;
            }
            let change = failed.index.and_then(|index| changes.get(index));
            let Some(change) = change else {
                return Err(failed.error.into());
            };
            let (file, line) = change
                .place
                .clone()
                .unwrap_or_else(|| ("the settings of the database".to_owned(), 0));
            return Err(match line {
                0 => WorldError::permanent(format!(
                    "{}: {} (statement: {})",
                    file,
                    failed.error,
                    crate::backup::restore::without_secrets(&change.text)
                )),
                line => at_line(&file, Some((line, &change.text)), failed),
            });
        }
    }
}

async fn keep_out(doorman: &Session, names: &[String]) -> WorldError {
    loop {
        if let Err(error) = doorman.end_sessions_in(names).await {
            return error.into();
        }
        tokio::time::sleep(SENDING_AWAY).await;
    }
}

/// A database can't be renamed by a session that is in it: `template1` is done from `postgres`, and
/// `postgres` from `template1`.
fn groups<'a>(swaps: &[&'a Swap]) -> Vec<(&'static str, Vec<&'a Swap>)> {
    let (template, rest): (Vec<&Swap>, Vec<&Swap>) =
        swaps.iter().copied().partition(|it| it.name == "template1");
    let base = if rest.iter().any(|it| it.name == "postgres") {
        "template1"
    } else {
        "postgres"
    };
    [(base, rest), ("postgres", template)]
        .into_iter()
        .filter(|(_, group)| !group.is_empty())
        .collect()
}

fn renamed(from: &str, to: &str) -> Change {
    Change::ours(format!(
        "alter database {} rename to {}",
        quote_identifier(from),
        quote_identifier(to)
    ))
}
