//! Loaded databases take the places of those that were there: renamed in one transaction, so that
//! clients see all of the old or all of the new.

use std::time::Duration;

use tokio::time::Instant;

use crate::backup::restore::table_of_contents;
use crate::engine::WorldError;
use crate::plan::{Plan, Swap};
use crate::postgres::{Session, quote_identifier};
use crate::world::restore::databases::roles::at_line;
use crate::world::restore::restoring::Restoring;

/// PostgreSQL waits 5 s for others to leave a database that is renamed; then it gives up.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How often whoever comes back is sent away while it waits.
const SENDING_AWAY: Duration = Duration::from_millis(200);

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

impl Restoring<'_> {
    pub(in crate::world) async fn swap(
        &self,
        plan: &Plan,
        pod: &str,
        swaps: &[Swap],
        roles: Option<&str>,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let there = self.cluster.connect(pod).await?.database_names().await?;
        // After an interruption some may have been renamed.
        let waiting: Vec<&Swap> = swaps
            .iter()
            .filter(|it| there.contains(&it.loaded))
            .collect();
        let mut changes = match roles {
            Some(file) => self.rehearsed(plan, pod, file).await?,
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
        // Nobody can write to them any more: what holds now holds until they are dropped.
        let promised: Vec<Swap> = swaps.iter().filter(|it| it.empty).cloned().collect();
        self.still_empty(pod, &promised).await
    }

    /// What is replaced as empty is empty, whatever it is called by now. It is an error when it is
    /// not: waiting would not help.
    pub(in crate::world) async fn still_empty(
        &self,
        pod: &str,
        swaps: &[Swap],
    ) -> Result<(), WorldError> {
        let session = self.cluster.session(pod).await?;
        let there = session.database_names().await?;
        let broken = session.invalid_databases().await?;
        let is_there = |name: &String| there.contains(name) && !broken.contains(name);
        for swap in swaps {
            let Some(aside) = &swap.aside else { continue };
            let name = if is_there(aside) {
                aside
            } else if there.contains(&swap.loaded) && is_there(&swap.name) {
                &swap.name
            } else {
                continue;
            };
            if self
                .cluster
                .connect_to(pod, name)
                .await?
                .holds_data()
                .await?
            {
                return Err(WorldError::permanent(format!(
                    "somebody has put something into {}, which was empty when this was planned",
                    swap.name
                )));
            }
        }
        Ok(())
    }

    pub(in crate::world) async fn swap_back(
        &self,
        pod: &str,
        swaps: &[Swap],
        limit: Duration,
    ) -> Result<(), WorldError> {
        let there = self.cluster.connect(pod).await?.database_names().await?;
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

    /// The changes of roles, tried and taken back: what could not be done is found out while
    /// everything can still be put back.
    async fn rehearsed(
        &self,
        plan: &Plan,
        pod: &str,
        file: &str,
    ) -> Result<Vec<Change>, WorldError> {
        let mut changes = vec![Change::ours("savepoint pgctl_roles".to_owned())];
        let of_roles = self.role_changes(plan, pod, file).await?.into_iter();
        changes.extend(of_roles.map(|it| Change {
            text: it.text,
            place: Some((file.to_owned(), it.line)),
        }));
        changes.push(Change::ours("rollback to savepoint pgctl_roles".to_owned()));
        Ok(changes)
    }

    async fn properties(&self, plan: &Plan, swap: &Swap) -> Result<Vec<Change>, WorldError> {
        let (manifest, file) = (self.manifest(plan).await?, swap.file.clone());
        let contents = self
            .read_store(move |store, identities| {
                table_of_contents(store, &manifest, &file, identities)
            })
            .await?;
        let statements = contents.properties(&swap.name);
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
        self.cluster.forget(pod).await;
        let worker = self.cluster.connect_to(pod, base).await?;
        let doorman = self.cluster.connect_to(pod, base).await?;
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
