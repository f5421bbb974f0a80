//! Which pod to take a backup from: pure.

use std::fmt;

use crate::cluster::{HeldUp, Instance, Role, Snapshot};

/// A standby further behind than this is not taken without being named: 64 MiB of WAL, a few
/// seconds of heavy writing.
const MOST_BEHIND: u64 = 64 << 20;

/// `--from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceChoice {
    /// A standby where that is safe, else the primary.
    Any,
    /// The primary.
    Primary,
    /// A standby, or nothing.
    Replica,
    /// This pod, in full or by the end of its name.
    Pod(String),
}

impl std::str::FromStr for SourceChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "primary" => Self::Primary,
            "replica" | "standby" => Self::Replica,
            pod => Self::Pod(pod.to_owned()),
        })
    }
}

/// The pod that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenSource {
    /// Name of the pod whose server is dumped or copied.
    pub pod: String,
    /// `primary` or `standby`.
    pub role: &'static str,
    /// Why it and no other, for people.
    pub why: String,
}

/// There is no pod to take a backup from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSource {
    /// Each pod that was looked at, and why not.
    pub reasons: Vec<String>,
}

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no pod to take the backup from: ")?;
        f.write_str(&self.reasons.join("; "))
    }
}

impl std::error::Error for NoSource {}

/// Chooses.
///
/// # Errors
/// When nothing fits; each reason names its pod.
pub fn choose_source(snapshot: &Snapshot, from: &SourceChoice) -> Result<ChosenSource, NoSource> {
    match from {
        SourceChoice::Pod(given) => named(snapshot, given),
        SourceChoice::Primary => primary(snapshot, "as asked"),
        SourceChoice::Replica => {
            standby(snapshot, "as asked").map_err(|reasons| NoSource { reasons })
        }
        SourceChoice::Any => {
            standby(snapshot, "so that the primary is spared").or_else(|reasons| {
                let why = format!("no standby is fit: {}", reasons.join("; "));
                primary(snapshot, &why).map_err(|mut none| {
                    none.reasons.extend(reasons);
                    none
                })
            })
        }
    }
}

fn named(snapshot: &Snapshot, given: &str) -> Result<ChosenSource, NoSource> {
    let none = |reason: String| NoSource {
        reasons: vec![reason],
    };
    let instance = snapshot
        .resolve(given)
        .map_err(|error| none(error.to_string()))?;
    let role = match instance.role() {
        Role::Primary => "primary",
        Role::Standby => "standby",
        Role::Unknown => {
            return Err(none(format!(
                "{}: its database does not answer",
                instance.name()
            )));
        }
    };
    Ok(ChosenSource {
        pod: instance.name().to_owned(),
        role,
        why: "as asked".to_owned(),
    })
}

fn primary(snapshot: &Snapshot, why: &str) -> Result<ChosenSource, NoSource> {
    let primaries: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] => Ok(ChosenSource {
            pod: (*one).to_owned(),
            role: "primary",
            why: why.to_owned(),
        }),
        [] => Err(NoSource {
            reasons: vec!["no pod is a primary that answers".to_owned()],
        }),
        several => Err(NoSource {
            reasons: vec![format!(
                "several pods accept writes ({}): name one, after finding out which is right",
                several.join(", ")
            )],
        }),
    }
}

/// The standby that is the least behind.
fn standby(snapshot: &Snapshot, why: &str) -> Result<ChosenSource, Vec<String>> {
    let mut reasons = Vec::new();
    let mut fit = Vec::new();
    for instance in snapshot.standbys() {
        match behind(snapshot, instance) {
            Ok(bytes) => fit.push((bytes, instance.name())),
            Err(reason) => reasons.push(format!("{}: {reason}", instance.name())),
        }
    }
    match fit.into_iter().min() {
        Some((_, pod)) => Ok(ChosenSource {
            pod: pod.to_owned(),
            role: "standby",
            why: why.to_owned(),
        }),
        None if reasons.is_empty() => Err(vec!["no standby answers".to_owned()]),
        None => Err(reasons),
    }
}

/// How many bytes a standby is behind, or why it is not fit.
fn behind(snapshot: &Snapshot, instance: &Instance) -> Result<u64, String> {
    let facts = instance.facts().ok_or("its database does not answer")?;
    let recovery = facts.recovery.as_ref().ok_or("it is no standby")?;
    let primary = snapshot.primary().and_then(Instance::facts);
    if instance.pod.deleting_since.is_some() {
        return Err("its pod is terminating".to_owned());
    }
    match recovery.held_up() {
        // What it has not replayed is counted below.
        None | Some(HeldUp::Conflict(_)) => {}
        Some(HeldUp::Paused) => return Err("its replay is paused".to_owned()),
        Some(late @ HeldUp::Delayed(_)) => return Err(late.to_string()),
    }
    let streams = recovery
        .receiver
        .as_ref()
        .is_some_and(|receiver| receiver.is_streaming());
    if !streams {
        return Err("it does not stream".to_owned());
    }
    let Some(primary) = primary else {
        // Nobody can say how old it is.
        return Err("there is no primary to compare it with".to_owned());
    };
    if primary.system_identifier != facts.system_identifier {
        return Err("it belongs to another cluster".to_owned());
    }
    if primary.timeline != facts.timeline {
        return Err(format!(
            "it is on timeline {} and the primary on {}",
            facts.timeline, primary.timeline
        ));
    }
    let replayed = recovery.replay_lsn.ok_or("it has replayed nothing")?;
    let bytes = primary.insert_lsn.bytes_since(replayed);
    if bytes > MOST_BEHIND {
        return Err(format!("it is {bytes} bytes behind"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture;
    use crate::cluster::{Database, Lsn};

    fn recovery(snapshot: &mut Snapshot, index: usize) -> &mut crate::cluster::RecoveryFacts {
        match &mut snapshot.instances[index].database {
            Database::Reached(facts) => facts.recovery.as_mut().expect("a standby"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_standby_is_taken_by_default_the_one_least_behind() {
        let mut snapshot = fixture::healthy(2);
        recovery(&mut snapshot, 1).replay_lsn = Some(Lsn::new(fixture::POSITION.bytes() - 100));
        let choice = choose_source(&snapshot, &SourceChoice::Any).expect("there are two");
        assert_eq!(choice.pod, snapshot.instances[2].name());
        assert_eq!(choice.role, "standby");
    }

    #[test]
    fn the_primary_when_no_standby_is_fit_and_it_is_said_why() {
        let mut snapshot = fixture::healthy(2);
        recovery(&mut snapshot, 1).replay_paused = true;
        recovery(&mut snapshot, 2).receiver = None;
        let choice = choose_source(&snapshot, &SourceChoice::Any).expect("the primary is there");
        assert_eq!(choice.role, "primary");
        assert!(
            choice.why.contains("paused") && choice.why.contains("does not stream"),
            "{}",
            choice.why
        );
        let none = choose_source(&snapshot, &SourceChoice::Replica).expect_err("none is fit");
        assert_eq!(none.reasons.len(), 2);
    }

    #[test]
    fn a_standby_far_behind_only_by_name() {
        let mut snapshot = fixture::healthy(1);
        recovery(&mut snapshot, 1).replay_lsn = Some(Lsn::new(0));
        assert_eq!(
            choose_source(&snapshot, &SourceChoice::Any).map(|choice| choice.role),
            Ok("primary")
        );
        let named = choose_source(&snapshot, &SourceChoice::Pod("replica-0".to_owned()));
        assert_eq!(named.map(|choice| choice.role), Ok("standby"));
    }

    #[test]
    fn two_primaries_are_nobody_to_trust() {
        let mut snapshot = fixture::healthy(1);
        match &mut snapshot.instances[1].database {
            Database::Reached(facts) => facts.recovery = None,
            other => panic!("{other:?}"),
        }
        let none = choose_source(&snapshot, &SourceChoice::Any).expect_err("split brain");
        assert!(
            none.to_string().contains("several pods accept writes"),
            "{none}"
        );
    }

    #[test]
    fn an_unknown_pod_is_an_error_with_the_candidates() {
        let none = choose_source(
            &fixture::healthy(1),
            &SourceChoice::Pod("replica-9".to_owned()),
        )
        .expect_err("unknown");
        assert!(none.to_string().contains("replica-0"), "{none}");
    }
}
