//! For any cluster and any request: a refusal, or a plan that keeps the primary and its standbys.

use proptest::prelude::*;

use super::super::simulation::{Model, simulate};
use super::super::{
    AutoscaleRequest, AutoscalerPolicy, Circumstances, ORIGINAL_MINIMUM, Plan, ScaleRequest,
    SynchronousRequest, plan_autoscale, plan_scale, plan_synchronous,
};
use super::shape::moved_to_replica_0;
use crate::cluster::fixture::{facts, healthy, now, replica};
use crate::cluster::{Component, Snapshot, VolumeFacts, slot_name};

#[derive(Debug, Clone)]
struct Scenario {
    standbys: u32,
    moved: bool,
    bounds: Option<(u32, u32)>,
    raised_from: Option<u32>,
    wanted_synchronous: u32,
    left_over: Vec<u32>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (
        0..6_u32,
        any::<bool>(),
        prop::option::of((1..6_u32, 1..6_u32)),
        prop::option::of(1..4_u32),
        0..4_u32,
        prop::collection::vec(0..8_u32, 0..3),
    )
        .prop_map(
            |(standbys, moved, bounds, raised_from, wanted_synchronous, left_over)| Scenario {
                standbys,
                moved,
                bounds: bounds.map(|(a, b)| (a.min(b), a.max(b))),
                raised_from,
                wanted_synchronous,
                left_over,
            },
        )
}

fn snapshot_of(scenario: &Scenario) -> Snapshot {
    let mut snapshot = match scenario.moved {
        true => moved_to_replica_0(),
        false => healthy(scenario.standbys),
    };
    match (scenario.bounds, &mut snapshot.autoscaler) {
        (Some((min, max)), Some(autoscaler)) => {
            (autoscaler.min, autoscaler.max) = (min, max);
            if let Some(before) = scenario.raised_from {
                autoscaler
                    .annotations
                    .insert(ORIGINAL_MINIMUM.into(), before.to_string());
            }
        }
        _ => snapshot.autoscaler = None,
    }
    for ordinal in &scenario.left_over {
        let pod = replica(*ordinal);
        if snapshot.volumes.iter().all(|it| it.pod != pod) {
            snapshot.volumes.push(VolumeFacts {
                claim: format!("data-{pod}"),
                pod,
                component: Component::Replica,
                in_use: false,
                phase: "Bound".into(),
                capacity_bytes: None,
                created: None,
                uid: None,
                deleting_since: None,
                storage_class: None,
            });
        }
    }
    // As it is after `pgctl sync set`, when that was possible.
    let request = SynchronousRequest {
        standbys: scenario.wanted_synchronous,
    };
    if let Ok(plan) = plan_synchronous(&snapshot, &request, &Circumstances::default(), now()) {
        snapshot.topology.synchronous = Some(scenario.wanted_synchronous);
        let mut model = Model::of(&snapshot);
        assert_eq!(simulate(&plan, &mut model, &mut |_: &mut Model| {}), Ok(()));
        let primary = snapshot.primary().map(|it| it.name().to_owned());
        if let Some(pod) = primary {
            let names = model.synchronous[&pod].clone();
            facts(&mut snapshot, &pod)
                .settings
                .synchronous_standby_names = names;
        }
    }
    snapshot
}

/// What holds after any of these plans.
fn check(plan: &Plan, snapshot: &Snapshot) -> Result<Model, TestCaseError> {
    let mut model = Model::of(snapshot);
    let primary = snapshot.primary().map(|it| it.name().to_owned());
    let ended = simulate(plan, &mut model, &mut |_: &mut Model| {});
    prop_assert_eq!(ended, Ok(()), "{:#?}", plan.steps);
    model.settle();
    // The autoscaler takes what it may, and still the primary is there.
    let mut scaled = model.clone();
    if snapshot.primary().is_some_and(|it| {
        it.pod.component == Component::Primary
            || snapshot
                .autoscaler
                .as_ref()
                .is_none_or(|autoscaler| autoscaler.min > it.pod.ordinal)
    }) {
        scaled.scale_down();
    }
    for model in [&model, &scaled] {
        let writable: Vec<String> = model.writable().into_iter().map(str::to_owned).collect();
        prop_assert_eq!(writable, primary.clone().into_iter().collect::<Vec<_>>());
        // Enough standbys are left to confirm commits.
        if let (Some(count), Some(primary)) = (model.wanted_synchronous, &primary) {
            let names = &model.synchronous[primary];
            let confirm = model
                .pods
                .iter()
                .filter(|(name, pod)| pod.uid.is_some() && names.contains(&format!("\"{name}\"")))
                .count();
            prop_assert!(confirm >= count as usize, "{}: {:#?}", names, plan.steps);
            prop_assert!(!names.contains(&format!("\"{primary}\"")), "{}", names);
        }
    }
    Ok(model)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn scaling_keeps_the_primary_and_leaves_no_slot(
        scenario in scenario(),
        replicas in 0..8_u32,
        way in prop::option::of(prop_oneof![Just(AutoscalerPolicy::Pin), Just(AutoscalerPolicy::Permanent), Just(AutoscalerPolicy::Temporary)]),
        delete_volumes: bool,
    ) {
        let snapshot = snapshot_of(&scenario);
        let request = ScaleRequest {
            replicas,
            way,
            wait: true,
            delete_volumes,
            max_lag_bytes: 0,
            timeout_seconds: 60,
        };
        let Ok(plan) = plan_scale(&snapshot, &request, &Circumstances::default(), now()) else {
            return Ok(());
        };
        let model = check(&plan, &snapshot)?;
        let primary = snapshot.primary().map(|it| it.name().to_owned()).unwrap_or_default();
        let pods = model.pods.values().filter(|pod| pod.component == Component::Replica);
        prop_assert_eq!(pods.filter(|pod| pod.uid.is_some()).count(), replicas as usize);
        for ordinal in replicas..10 {
            prop_assert!(!model.pods[&primary].slots.contains(&slot_name(&replica(ordinal))));
        }
        if let (Some((min, max)), Some(AutoscalerPolicy::Pin | AutoscalerPolicy::Permanent)) = (model.autoscaler, way) {
            prop_assert!(min <= replicas && replicas <= max);
        }
    }

    #[test]
    fn the_autoscaler_can_never_be_told_to_delete_the_primary(
        scenario in scenario(),
        request in prop_oneof![
            (prop::option::of(0..7_u32), prop::option::of(0..12_u32)).prop_map(|(min, max)| {
                AutoscaleRequest::Set { min, max, cpu: None, memory: None }
            }),
            Just(AutoscaleRequest::Pause),
            Just(AutoscaleRequest::Resume),
        ],
    ) {
        let snapshot = snapshot_of(&scenario);
        if let Ok(plan) = plan_autoscale(&snapshot, &request, &Circumstances::default(), now()) {
            let model = check(&plan, &snapshot)?;
            let (min, max) = model.autoscaler.expect("an autoscaler");
            prop_assert!(1 <= min && min <= max);
            if let Some(primary) = snapshot.primary()
                && primary.pod.component == Component::Replica
            {
                prop_assert!(primary.pod.ordinal < min);
            }
        }
    }
}
