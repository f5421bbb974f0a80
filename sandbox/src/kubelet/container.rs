//! The life of one container of a pod: starts, restarts with back-off, and stops.

use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::core::v1 as core;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::creation::{self, CreateError};
use super::pod::PodState;
use super::{probes, status};
use crate::controllers::EventType;
use crate::runtime::{CommandOutcome, Container, Exit};

/// How long to wait before looking again for what a container needs and that is missing.
const CONFIG_RETRY: Duration = Duration::from_secs(2);

/// Runs a main container as long as the restart policy asks for it and the pod is to live.
pub(super) async fn run(state: &Arc<PodState>, index: usize) {
    let mut backoff = Backoff::new(state);
    while let Some((exit, lived)) = once(state, index, &mut backoff).await {
        if !again(state, exit) {
            return;
        }
        backoff.wait(state, index, lived).await;
    }
}

/// Runs an init container until it succeeds; false when it never will.
pub(super) async fn run_to_success(state: &Arc<PodState>, index: usize) -> bool {
    let mut backoff = Backoff::new(state);
    while let Some((exit, lived)) = once(state, index, &mut backoff).await {
        if exit.code == 0 {
            if let Some(slot) = state.slots().get_mut(index) {
                slot.status.ready = true;
            }
            return true;
        }
        if status::restart_policy(&state.pod()) == "Never" || state.ending() {
            return false;
        }
        backoff.wait(state, index, lived).await;
    }
    false
}

fn again(state: &PodState, exit: Exit) -> bool {
    let pod = state.pod();
    let wanted = match status::restart_policy(&pod) {
        "Never" => false,
        "OnFailure" => exit.code != 0,
        _ => true,
    };
    wanted && !state.ending()
}

/// Starts the container and follows it to its end. None: the pod is to end and it never ran.
async fn once(
    state: &Arc<PodState>,
    index: usize,
    backoff: &mut Backoff,
) -> Option<(Exit, Duration)> {
    let container = create(state, index, backoff).await?;
    let began = Instant::now();
    let exit = follow(state, index, &container).await;
    if state.ending() && state.is_last(index) {
        state.tear_down_network().await;
    }
    ended(state, index, &container, exit);
    Some((exit, began.elapsed()))
}

async fn follow(state: &Arc<PodState>, index: usize, container: &Container) -> Exit {
    let is_init = state.slots().get(index).is_some_and(|s| s.init);
    let probing = async {
        if is_init {
            return std::future::pending().await;
        }
        probes::watch(Arc::clone(state), index, container.clone()).await
    };
    let mut probing = pin!(probing.fuse());
    tokio::select! {
        exit = container.wait() => return exit,
        () = state.until_ending() => {
            let name = definition(state, index).name;
            let message = format!("Stopping container {name}");
            state.event(EventType::Normal, "Killing", &message);
        }
        why = &mut probing => state.event(EventType::Normal, "Killing", &why),
    }
    // Readiness is asked for to the end (`StopLivenessAndStartup` in pkg/kubelet/prober/prober_manager.go).
    tokio::select! {
        () = stop(state, index, container) => {}
        () = async {
            (&mut probing).await;
            std::future::pending().await
        } => {}
    }
    container.wait().await
}

fn definition(state: &PodState, index: usize) -> core::Container {
    let slots = state.slots();
    slots
        .get(index)
        .map(|s| s.definition.clone())
        .unwrap_or_default()
}

/// preStop hook, SIGTERM, and SIGKILL when the grace period (which may be shortened meanwhile) is
/// over.
async fn stop(state: &PodState, index: usize, container: &Container) {
    let began = Instant::now();
    let mut wish = state.wish.subscribe();
    let own = state
        .pod()
        .spec
        .as_ref()
        .and_then(|s| s.termination_grace_period_seconds);
    let own = own.and_then(|s| u64::try_from(s).ok()).unwrap_or(30);
    let asked = async {
        hook(state, index, container, began + Duration::from_secs(own)).await;
        container.signal(Signal::SIGTERM);
        container.wait().await;
    };
    let mut asked = std::pin::pin!(asked);
    loop {
        let grace = wish.borrow_and_update().grace().unwrap_or(own);
        tokio::select! {
            () = &mut asked => return,
            () = sleep_until(began + Duration::from_secs(grace)) => break,
            changed = wish.changed() => if changed.is_err() { break },
        }
    }
    container.kill();
}

async fn hook(state: &PodState, index: usize, container: &Container, deadline: Instant) {
    let lifecycle = definition(state, index).lifecycle;
    let Some(hook) = lifecycle.and_then(|l| l.pre_stop) else {
        return;
    };
    if let Some(pause) = hook.sleep {
        let pause = Duration::from_secs(u64::try_from(pause.seconds).unwrap_or(0));
        drop(timeout_at(deadline, sleep(pause)).await);
    } else if let Some(exec) = hook.exec {
        let argv = exec.command.unwrap_or_default();
        let left = deadline.saturating_duration_since(Instant::now());
        let why = match container.run(&argv, left).await {
            CommandOutcome::Exited(0, _) => return,
            CommandOutcome::Exited(code, output) => format!("exited with {code}: {output}"),
            CommandOutcome::TimedOut => "timed out".to_owned(),
            CommandOutcome::Failed(why) => why,
        };
        state.event(
            EventType::Warning,
            "FailedPreStopHook",
            &format!("PreStopHook failed: {why}"),
        );
    }
}

/// Starts the container, and tries again as long as something it needs is missing.
async fn create(state: &Arc<PodState>, index: usize, backoff: &mut Backoff) -> Option<Container> {
    loop {
        if state.ending() {
            return None;
        }
        let error = match creation::start(state, index).await {
            Ok(container) => {
                running(state, index, &container);
                return Some(container);
            }
            Err(error) => error,
        };
        state.event(EventType::Warning, "Failed", &format!("Error: {error}"));
        let delay = match &error {
            CreateError::Config(_) => CONFIG_RETRY,
            CreateError::Pull(_) | CreateError::Create(_) => backoff.next(Duration::ZERO),
        };
        waits(state, index, error.reason(), Some(error.to_string()));
        if let CreateError::Pull(why) = &error {
            state.event(
                EventType::Warning,
                "Failed",
                &format!("Failed to pull image: {why}"),
            );
            let state = Arc::clone(state);
            let message = format!("Back-off pulling image: {why}");
            sleep(Duration::from_millis(500).min(delay)).await;
            waits(&state, index, "ImagePullBackOff", Some(message));
        }
        tokio::select! {
            () = sleep(delay) => {}
            () = state.until_ending() => return None,
        }
    }
}

fn waits(state: &PodState, index: usize, reason: &str, message: Option<String>) {
    state.change(index, |slot| {
        let next = status::waiting(reason, message);
        let old = slot.status.state.replace(next);
        if let Some(old) = old.filter(|s| s.terminated.is_some()) {
            slot.status.last_state = Some(old);
        }
    });
}

fn running(state: &PodState, index: usize, container: &Container) {
    let name = definition(state, index).name;
    state.change(index, |slot| {
        let old = slot.status.state.replace(core::ContainerState {
            running: Some(core::ContainerStateRunning {
                started_at: Some(status::now()),
            }),
            ..core::ContainerState::default()
        });
        if let Some(old) = old.filter(|s| s.terminated.is_some()) {
            slot.status.last_state = Some(old);
        }
        if slot.log.is_some() {
            slot.status.restart_count += 1;
        }
        slot.status.container_id =
            Some(format!("pgctl-sandbox://{}", uuid::Uuid::new_v4().simple()));
        slot.status.image_id.clone_from(&slot.status.image);
        slot.previous = slot.log.replace(container.log().clone());
        slot.running = Some(container.clone());
    });
    state.event(
        EventType::Normal,
        "Started",
        &format!("Started container {name}"),
    );
}

/// Longest termination message, in bytes, and what of the log stands in for one.
const MAX_MESSAGE: usize = 4096;
const FALLBACK_LINES: usize = 80;
const FALLBACK_BYTES: usize = 2048;

fn ended(state: &PodState, index: usize, container: &Container, exit: Exit) {
    let attempt = state
        .slots()
        .get(index)
        .map_or(0, |s| s.status.restart_count);
    let definition = definition(state, index);
    let file = creation::message_file(state, &definition, attempt);
    let mut message = fs::read(file).unwrap_or_default();
    message.truncate(MAX_MESSAGE);
    let mut message = String::from_utf8_lossy(&message).into_owned();
    let falls_back =
        definition.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    if message.is_empty() && falls_back && exit.code != 0 {
        message = container.log().last_output(FALLBACK_LINES, FALLBACK_BYTES);
    }
    let change = |slot: &mut super::pod::Slot| {
        let started_at = slot
            .status
            .state
            .take()
            .and_then(|s| s.running)
            .and_then(|r| r.started_at);
        slot.status.state = Some(core::ContainerState {
            terminated: Some(core::ContainerStateTerminated {
                exit_code: exit.code,
                reason: Some(if exit.code == 0 { "Completed" } else { "Error" }.to_owned()),
                message: Some(message).filter(|m| !m.is_empty()),
                started_at,
                finished_at: Some(status::now()),
                container_id: slot.status.container_id.clone(),
                ..core::ContainerStateTerminated::default()
            }),
            ..core::ContainerState::default()
        });
        slot.status.ready = false;
        slot.status.started = Some(false);
        slot.running = None;
    };
    if state.ending() && !state.is_last(index) {
        // The kubelet tells of all of them when the last one has ended.
        if let Some(slot) = state.slots().get_mut(index) {
            change(slot);
        }
    } else {
        state.change(index, change);
    }
}

/// The delay before a container that ended is started again: none at first, then it doubles.
struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    fn new(state: &PodState) -> Self {
        let config = &state.context.config;
        Self {
            first: config.backoff,
            longest: config.max_backoff,
            next: Duration::ZERO,
        }
    }

    fn next(&mut self, lived: Duration) -> Duration {
        if lived >= self.longest * 2 {
            self.next = Duration::ZERO;
        }
        let delay = self.next;
        self.next = (delay * 2).clamp(self.first, self.longest);
        delay
    }

    async fn wait(&mut self, state: &Arc<PodState>, index: usize, lived: Duration) {
        let delay = self.next(lived);
        if delay.is_zero() {
            return;
        }
        let name = definition(state, index).name;
        let message = format!(
            "back-off {delay:?} restarting failed container={name} pod={}_{}({})",
            state.name, state.namespace, state.uid
        );
        state.event(
            EventType::Warning,
            "BackOff",
            &format!(
                "Back-off restarting failed container {name} in pod {}",
                state.name
            ),
        );
        waits(state, index, "CrashLoopBackOff", Some(message));
        tokio::select! {
            () = sleep(delay) => {}
            () = state.until_ending() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_to_its_limit_and_starts_over_after_a_long_life() {
        let s = Duration::from_secs;
        let mut backoff = Backoff {
            first: s(10),
            longest: s(300),
            next: Duration::ZERO,
        };
        let delays: Vec<u64> = (0..8).map(|_| backoff.next(s(1)).as_secs()).collect();
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.next(s(600)), s(0));
        assert_eq!(backoff.next(s(1)), s(10));
    }
}
