//! Planning the return of a former primary, and a new volume for a broken standby.

use super::steps::Steps;
use crate::cluster::{
    Component, Instance, NameError, Role, Snapshot, StatefulSetFacts, nearest, resolve_tail,
};
use crate::plan::common::{new_standby_checks, one_primary, start_script};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{Check, CheckName, OperationId, Plan, Refusal};

/// The checks of both, as they are worked out.
pub(super) struct Situation<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) pod: Option<String>,
    pub(super) decision: Decision<'a>,
}

impl<'a> Situation<'a> {
    pub(super) fn new(mut decision: Decision<'a>, snapshot: &'a Snapshot, given: &str) -> Self {
        let kind = decision.kind;
        let checks = &mut decision.checks;
        checks.extend([one_primary(snapshot), start_script(snapshot)]);
        checks.extend(new_standby_checks(snapshot));
        let pod = match resolve_tail(given, names(snapshot).iter().map(String::as_str)) {
            Ok(name) => {
                checks.push(Check::pass(CheckName::Target, format!("{name} is meant")));
                Some(name.to_owned())
            }
            Err(error) => {
                let check = Check::refuse(CheckName::Target, error.to_string());
                checks.push(match stray(snapshot, given, &error) {
                    Some(pod) => check.next(format!("pgctl {} {pod}", kind.command())),
                    None => check.next("pgctl status"),
                });
                None
            }
        };
        let mut situation = Self {
            snapshot,
            pod,
            decision,
        };
        situation.no_primary();
        situation
    }

    fn instance(&self) -> Option<&'a Instance> {
        self.snapshot.instance(self.pod.as_deref()?)
    }

    pub(super) fn volume(&self) -> Option<&'a crate::cluster::VolumeFacts> {
        let pod = self.pod.as_deref()?;
        self.snapshot.volumes.iter().find(|it| it.pod == pod)
    }

    /// It is not the primary itself, and it has a place to run.
    fn no_primary(&mut self) {
        let Some(pod) = self.pod.clone() else { return };
        let primary = self.instance().is_some_and(|it| it.role() == Role::Primary);
        if primary || self.snapshot.topology.primary == pod {
            self.decision.checks.push(
                Check::refuse(CheckName::Recovery, format!("{pod} is the primary"))
                    .next("pgctl failover first"),
            );
        }
        if let Some(set) = set_of(self.snapshot, &pod)
            && set.component == Component::Replica
            && (self.instance().is_none() || !set.keeps(&pod))
        {
            let check = Check::refuse(
                CheckName::Ready,
                format!(
                    "{pod} does not exist or is about to go: {} is scaled to {}",
                    set.name, set.wanted
                ),
            );
            self.decision.checks.push(match set.ordinal_of(&pod) {
                Some(ordinal) => check.next(format!("pgctl scale {}", ordinal + 1)),
                None => check.next("pgctl status"),
            });
        }
    }

    /// Whether an earlier pod of its name may still run.
    pub(super) fn earlier_pods(&mut self, vouched: bool) -> bool {
        let Some(pod) = self.pod.clone() else {
            return false;
        };
        let before = self.snapshot.owing_before(&pod);
        if before.is_empty() {
            return false;
        }
        let what = format!(
            "an earlier pod {pod} (UID {}) was primary, or was to be, and nobody has seen it end",
            before.join(", ")
        );
        let name = CheckName::OldPrimary;
        self.decision.checks.push(if vouched {
            Check::warn(
                name,
                format!("{what}; that it runs no more is taken from you"),
            )
        } else {
            Check::warn(name, format!("{what}: that stays to be proven")).next(format!(
                "when its machine is off: pgctl rejoin {pod} --accept-split-brain-risk"
            ))
        });
        true
    }

    /// Whether it streams from the primary.
    pub(super) fn follows(&self) -> bool {
        let primary = self.snapshot.primary().and_then(Instance::facts);
        let pod = self.pod.as_deref();
        primary.zip(pod).is_some_and(|(it, pod)| it.streams_to(pod))
    }

    pub(super) fn not_following_yet(&mut self, clone: bool) {
        let (Some(pod), Some(primary)) = (self.pod.clone(), self.snapshot.primary()) else {
            return;
        };
        let follows = self.follows();
        self.decision.checks.push(if follows && !clone {
            Check::refuse(
                CheckName::Streaming,
                format!("{pod} streams from {} already", primary.name()),
            )
            .next(format!(
                "nothing is left to do; to copy its data anew all the same: pgctl rejoin {pod} --clone"
            ))
        } else {
            Check::pass(CheckName::Streaming, format!("{pod} does not stream"))
        });
    }

    pub(super) fn rewindable(&mut self) {
        let able = self
            .snapshot
            .primary()
            .and_then(Instance::facts)
            .is_some_and(|facts| facts.settings.rewindable);
        self.decision.checks.push(if able {
            Check::pass(CheckName::Rewind, "pg_rewind can work")
        } else {
            Check::refuse(
                CheckName::Rewind,
                "pg_rewind can't work: neither wal_log_hints nor data checksums are on",
            )
            .next("--clone")
        });
    }

    pub(super) fn plan(
        self,
        propose: impl FnOnce(&Steps<'a>, &OperationId) -> Proposal,
    ) -> Result<Plan, Refusal> {
        let (snapshot, pod) = (self.snapshot, self.pod);
        self.decision.conclude(|id| {
            let pod = pod?;
            let steps = Steps {
                snapshot,
                primary: snapshot.primary()?,
                set: set_of(snapshot, &pod)?,
                pod,
            };
            Some(propose(&steps, id))
        })
    }
}

/// Which pod was probably meant, of those that do not follow the primary: nobody's healthy data is to be given up
/// for a typo.
fn stray(snapshot: &Snapshot, given: &str, error: &NameError) -> Option<String> {
    let (NameError::Unknown { candidates, .. } | NameError::Ambiguous { candidates, .. }) = error;
    let primary = snapshot.primary()?;
    let follows = |pod: &str| primary.facts().is_some_and(|it| it.streams_to(pod));
    let astray = candidates.iter().map(String::as_str);
    let astray = astray.filter(|pod| *pod != primary.name() && !follows(pod));
    nearest(given, astray).map(str::to_owned)
}

/// Every pod that there is, was (its claim tells), or could be (pod 0 of the primary StatefulSet).
fn names(snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = snapshot
        .instances
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    let others = snapshot.volumes.iter().map(|it| it.pod.clone()).chain(
        snapshot
            .stateful_set(Component::Primary)
            .map(|set| format!("{}-0", set.name)),
    );
    for name in others {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn set_of<'a>(snapshot: &'a Snapshot, pod: &str) -> Option<&'a StatefulSetFacts> {
    let mut sets = snapshot.stateful_sets.iter();
    sets.find(|it| it.ordinal_of(pod).is_some())
}
