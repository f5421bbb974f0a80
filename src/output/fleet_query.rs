//! `pgctl query -A`: the rows of the servers of many clusters, side by side.

use super::answers::role_word;
use super::fleet::FleetView;
use super::query::{Part, csv, tables};
use super::screen::Screen;
use crate::cluster::{ClusterId, PodAnswer, QueryAnswer, answered};
use crate::failure::Failure;

/// What the servers of a cluster have answered to a statement.
#[derive(Debug, Clone)]
pub struct ClusterAnswers {
    /// Namespace and name of the cluster.
    pub cluster: ClusterId,
    /// Of each server that was meant; or why nobody can say which are.
    pub answers: Result<Vec<PodAnswer<QueryAnswer>>, Failure>,
}

/// All answers as one table, with cluster and pod before each row; as a list of values when a row is wider
/// than the screen. `with_roles`: whether it is said what each server is.
pub fn fleet_query_screen(
    fleet: &FleetView<'_, &ClusterAnswers>,
    with_roles: bool,
    screen: &Screen,
) -> String {
    let titles = titles(fleet, with_roles);
    tables(&titles, parts(fleet, with_roles), screen)
}

/// All answers as CSV, as that of one cluster.
pub fn fleet_query_csv(
    fleet: &FleetView<'_, &ClusterAnswers>,
    with_roles: bool,
    screen: &Screen,
) -> String {
    let titles = titles(fleet, with_roles);
    csv(&titles, &parts(fleet, with_roles), screen)
}

fn titles(fleet: &FleetView<'_, &ClusterAnswers>, with_roles: bool) -> Vec<&'static str> {
    let context = fleet.has_contexts().then_some("CONTEXT");
    let role = with_roles.then_some("ROLE");
    let place = ["NAMESPACE", "CLUSTER", "POD"];
    context.into_iter().chain(place).chain(role).collect()
}

fn parts<'a>(fleet: &FleetView<'a, &'a ClusterAnswers>, with_roles: bool) -> Vec<Part<'a>> {
    let of_cluster = |(context, it): &(Option<&str>, &'a ClusterAnswers)| {
        let answers = it.answers.as_deref().unwrap_or_default();
        let cluster = &it.cluster;
        let part = |(who, answer): (&'a PodAnswer<QueryAnswer>, &'a QueryAnswer)| {
            let place = [&cluster.namespace, &cluster.name, &who.pod].map(String::clone);
            let role = with_roles.then(|| role_word(who.role).to_owned());
            let context = context.map(str::to_owned);
            Part {
                name: match &context {
                    Some(context) => format!("{context}: {cluster}, {}", who.pod),
                    None => format!("{cluster}, {}", who.pod),
                },
                before: context.into_iter().chain(place).chain(role).collect(),
                answer,
            }
        };
        answered(answers).map(part).collect::<Vec<_>>()
    };
    fleet.clusters.iter().flat_map(of_cluster).collect()
}
