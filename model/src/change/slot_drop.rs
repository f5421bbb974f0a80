//! Whether a replication slot may be dropped, and what that costs.

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::{
    DatabaseFacts, Instance, Role, SlotFacts, SlotKind, Snapshot, UnfinishedOperation, slot_name,
    words,
};

/// Which slot is to go, and what was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotDropRequest {
    /// Name of the slot.
    pub slot: String,
    /// Full name of the server's pod; none when it was not said.
    pub pod: Option<String>,
    /// Whether it was accepted that a standby of the cluster loses its slot.
    pub allow_slot_loss: bool,
}

/// Why there is nothing to propose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    /// No server that was asked has it.
    #[error("{}", match servers.as_slice() {
        [] => format!("whether there is a slot {slot:?} is not known: no database answers"),
        servers => format!("no slot is called {slot:?} on {}", servers.join(", ")),
    })]
    Unknown {
        /// What was typed.
        slot: String,
        /// The servers that were asked and answered.
        servers: Vec<String>,
        /// The slots that there are, by name.
        slots: Vec<String>,
        /// The servers that did not answer.
        silent: Vec<String>,
    },
    /// One server has one of this name and is not the primary, and others did not answer.
    #[error("{pod} has a slot {slot:?}; whether it is the one that is meant is not known")]
    Unsure {
        /// What was typed.
        slot: String,
        /// The pod that has one.
        pod: String,
        /// The servers that did not answer.
        silent: Vec<String>,
    },
    /// Several servers have one of this name, and the primary is none of them.
    #[error("{} have a slot {slot:?}: say which with --pod", pods.join(", "))]
    Several {
        /// What was typed.
        slot: String,
        /// Names of the pods that there are.
        pods: Vec<String>,
    },
}

/// The slot that is meant, with the pod of its server.
///
/// # Errors
/// When there is none, or several are as likely.
pub fn find_slot<'a>(
    snapshot: &'a Snapshot,
    request: &SlotDropRequest,
) -> Result<(&'a Instance, &'a SlotFacts), NoSlot> {
    let asked = |it: &&Instance| request.pod.as_ref().is_none_or(|pod| it.name() == pod);
    let servers: Vec<(&Instance, &DatabaseFacts)> = snapshot
        .instances
        .iter()
        .filter(asked)
        .filter_map(|it| Some((it, it.facts()?)))
        .collect();
    let slots = servers.iter().flat_map(|(instance, facts)| {
        let of_server = |slot| (*instance, slot);
        facts.slots.iter().map(of_server)
    });
    let found: Vec<_> = slots.filter(|(_, it)| it.name == request.slot).collect();
    let on_primary = found.iter().find(|(it, _)| it.role() == Role::Primary);
    let silent = snapshot.instances.iter().filter(asked);
    let silent = silent.filter(|it| it.facts().is_none());
    let mut silent: Vec<String> = silent.map(|it| it.name().to_owned()).collect();
    // It keeps its slots when its pod goes.
    let absent = snapshot.absent_primary().filter(|_| request.pod.is_none());
    silent.extend(absent.map(str::to_owned));
    match (on_primary, found.as_slice()) {
        (Some(one), _) => Ok(*one),
        (None, [one]) if silent.is_empty() => Ok(*one),
        (None, [(instance, _)]) => Err(NoSlot::Unsure {
            slot: request.slot.clone(),
            pod: instance.name().to_owned(),
            silent,
        }),
        (None, []) => Err(NoSlot::Unknown {
            slot: request.slot.clone(),
            servers: servers.iter().map(|(it, _)| it.name().to_owned()).collect(),
            slots: names(&servers),
            silent,
        }),
        (None, several) => Err(NoSlot::Several {
            slot: request.slot.clone(),
            pods: several.iter().map(|(it, _)| it.name().to_owned()).collect(),
        }),
    }
}

fn names(servers: &[(&Instance, &DatabaseFacts)]) -> Vec<String> {
    let slots = servers.iter().flat_map(|(_, facts)| &facts.slots);
    let mut names: Vec<String> = slots.map(|it| it.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// What dropping a slot would do, and what speaks against it.
///
/// # Errors
/// When it can't be made out which slot is meant.
pub fn propose_slot_drop(
    snapshot: &Snapshot,
    request: &SlotDropRequest,
    unfinished: Option<&UnfinishedOperation>,
) -> Result<ChangeProposal, NoSlot> {
    let (server, slot) = find_slot(snapshot, request)?;
    let pods = snapshot.instances.iter().map(|it| it.name().to_owned());
    let standby = pods
        .chain(snapshot.absent_pods())
        .find(|pod| slot.kind == SlotKind::Physical && slot_name(pod) == slot.name);
    let kind = kind_words(slot);
    Ok(ChangeProposal {
        title: format!("drop of {kind} {} on {}", slot.name, server.name()),
        identity: format!("{kind} {} on {}", slot.name, server.name()),
        wanted: snapshot.cluster.name.clone(),
        facts: vec![format!(
            "{} holds {} of WAL back on {}",
            slot.name,
            words::bytes(slot.retained_bytes),
            server.name()
        )],
        checks: vec![
            in_use(server, slot),
            price(server, slot, standby.as_deref(), request.allow_slot_loss),
            operation(slot, standby.as_deref(), unfinished),
        ],
        undo: Vec::new(),
    })
}

fn kind_words(slot: &SlotFacts) -> String {
    match &slot.kind {
        SlotKind::Physical => "physical slot".to_owned(),
        SlotKind::Logical {
            database, plugin, ..
        } => format!("logical slot (database {database}, plugin {plugin})"),
    }
}

fn in_use(server: &Instance, slot: &SlotFacts) -> ChangeCheck {
    const CHECK: &str = "in use";
    if slot.temporary {
        let reason =
            "it is temporary: it goes with the session that has made it, a base backup most often";
        return ChangeCheck::refuse(CHECK, reason).next("pgctl queries");
    }
    if !slot.active {
        return ChangeCheck::pass(CHECK, "nobody streams through it");
    }
    let senders = server.facts().map(|it| it.senders.as_slice());
    let user = senders
        .unwrap_or_default()
        .iter()
        .find(|it| it.slot.as_ref() == Some(&slot.name));
    let who = user.map_or_else(
        || "somebody streams through it".to_owned(),
        |it| format!("{} streams through it", it.application_name),
    );
    ChangeCheck::refuse(CHECK, who).next("see who it is, and stop that first: pgctl lag")
}

/// What is lost with it.
fn price(
    server: &Instance,
    slot: &SlotFacts,
    standby: Option<&str>,
    allow_slot_loss: bool,
) -> ChangeCheck {
    const CHECK: &str = "price";
    if let Some(reason) = slot.invalid_for_another_reason() {
        let reason = format!("nobody can use it any more ({reason}): nothing more is lost");
        return ChangeCheck::pass(CHECK, reason);
    }
    if slot.is_lost() {
        let reason = "the WAL that it was for is gone already: nothing more is lost";
        return ChangeCheck::pass(CHECK, reason);
    }
    if let SlotKind::Logical {
        database, failover, ..
    } = &slot.kind
    {
        let synced = if *failover {
            "; its copies on standbys go, too"
        } else {
            ""
        };
        let reason = format!(
            "it is a logical slot: whoever reads changes of the database {database} through it loses \
             his place, and has to copy everything anew{synced}"
        );
        return ChangeCheck::warn(CHECK, reason);
    }
    let Some(pod) = standby else {
        return ChangeCheck::pass(CHECK, "no pod of the cluster uses a slot of this name");
    };
    if pod == server.name() {
        let reason = "it is called like this server itself, which does not stream from itself";
        return ChangeCheck::pass(CHECK, reason);
    }
    let cost = match server.role() {
        Role::Primary => format!(
            "{pod} is to stream through it: without it the primary removes WAL that {pod} lacks, \
             and {pod} then needs a new copy of everything"
        ),
        Role::Standby | Role::Unknown => format!(
            "{pod} streams through it when {} becomes primary: without it {pod} may then need a \
             new copy of everything",
            server.name()
        ),
    };
    if allow_slot_loss {
        return ChangeCheck::warn(CHECK, cost);
    }
    ChangeCheck::refuse(CHECK, cost).next("add --allow-slot-loss when that is meant")
}

/// An operation makes slots before anybody streams through them.
fn operation(
    slot: &SlotFacts,
    standby: Option<&str>,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeCheck {
    const CHECK: &str = "operation";
    let Some(found) = unfinished else {
        return ChangeCheck::pass(CHECK, "no operation is unfinished");
    };
    let who = found.holder.as_ref().map_or_else(
        || "nobody runs it now".to_owned(),
        |holder| format!("{holder} runs it"),
    );
    let reason = format!("the {} has not ended ({who})", found.title);
    match (&slot.kind, standby) {
        (SlotKind::Physical, Some(_)) => ChangeCheck::refuse(
            CHECK,
            format!("{reason}, and it makes slots of standbys before they stream"),
        )
        .next(found.resume.clone()),
        _ => ChangeCheck::warn(CHECK, format!("{reason}; it does not need this slot")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Database, fixture};
    use crate::plan::CheckVerdict;

    fn request(slot: &str) -> SlotDropRequest {
        SlotDropRequest {
            slot: slot.to_owned(),
            pod: None,
            allow_slot_loss: false,
        }
    }

    fn verdicts(proposal: &ChangeProposal) -> Vec<CheckVerdict> {
        proposal.checks.iter().map(|it| it.verdict).collect()
    }

    const PASS: CheckVerdict = CheckVerdict::Pass;
    const WARN: CheckVerdict = CheckVerdict::Warn;
    const REFUSE: CheckVerdict = CheckVerdict::Refuse;

    /// The slot of replica-0, idle.
    fn idle() -> (Snapshot, String) {
        let mut snapshot = fixture::healthy(2);
        let slot = fixture::slot(&mut snapshot, 0);
        slot.active = false;
        let name = slot.name.clone();
        (snapshot, name)
    }

    fn left_over(snapshot: &mut Snapshot, kind: SlotKind) {
        let mut slot = fixture::slot(snapshot, 0).clone();
        slot.name = "left_over".to_owned();
        slot.active = false;
        slot.kind = kind;
        fixture::primary(snapshot).slots.push(slot);
    }

    #[test]
    fn a_slot_in_use_is_never_dropped() {
        let mut snapshot = fixture::healthy(2);
        let name = fixture::slot(&mut snapshot, 0).name.clone();
        let proposal = propose_slot_drop(&snapshot, &request(&name), None).expect("it is there");
        assert_eq!(proposal.checks[0].verdict, REFUSE);
        let allowed = SlotDropRequest {
            allow_slot_loss: true,
            ..request(&name)
        };
        let proposal = propose_slot_drop(&snapshot, &allowed, None).expect("it is there");
        assert!(proposal.is_refused());
    }

    #[test]
    fn a_standby_loses_its_slot_only_when_that_is_said() {
        let (snapshot, name) = idle();
        let proposal = propose_slot_drop(&snapshot, &request(&name), None).expect("it is there");
        assert_eq!(verdicts(&proposal), [PASS, REFUSE, PASS]);
        assert!(proposal.checks[1].reason.contains("needs a new copy"));
        let allowed = SlotDropRequest {
            allow_slot_loss: true,
            ..request(&name)
        };
        let proposal = propose_slot_drop(&snapshot, &allowed, None).expect("it is there");
        assert_eq!(verdicts(&proposal), [PASS, WARN, PASS]);
        assert_eq!(proposal.wanted, snapshot.cluster.name);
    }

    #[test]
    fn what_is_lost_already_costs_nothing() {
        let (mut snapshot, name) = idle();
        fixture::slot(&mut snapshot, 0).wal_status = Some("lost".to_owned());
        let proposal = propose_slot_drop(&snapshot, &request(&name), None).expect("it is there");
        assert_eq!(verdicts(&proposal), [PASS, PASS, PASS]);
        assert!(proposal.checks[1].reason.contains("WAL"));
        fixture::slot(&mut snapshot, 0).invalidation = Some("idle_timeout".to_owned());
        let proposal = propose_slot_drop(&snapshot, &request(&name), None).expect("it is there");
        assert_eq!(verdicts(&proposal), [PASS, PASS, PASS]);
        let reason = &proposal.checks[1].reason;
        assert!(reason.contains("(idle_timeout)") && !reason.contains("WAL"));
    }

    #[test]
    fn a_logical_slot_is_named_as_such() {
        let mut snapshot = fixture::healthy(1);
        let kind = SlotKind::Logical {
            database: "shop".to_owned(),
            plugin: "pgoutput".to_owned(),
            failover: false,
            synced: false,
        };
        left_over(&mut snapshot, kind);
        let proposal =
            propose_slot_drop(&snapshot, &request("left_over"), None).expect("it is there");
        assert_eq!(verdicts(&proposal), [PASS, WARN, PASS]);
        assert!(
            proposal
                .title
                .starts_with("drop of logical slot (database shop")
        );
    }

    #[test]
    fn the_slots_that_an_operation_makes_are_not_taken_from_it() {
        let unfinished = UnfinishedOperation {
            id: "failover-1".to_owned(),
            title: "switchover from a to b".to_owned(),
            holder: None,
            resume: "pgctl failover --resume".to_owned(),
            abort: None,
        };
        let (mut snapshot, name) = idle();
        left_over(&mut snapshot, SlotKind::Physical);
        let of = |slot: &str| {
            let request = SlotDropRequest {
                allow_slot_loss: true,
                ..request(slot)
            };
            propose_slot_drop(&snapshot, &request, Some(&unfinished)).expect("it is there")
        };
        assert_eq!(of(&name).checks[2].verdict, REFUSE);
        assert_eq!(verdicts(&of("left_over")), [PASS, PASS, WARN]);
    }

    #[test]
    fn one_on_a_standby_is_taken_for_the_one_that_is_meant_only_when_all_have_answered() {
        let mut snapshot = fixture::healthy(2);
        left_over(&mut snapshot, SlotKind::Physical);
        let slot = fixture::primary(&mut snapshot)
            .slots
            .pop()
            .expect("it was made");
        let of = |role| move |it: &&mut Instance| it.role() == role;
        let standby = snapshot.instances.iter_mut().find(of(Role::Standby));
        let standby = standby.expect("a standby");
        if let Database::Reached(facts) = &mut standby.database {
            facts.slots.push(slot);
        }
        let standby = standby.name().to_owned();
        let found = |snapshot: &Snapshot, pod: Option<&str>| {
            let request = SlotDropRequest {
                pod: pod.map(str::to_owned),
                ..request("left_over")
            };
            find_slot(snapshot, &request).map(|(it, _)| it.name().to_owned())
        };
        assert_eq!(found(&snapshot, None), Ok(standby.clone()));
        let primary = snapshot.instances.iter_mut().find(of(Role::Primary));
        let primary = primary.expect("a primary");
        primary.database = Database::Unreachable {
            reason: "no answer".to_owned(),
            alive: false,
        };
        let silent = vec![primary.name().to_owned()];
        let unsure = NoSlot::Unsure {
            slot: "left_over".to_owned(),
            pod: standby.clone(),
            silent,
        };
        assert_eq!(found(&snapshot, None), Err(unsure));
        assert_eq!(found(&snapshot, Some(&standby)), Ok(standby));
    }

    #[test]
    fn an_unknown_name_lists_what_there_is_and_who_was_not_asked() {
        let (mut snapshot, name) = idle();
        snapshot.instances[1].database = Database::NotRunning;
        let error = propose_slot_drop(&snapshot, &request("nosuch"), None).expect_err("unknown");
        let NoSlot::Unknown { slots, silent, .. } = error else {
            panic!("{error:?}");
        };
        assert!(slots.contains(&name));
        assert_eq!(silent, [snapshot.instances[1].name()]);
    }
}
