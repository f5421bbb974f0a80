//! The life of a pod: volumes, init containers, containers, and its end.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use tokio::time::sleep;

use super::container;
use super::pod::PodState;
use super::pods::Pods;
use super::volumes::Volumes;
use crate::controllers::EventType;
use crate::store::{DeleteOptions, Preconditions, of};

/// Delays between attempts to set up volumes, as the kubelet's volume manager doubles them.
const FIRST_MOUNT_DELAY: Duration = Duration::from_millis(500);
const LONGEST_MOUNT_DELAY: Duration = Duration::from_secs(122);

/// Runs the pod until its object may go, and removes the object.
pub(super) async fn run(state: Arc<PodState>, pods: Arc<Pods>) {
    let life = async {
        state.publish();
        if live(&state).await {
            state.tear_down_network().await;
        }
        // A pod that has ended by itself keeps its object until somebody deletes it.
        state.until_ending().await;
    };
    tokio::select! {
        () = life => {}
        () = keep_volumes_fresh(&state) => {}
    }
    finish(&state, &pods).await;
}

/// True when its containers have run and will never run again.
async fn live(state: &Arc<PodState>) -> bool {
    if !set_up(state).await {
        return false;
    }
    let (init, main): (Vec<usize>, Vec<usize>) = {
        let slots = state.slots();
        (0..slots.len()).partition(|index| slots[*index].init)
    };
    for index in init {
        if !container::run_to_success(state, index).await {
            return false;
        }
    }
    for index in &main {
        if let Some(slot) = state.slots().get_mut(*index) {
            slot.status.state = Some(super::status::waiting("ContainerCreating", None));
        }
    }
    state.initialized.store(true, Ordering::SeqCst);
    join_all(main.into_iter().map(|index| container::run(state, index))).await;
    true
}

/// Makes the pod's folder and volumes; false when the pod is to end before that worked.
async fn set_up(state: &Arc<PodState>) -> bool {
    let mut delay = FIRST_MOUNT_DELAY;
    loop {
        if state.ending() {
            return false;
        }
        let pod = state.pod();
        let Err(message) = prepare(state, &pod) else {
            return true;
        };
        state.event(EventType::Warning, "FailedMount", &message);
        tokio::select! {
            () = sleep(delay) => {}
            () = state.until_ending() => return false,
        }
        delay = (delay * 2).min(LONGEST_MOUNT_DELAY);
    }
}

fn prepare(state: &PodState, pod: &Pod) -> Result<(), String> {
    fs::create_dir_all(&state.dir).map_err(|e| format!("making the pod's folder: {e}"))?;
    super::hosts::write(&state.context, state).map_err(|e| format!("writing /etc/hosts: {e}"))?;
    Volumes::of(state, pod).set_up()
}

/// Follows ConfigMaps and Secrets as a kubelet does: at once when the pod's own object changed,
/// else once in a while.
async fn keep_volumes_fresh(state: &PodState) {
    let mut wish = state.wish.subscribe();
    let mut seen = wish_of(&wish.borrow_and_update().pod);
    loop {
        let period = state.context.config.sync_period;
        // Up to half more, differently for each pod and round.
        let more = u32::from(uuid::Uuid::new_v4().as_bytes()[0]) % 128;
        tokio::select! {
            () = sleep(period + period * more / 256) => {}
            changed = wish.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
                let now = wish_of(&wish.borrow_and_update().pod);
                if now == seen {
                    continue;
                }
                seen = now;
            }
        }
        refresh_volumes(state);
    }
}

/// Unless they are to be late, or its node can't reach the API.
pub(super) fn refresh_volumes(state: &PodState) {
    let late = state.late_volumes.load(Ordering::SeqCst);
    if !late && state.context.is_up(&state.node) && state.dir.join("volumes").exists() {
        let pod = state.pod();
        Volumes::of(state, &pod).refresh();
    }
}

/// What of a pod's object makes the kubelet sync it: everything but the status, which is its own.
fn wish_of(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    pod.status = None;
    pod.metadata.resource_version = None;
    pod.metadata.managed_fields = None;
    pod
}

/// Nothing of it runs or will. One whose init containers have not all succeeded keeps what is said of the others.
fn end_containers(state: &PodState) {
    let mut slots = state.slots();
    if slots.iter().any(|slot| slot.init) && !state.initialized.load(Ordering::SeqCst) {
        return;
    }
    state.initialized.store(true, Ordering::SeqCst);
    for slot in slots.iter_mut().filter(|slot| !slot.init) {
        super::status::end(&mut slot.status);
    }
}

/// Everything has ended: says so, tidies up, and lets the object go.
async fn finish(state: &Arc<PodState>, running: &Pods) {
    state.tear_down_network().await;
    state.context.up(&state.node).await;
    end_containers(state);
    state.publish();
    let options = DeleteOptions {
        preconditions: Preconditions {
            uid: Some(state.uid.clone()),
            ..Preconditions::default()
        },
        ..DeleteOptions::now()
    };
    running.remove(&state.uid);
    if let Some(api) = state.context.api.get() {
        api.forget(&state.uid);
    }
    // Not found or another uid: it was removed by force.
    let pods = of::<Pod>();
    drop(
        state
            .context
            .store
            .delete(pods, &state.namespace, &state.name, &options),
    );
    let dir = state.dir.clone();
    // A folder that can't be removed now goes with the sandbox.
    drop(tokio::task::spawn_blocking(move || fs::remove_dir_all(dir)).await);
}
