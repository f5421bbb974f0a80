//! `pgctl backup list -A`: a line for each cluster.

use jiff::Timestamp;

use super::fleet::{FleetView, options_of};
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::backup::catalogue::Newest;
use crate::cluster::suggestion::option;
use crate::cluster::{ClusterId, words};

/// What a store has of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterBackups {
    /// Namespace and name of the cluster.
    pub cluster: ClusterId,
    /// How many there are of it, whole or not.
    pub count: usize,
    /// The newest that is known to be whole.
    pub newest: Option<Newest>,
    /// When one of them was last restored for a trial.
    pub restored: Option<LastRestoreTest>,
}

/// The last restore of a backup into a throw-away server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRestoreTest {
    /// The backup's name in the store.
    pub id: String,
    /// When it ended.
    pub at: Timestamp,
    /// Why it did not work; none: it did.
    pub problem: Option<String>,
}

/// How well a cluster is kept. The order is the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackupState {
    /// A whole backup is there.
    Kept,
    /// There are backups, and none of them is known to be whole.
    NoneWhole,
    /// There is none.
    Missing,
}

impl ClusterBackups {
    /// How well it is kept.
    pub fn state(&self) -> BackupState {
        match (&self.newest, self.count) {
            (Some(_), _) => BackupState::Kept,
            (None, 0) => BackupState::Missing,
            (None, _) => BackupState::NoneWhole,
        }
    }
}

/// A line for each cluster: the oldest newest backup last, and those that have none after it.
pub fn cluster_backups_screen(
    fleet: &FleetView<'_, &ClusterBackups>,
    store: &str,
    now: Timestamp,
    screen: &Screen,
) -> String {
    let mut columns = vec![
        Column::kept("NAMESPACE"),
        Column::kept("CLUSTER"),
        Column::kept("AGE").right(),
        Column::ranked("TYPE", 3),
        Column::ranked("VERIFIED", 2).right(),
        Column::ranked("RESTORED", 4).right(),
        Column::ranked("BACKUPS", 5).right(),
        Column::ranked("NEWEST", 1),
    ];
    if fleet.has_contexts() {
        columns.insert(0, Column::kept("CONTEXT"));
    }
    let since = |time: Timestamp| words::age(now.duration_since(time).as_secs().max(0));
    let mut table = Table::new(&columns);
    let mut clusters = fleet.clusters.clone();
    let started = |it: &ClusterBackups| it.newest.as_ref().map(|it| it.started);
    clusters.sort_by_key(|(_, it)| (it.state(), std::cmp::Reverse(started(it))));
    for (context, backups) in &clusters {
        let newest = backups.newest.as_ref();
        let row = [
            normal(backups.cluster.namespace.clone()),
            normal(backups.cluster.name.clone()),
            match (backups.state(), newest) {
                (BackupState::Missing, _) => ("none".to_owned(), Tone::Bad),
                (BackupState::NoneWhole, _) => ("none whole".to_owned(), Tone::Bad),
                (BackupState::Kept, newest) => (
                    newest.map(|it| since(it.started)).unwrap_or_default(),
                    Tone::Strong,
                ),
            },
            normal(newest.map(|it| it.kind.name()).unwrap_or_default()),
            normal(newest.map_or_else(String::new, |it| format!("{} ago", since(it.verified)))),
            match &backups.restored {
                None if newest.is_none() => normal(""),
                None => normal("never tried"),
                Some(test) if test.problem.is_none() => normal(format!("{} ago", since(test.at))),
                Some(_) => ("FAILED".to_owned(), Tone::Bad),
            },
            normal(backups.count.to_string()),
            normal(newest.map(|it| it.id.clone()).unwrap_or_default()),
        ];
        let context = context.map(normal);
        table.row(context.into_iter().chain(row));
    }
    let mut text = table.draw(screen) + "\n";
    text.push_str(&screen.paint(
        Tone::Faint,
        &screen.wrap(&super::plain(&format!("in {store}")), 2),
    ));
    text.push('\n');
    text.push_str(&fleet.rest(screen));
    let bare = clusters.last();
    let bare = bare.filter(|(_, it)| it.state() != BackupState::Kept);
    if let Some((context, backups)) = bare {
        let flags = options_of(*context, &backups.cluster);
        let command = format!("pgctl {flags} backup {}", option("--store", store));
        let command = screen.given.suggestion(&command);
        text.push_str(&format!("type: {}\n", screen.paint(Tone::Strong, &command)));
    }
    text
}
