//! For any snapshot: a refusal, or a plan that breaks nothing.

use proptest::prelude::*;

use super::super::simulation::{Model, simulate};
use super::super::{Circumstances, FailoverRequest, plan_failover};
use super::shape::moved_to_replica_0;
use crate::cluster::fixture::{PRIMARY, healthy, now, replica, stop};
use crate::cluster::{ContainerState, Database, Lsn, Snapshot, TerminationRecord, Timeline};

/// What may be wrong with one instance.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Unreachable,
    OutOfReach,
    NodeLost,
    StuckTerminating,
    Terminated,
    Gone,
    Promoted,
    Paused,
    Timeline(u32),
    Position(u64),
    NotReady,
    NotStreaming,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        8 => Just(Damage::None),
        1 => Just(Damage::Unreachable),
        1 => Just(Damage::OutOfReach),
        1 => Just(Damage::NodeLost),
        1 => Just(Damage::StuckTerminating),
        1 => Just(Damage::Terminated),
        1 => Just(Damage::Gone),
        1 => Just(Damage::Promoted),
        1 => Just(Damage::Paused),
        1 => (1..4_u32).prop_map(Damage::Timeline),
        2 => (0x0900_0000..0x0A00_0060_u64).prop_map(Damage::Position),
        1 => Just(Damage::NotReady),
        1 => Just(Damage::NotStreaming),
    ]
}

fn apply(snapshot: &mut Snapshot, pod: &str, damage: &Damage) {
    let running = ContainerState::Running { since: None };
    if snapshot.instance(pod).is_none() {
        return;
    }
    match damage {
        Damage::Gone => {
            snapshot.instances.retain(|it| it.name() != pod);
            for volume in &mut snapshot.volumes {
                volume.in_use &= volume.pod != pod;
            }
            return;
        }
        Damage::Terminated => {
            let record = TerminationRecord {
                exit_code: 1,
                reason: None,
                finished: None,
                decision: None,
            };
            stop(snapshot, pod, ContainerState::Terminated(record));
            return;
        }
        _ => {}
    }
    let Some(it) = snapshot.instances.iter_mut().find(|it| it.name() == pod) else {
        return;
    };
    let unreachable = Database::Unreachable {
        reason: "no answer".into(),
        alive: false,
    };
    match damage {
        Damage::None | Damage::Gone | Damage::Terminated => {}
        Damage::Unreachable => {
            it.database = unreachable;
            it.pod.ready = false;
        }
        Damage::NodeLost => {
            it.database = unreachable;
            it.pod.node_ready = Some(false);
            it.pod.ready = false;
        }
        Damage::OutOfReach => it.database = unreachable,
        Damage::StuckTerminating => {
            it.database = unreachable;
            it.pod.container = running;
            it.pod.deleting_since = Some(now());
            it.pod.node_ready = Some(false);
        }
        Damage::NotReady => it.pod.ready = false,
        Damage::Promoted => {
            if let Database::Reached(facts) = &mut it.database {
                facts.recovery = None;
            }
        }
        Damage::Timeline(line) => {
            if let Database::Reached(facts) = &mut it.database {
                facts.timeline = Timeline(*line);
            }
        }
        Damage::Paused | Damage::Position(_) | Damage::NotStreaming => {
            if let Database::Reached(facts) = &mut it.database
                && let Some(recovery) = &mut facts.recovery
            {
                match damage {
                    Damage::Paused => recovery.replay_paused = true,
                    Damage::NotStreaming => recovery.receiver = None,
                    Damage::Position(at) => {
                        recovery.receive_lsn = Some(Lsn::new(*at));
                        recovery.replay_lsn = Some(Lsn::new(*at));
                    }
                    _ => {}
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_refusal_or_a_plan_that_ends_with_one_primary(
        moved: bool,
        damages in prop::collection::vec(damage(), 6),
        bounds in (1..6_u32, 1..6_u32),
        target in prop::option::of(0..6_usize),
        rejoin: bool,
        blind: bool,
        deaf: bool,
        strikes in prop::collection::vec(0..20_usize, 80),
        owing in prop::option::weighted(0.2, 0..4_usize),
    ) {
        let mut snapshot = if moved { moved_to_replica_0() } else { healthy(3) };
        let names: Vec<String> = std::iter::once(PRIMARY.to_owned()).chain((0..5).map(replica)).collect();
        for (name, damage) in names.iter().zip(&damages) {
            apply(&mut snapshot, name, damage);
        }
        if let Some(autoscaler) = &mut snapshot.autoscaler {
            (autoscaler.min, autoscaler.max) = (bounds.0.min(bounds.1), bounds.0.max(bounds.1));
        }
        if deaf {
            for it in &mut snapshot.instances {
                if let Database::Reached(facts) = &mut it.database
                    && let Some(recovery) = &mut facts.recovery
                {
                    recovery.receiver = None;
                }
            }
        }
        // An earlier operation has not proven the end of this one.
        if let Some(name) = owing.map(|index| &names[index])
            && let Some(uid) = snapshot.instance(name).map(|it| it.pod.uid.clone())
        {
            snapshot.topology.unproven.insert(name.clone(), vec![uid]);
        }
        let request = FailoverRequest {
            blind,
            to: target.map(|index| names[index].clone()),
            rejoin,
            ..FailoverRequest::default()
        };
        let plan = match plan_failover(&snapshot, &request, &Circumstances::default(), now()) {
            Ok(plan) => plan,
            Err(refusal) => {
                for check in refusal.reasons() {
                    prop_assert!(check.next.is_some(), "no word of what to do: {check:?}");
                }
                return Ok(());
            }
        };
        // One that is known to be alive is no dead one.
        if !plan.is_blind() {
            let calm = simulate(&plan, &mut Model::of(&snapshot), &mut |_: &mut Model| {});
            prop_assert_eq!(calm, Ok(()), "{:#?}", plan.steps);
        }

        // Who does not answer may be alive and taking writes: none of them is lost silently.
        let mut writing = |model: &mut Model| model.clients_write();
        if let Err(broken) = simulate(&plan, &mut Model::alive(&snapshot), &mut writing) {
            for what in broken {
                prop_assert!(!what.contains("accept writes"), "{}: {:#?}", what, plan.steps);
                prop_assert!(!what.contains("without all"), "{}: {:#?}", what, plan.steps);
            }
        }

        // Containers crash and the autoscaler scales between the steps: the plan may then not get
        // through, but never are there two primaries.
        // Whoever is, or was to be, primary is deleted at any moment, is slow to stop or to start, or
        // is taken away by force.
        let meant = snapshot.primary().map_or(&snapshot.topology.primary, |it| &it.pod.name).clone();
        let known = snapshot.instance(&meant).is_some();
        let mut strikes = strikes.into_iter();
        let mut hostile = |model: &mut Model| match strikes.next() {
            Some(index) if index < names.len() => model.crash(&names[index]),
            Some(6) => model.scale_down(),
            Some(7) => model.replace(&meant),
            Some(8) => model.replace_slowly(&meant),
            Some(9) => model.wake(),
            Some(10) => model.linger(&meant),
            // Of one that comes and is taken away by force before the fence nobody can know.
            Some(11) if known => model.vanish(&meant),
            Some(12) => model.replace(PRIMARY),
            Some(13) => model.replace_slowly(PRIMARY),
            _ => {}
        };
        let mut model = Model::of(&snapshot);
        if let Err(broken) = simulate(&plan, &mut model, &mut hostile) {
            for what in broken {
                prop_assert!(!what.contains("accept writes"), "{}: {:#?}", what, plan.steps);
                prop_assert!(!what.contains("forgotten"), "{}: {:#?}", what, plan.steps);
                prop_assert!(!what.contains("before the fence"), "{}", what);
                prop_assert!(!what.contains("without all"), "{}", what);
                prop_assert!(!what.contains("may delete"), "{}", what);
            }
        }
    }
}
