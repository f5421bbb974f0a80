//! A death at every call while standbys, the autoscaler or synchronous replication change.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::{Ending, Process, Shared, fresh, go_on, lock, start};
use crate::cluster::fixture::{PRIMARY, facts, healthy, now};
use crate::cluster::{Component, Snapshot};
use crate::plan::{
    AutoscaleRequest, AutoscalerPolicy, Circumstances, Plan, Refusal, ScaleRequest,
    SynchronousRequest, plan_autoscale, plan_scale, plan_synchronous,
};

/// What these plans change.
#[derive(Debug, PartialEq)]
struct State {
    pods: usize,
    bounds: Option<(u32, u32)>,
    names: String,
    wanted_synchronous: Option<u32>,
}

fn state(shared: &Mutex<Shared>, context: &str) -> State {
    let mut shared = lock(shared);
    shared.model.settle();
    let model = &shared.model;
    assert_eq!(model.violations, Vec::<String>::new(), "{context}");
    assert_eq!(model.writable(), [PRIMARY], "{context}");
    let replicas = model
        .pods
        .values()
        .filter(|pod| pod.component == Component::Replica && pod.uid.is_some());
    State {
        pods: replicas.count(),
        bounds: model.autoscaler,
        names: model.synchronous.get(PRIMARY).cloned().unwrap_or_default(),
        wanted_synchronous: model.wanted_synchronous,
    }
}

fn planned(result: Result<Plan, Refusal>) -> Plan {
    result.unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn scaled(snapshot: &Snapshot, replicas: u32, delete_volumes: bool) -> Plan {
    let request = ScaleRequest {
        replicas,
        way: Some(AutoscalerPolicy::Permanent),
        wait: true,
        delete_volumes,
        max_lag_bytes: 0,
        timeout_seconds: 60,
    };
    planned(plan_scale(
        snapshot,
        &request,
        &Circumstances::default(),
        now(),
    ))
}

/// Commits wait for one of the standbys that stay.
fn synchronous(standbys: u32) -> Snapshot {
    let mut snapshot = healthy(standbys);
    snapshot.topology.synchronous = Some(1);
    let request = SynchronousRequest { standbys: 1 };
    let plan = plan_synchronous(&snapshot, &request, &Circumstances::default(), now());
    for step in planned(plan).steps {
        if let crate::plan::Action::SetSynchronous { pod, names } = step.action {
            facts(&mut snapshot, &pod)
                .settings
                .synchronous_standby_names = names;
        }
    }
    snapshot
}

/// Each change with the cluster that it begins on.
fn changes() -> Vec<(Snapshot, Plan)> {
    let circumstances = Circumstances::default();
    let up = synchronous(2);
    let mut down = synchronous(4);
    if let Some(autoscaler) = &mut down.autoscaler {
        autoscaler.min = 3;
    }
    let plain = healthy(3);
    let request = AutoscaleRequest::Set {
        min: Some(1),
        max: Some(7),
        cpu: Some(50),
        memory: None,
    };
    let set = planned(plan_autoscale(&plain, &request, &circumstances, now()));
    let two = SynchronousRequest { standbys: 2 };
    let sync = planned(plan_synchronous(&plain, &two, &circumstances, now()));
    vec![
        (up.clone(), scaled(&up, 4, false)),
        (down.clone(), scaled(&down, 2, false)),
        (down.clone(), scaled(&down, 2, true)),
        (plain.clone(), set),
        (plain, sync),
    ]
}

#[tokio::test]
async fn a_death_at_any_call_leaves_what_resume_finishes_and_abort_puts_back() {
    for (snapshot, plan) in changes() {
        let before = state(&fresh(&snapshot), "before");
        let shared = fresh(&snapshot);
        assert_eq!(
            start(&Process::new(&shared, None), &plan).await,
            Ending::Done
        );
        let after = state(&shared, "undisturbed");
        assert_ne!(before, after, "{}", plan.operation);
        let mut cells = 0;
        for call in 0.. {
            let mut ended = false;
            for (takes_effect, back) in [(false, false), (false, true), (true, false), (true, true)]
            {
                let context = format!(
                    "{}: call {call}, effect {takes_effect}, back {back}",
                    plan.operation
                );
                let shared = fresh(&snapshot);
                let process = Process::new(&shared, Some((call, takes_effect)));
                let ending = start(&process, &plan).await;
                if !process.dead.load(Ordering::Relaxed) {
                    assert_eq!(ending, Ending::Done, "{context}");
                    ended = true;
                    continue;
                }
                cells += 1;
                let expected = match go_on(&shared, back).await {
                    // It died before anything was journaled.
                    None => &before,
                    Some(Ending::Done) => &after,
                    Some(Ending::RolledBack { .. }) => {
                        assert!(back, "{context}");
                        &before
                    }
                    Some(Ending::Replaced { reason }) => panic!("{context}: {reason}"),
                    Some(Ending::Paused { before }) => panic!("{context}: paused before {before}"),
                    Some(Ending::Incomplete { reason, .. }) => {
                        assert!(back, "{context}: {reason}");
                        let finished = go_on(&shared, false).await;
                        assert_eq!(finished, Some(Ending::Done), "{context}");
                        &after
                    }
                };
                assert_eq!(state(&shared, &context), *expected, "{context}");
            }
            if ended {
                break;
            }
        }
        assert!(cells > 20, "only {cells} cells");
    }
}
