//! Steps that plans of several kinds have.

use super::selector::{read_selector, remembered_selector};
use crate::cluster::{Component, ServicePurpose, Snapshot, slot_name};
use crate::plan::language::{Action, Condition, PodRef, Step, StepName, original_minimum};

/// Takes the finalizer off pods that have ended.
pub(crate) fn release_records(pods: Vec<PodRef>) -> Option<Step> {
    let action = Action::ReleaseRecords { pods: pods.clone() };
    let released = Condition::RecordsReleased { pods: pods.clone() };
    (!pods.is_empty()).then(|| {
        Step::new(StepName::ReleaseOthers, action, released)
            .timeout(60)
            .reported()
    })
}

/// Takes out of the topology whose end was proven.
pub(crate) fn settle_proofs(config_map: &str, pods: Vec<String>) -> Option<Step> {
    let config_map = config_map.to_owned();
    (!pods.is_empty()).then(|| {
        Step::new(
            StepName::SettleProofs,
            Action::SettleProofs {
                config_map: config_map.clone(),
                pods: pods.clone(),
            },
            Condition::ProofsSettled { config_map, pods },
        )
    })
}

/// A step that drops slots; a slot that is in use is a report, not a failure.
pub(crate) fn drop_slots(name: StepName, pod: &str, slots: Vec<String>) -> Step {
    let (pod, on) = (pod.to_owned(), pod.to_owned());
    Step::new(
        name,
        Action::DropSlots {
            pod,
            slots: slots.clone(),
        },
        Condition::NoSlots { pod: on, slots },
    )
    .reported()
}

/// The slot names of every pod that exists, and that of the archive of the WAL where there is one: on a standby
/// nobody streams through them.
pub(crate) fn pod_slots(snapshot: &Snapshot) -> Vec<String> {
    let pods = snapshot.instances.iter().map(|it| slot_name(it.name()));
    let archive = snapshot.wal_slot().map(str::to_owned);
    pods.chain(archive).collect()
}

/// Lets the read Service lead to every standby of a cluster with a primary of this component; none when it does.
pub(crate) fn spread_reads(snapshot: &Snapshot, primary: Component) -> Option<Step> {
    let service = snapshot.service(ServicePurpose::Read)?;
    let (selector, remember) = read_selector(service, primary)?;
    if selector == service.selector && remember == remembered_selector(service) {
        return None;
    }
    let selects = Condition::ServiceSelects {
        service: service.name.clone(),
        selector: selector.clone(),
    };
    let action = Action::SpreadReads {
        service: service.name.clone(),
        selector,
        remember,
    };
    Some(
        Step::new(StepName::SpreadReads, action, selects)
            .timeout(30)
            .reported(),
    )
}

/// The minimum that an earlier failover has remembered.
pub(crate) fn remembered_minimum(snapshot: &Snapshot) -> Option<u32> {
    original_minimum(snapshot.autoscaler.as_ref()?)
}

/// Gives an autoscaler back the minimum that was remembered.
pub(crate) fn give_back_minimum(autoscaler: &str, minimum: u32) -> Step {
    Step::new(
        StepName::RestoreAutoscaler,
        Action::SetAutoscalerMinimum {
            autoscaler: autoscaler.to_owned(),
            minimum,
            remember: None,
        },
        Condition::AutoscalerMinimum {
            autoscaler: autoscaler.to_owned(),
            minimum,
        },
    )
    .reported()
}
