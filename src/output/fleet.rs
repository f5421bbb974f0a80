//! Many clusters on one screen.

use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::ClusterId;
use crate::cluster::suggestion::option;
use crate::failure::Failure;

/// Many clusters, as one look has found them, with what is to be said of each.
#[derive(Debug, Clone)]
pub struct FleetView<'a, T> {
    /// The context, when several were looked at, and the cluster.
    pub clusters: Vec<(Option<&'a str>, T)>,
    /// The contexts that could not be looked at, and why.
    pub unreached: &'a [(String, Failure)],
    /// Contexts that answer and have no cluster.
    pub empty: &'a [String],
}

impl<T> FleetView<'_, T> {
    /// Whether contexts were named, so that each row says its own.
    pub(super) fn has_contexts(&self) -> bool {
        self.clusters.iter().any(|(context, _)| context.is_some())
    }

    /// What is said below the rows: where nobody could look, and where nothing is.
    pub fn rest(&self, screen: &Screen) -> String {
        let mut text = String::new();
        for (context, failure) in self.unreached {
            let line = format!("NOT LOOKED AT: context {context}: {failure}");
            text.push_str(&screen.paint(Tone::Bad, &screen.wrap(&plain(&line), 2)));
            text.push('\n');
        }
        if !self.empty.is_empty() {
            let line = format!("no cluster in context {}", self.empty.join(", "));
            text.push_str(&screen.wrap(&plain(&line), 2));
            text.push('\n');
        }
        text
    }
}

/// How to name one cluster of many to a command, so that it goes to that one alone.
pub(super) fn options_of(context: Option<&str>, cluster: &ClusterId) -> String {
    let context = context.map_or_else(String::new, |it| format!("{} ", option("--context", it)));
    format!(
        "{context}{} {}",
        option("-n", &cluster.namespace),
        option("--cluster", &cluster.name)
    )
}
