//! `pgctl status -A`: a line for each cluster.

use super::fleet::FleetView;
use super::screen::{Screen, Tone};
use super::status::{behind_words, verdict_tone};
use super::table::{Column, Table};
use crate::cluster::{Health, words};

/// A line for each cluster, the worst last so that it stays in sight; and, before the end, what could
/// not be looked at.
pub fn clusters_screen(fleet: &FleetView<'_, &Health>, screen: &Screen) -> String {
    let mut columns = vec![
        Column::kept("NAMESPACE"),
        Column::kept("CLUSTER"),
        Column::kept("VERDICT"),
        Column::ranked("PRIMARY", 4),
        Column::ranked("STANDBYS", 2),
        Column::ranked("LAG", 3).right(),
        Column::ranked("VERSION", 5),
        Column::ranked("TL", 6).right(),
        Column::ranked("PROBLEM", 1),
    ];
    if fleet.has_contexts() {
        columns.insert(0, Column::kept("CONTEXT"));
    }
    let mut table = Table::new(&columns);
    let mut clusters = fleet.clusters.clone();
    clusters.sort_by_key(|(_, health)| health.verdict);
    let normal = |text: String| (text, Tone::Normal);
    for (context, health) in clusters {
        let headline = &health.headline;
        let more = health.problems().count().saturating_sub(1);
        let first = health.problems().next();
        let problem = first.map_or_else(String::new, |finding| match more {
            0 => finding.code.to_string(),
            more => format!("{} +{more}", finding.code),
        });
        let lag = headline.worst_lag.as_ref();
        let row = [
            normal(headline.cluster.namespace.clone()),
            normal(headline.cluster.name.clone()),
            (health.verdict.to_string(), verdict_tone(health.verdict)),
            normal(match (&headline.primary, &headline.silent_primary) {
                (Some(primary), _) => primary.clone(),
                (None, Some(silent)) => format!("{silent} (no answer)"),
                (None, None) => String::new(),
            }),
            normal(format!("{}/{}", headline.streaming, headline.wanted)),
            normal(
                lag.map(|(_, behind)| behind_words(behind))
                    .unwrap_or_default(),
            ),
            normal(
                headline
                    .version
                    .map(words::server_version)
                    .unwrap_or_default(),
            ),
            normal(
                headline
                    .timeline
                    .map(|timeline| timeline.to_string())
                    .unwrap_or_default(),
            ),
            normal(problem),
        ];
        let context = context.map(|name| normal(name.to_owned()));
        table.row(context.into_iter().chain(row));
    }
    table.draw(screen) + "\n" + &fleet.rest(screen)
}
