//! The engine on a model of the cluster, with a crash at every call that it makes.

mod scaling;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Ending, Executor, Journal, Known, World, WorldError};
use crate::cluster::Snapshot;
use crate::cluster::fixture::{PRIMARY, healthy, now, replica};
use crate::confirmation::{Confirmed, GoOn};
use crate::events::RunEvent;
use crate::plan::simulation::{Model, Server};
use crate::plan::{
    Action, Circumstances, Condition, FailoverRequest, OperationFinding, Plan, Step, plan_failover,
};

/// What outlives a process: the cluster, and the journal in it.
struct Shared {
    model: Model,
    journal: Option<Journal>,
    version: usize,
}

/// One process that works on the cluster, until it dies.
struct Process<'a> {
    shared: &'a Mutex<Shared>,
    calls: AtomicUsize,
    seen: AtomicUsize,
    /// The call at which it dies, and whether that call still has its effect.
    dies: Option<(usize, bool)>,
    dead: AtomicBool,
    /// An action that never works.
    broken: Option<fn(&Action) -> bool>,
}

impl<'a> Process<'a> {
    fn new(shared: &'a Mutex<Shared>, dies: Option<(usize, bool)>) -> Self {
        let seen = lock(shared).version;
        Self {
            shared,
            calls: AtomicUsize::new(0),
            seen: AtomicUsize::new(seen),
            dies,
            dead: AtomicBool::new(false),
            broken: None,
        }
    }

    fn call<T>(
        &self,
        effect: impl FnOnce(&mut Shared) -> Result<T, WorldError>,
    ) -> Result<T, WorldError> {
        let died = || WorldError::lost_lock("the process is dead");
        if self.dead.load(Ordering::Relaxed) {
            return Err(died());
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        match self.dies {
            Some((at, takes_effect)) if at == number => {
                self.dead.store(true, Ordering::Relaxed);
                if takes_effect {
                    effect(&mut lock(self.shared)).ok();
                }
                Err(died())
            }
            _ => effect(&mut lock(self.shared)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World for Process<'_> {
    async fn prepare(&self, _: &Plan, _: &Step) -> Result<(), WorldError> {
        self.call(|_| Ok(()))
    }

    async fn act(
        &self,
        plan: &Plan,
        action: &Action,
        _: &Known,
        _: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        if self.broken.is_some_and(|broken| broken(action)) {
            return Err(WorldError::permanent("it is broken"));
        }
        self.call(|shared| {
            shared
                .model
                .act(plan, action)
                .map_err(WorldError::permanent)?;
            Ok(Vec::new())
        })
    }

    async fn holds(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
    ) -> Result<bool, WorldError> {
        self.call(|shared| Ok(shared.model.holds(plan, condition, known)))
    }

    async fn wait(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
        _: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        self.call(|shared| {
            shared.model.settle();
            if let Some(reason) = shared.model.gone_on(condition) {
                return Err(WorldError::replaced(reason));
            }
            if !shared.model.holds(plan, condition, known) {
                return Err(WorldError::permanent(format!(
                    "it is not so that {condition}"
                )));
            }
            Ok(shared.model.learn(plan, condition, known))
        })
    }

    async fn store(&self, journal: &Journal) -> Result<(), WorldError> {
        let seen = self.seen.load(Ordering::Relaxed);
        let version = self.call(|shared| {
            if shared.version != seen {
                return Err(WorldError::lost_lock(
                    "somebody else has changed the journal",
                ));
            }
            // What is stored has been through JSON, as in a ConfigMap.
            let text = serde_json::to_string(journal)
                .map_err(|error| WorldError::permanent(error.to_string()))?;
            let stored = serde_json::from_str(&text)
                .map_err(|error| WorldError::permanent(error.to_string()))?;
            shared.journal = Some(stored);
            shared.version += 1;
            Ok(shared.version)
        })?;
        self.seen.store(version, Ordering::Relaxed);
        Ok(())
    }

    fn is_ours(&self) -> bool {
        !self.dead.load(Ordering::Relaxed)
    }

    async fn regain(&self) -> Result<(), WorldError> {
        if self.dead.load(Ordering::Relaxed) {
            Err(WorldError::lost_lock("the process is dead"))
        } else {
            Ok(())
        }
    }

    async fn tell(&self, _: &Plan, _: &str, _: &str) {}
}

fn quiet(_: &Plan, _: &RunEvent) {}

fn plan(snapshot: &Snapshot, request: &FailoverRequest) -> Plan {
    plan_failover(snapshot, request, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn fresh(snapshot: &Snapshot) -> Mutex<Shared> {
    Mutex::new(Shared {
        model: Model::of(snapshot),
        journal: None,
        version: 0,
    })
}

async fn start(process: &Process<'_>, plan: &Plan) -> Ending {
    let confirmed = Confirmed::by_flag(plan, true).expect("--yes agrees");
    let journal = Journal::new(plan.clone(), Vec::new());
    Executor::new(process, journal, &confirmed, &quiet)
        .expect("it is this plan that was agreed to")
        .run("ann")
        .await
}

async fn go_on(shared: &Mutex<Shared>, back: bool) -> Option<Ending> {
    let journal = lock(shared).journal.clone()?;
    let process = Process::new(shared, None);
    let option = if back { GoOn::Abort } else { GoOn::Resume };
    let confirmed = Confirmed::by_option(&journal.plan, option);
    let mut executor = Executor::new(&process, journal, &confirmed, &quiet)
        .expect("it is this plan that was agreed to");
    Some(if back {
        executor.abort("bob").await
    } else {
        executor.resume("bob").await
    })
}

fn assert_only_primary(shared: &Mutex<Shared>, pod: &str, context: &str) {
    let shared = lock(shared);
    assert_eq!(shared.model.violations, Vec::<String>::new(), "{context}");
    assert_eq!(shared.model.writable(), [pod], "{context}");
    assert_eq!(shared.model.topology.0, pod, "{context}");
    assert_eq!(shared.model.write.as_deref(), Some(pod), "{context}");
}

fn requests() -> Vec<FailoverRequest> {
    [(0, false), (2, false), (0, true)]
        .into_iter()
        .map(|(ordinal, rejoin)| FailoverRequest {
            to: Some(replica(ordinal)),
            rejoin,
            ..FailoverRequest::default()
        })
        .collect()
}

#[tokio::test]
async fn a_switchover_runs_to_its_end() {
    let snapshot = healthy(3);
    for request in requests() {
        let plan = plan(&snapshot, &request);
        let shared = fresh(&snapshot);
        let process = Process::new(&shared, None);
        assert_eq!(start(&process, &plan).await, Ending::Done);
        assert_only_primary(&shared, &request.to.unwrap_or_default(), "undisturbed");
        let journal = lock(&shared).journal.clone().expect("it was journaled");
        assert!(journal.ended());
        assert_eq!(journal.history.len(), 1);
        assert_eq!(journal.history[0].report.lost_bytes, Some(0));
        assert!(journal.history[0].report.loss_proven);
    }
}

/// One stream: whoever listens is told what the journal keeps, in the same order; what a step that fails
/// leaves behind and its way back as well.
#[tokio::test]
async fn what_is_told_is_what_the_journal_keeps() {
    type Breaks = fn(&Action) -> bool;
    let snapshot = healthy(3);
    let breaks: [Option<Breaks>; 2] = [
        None,
        Some(|action| matches!(action, Action::Promote { .. })),
    ];
    for (request, broken) in requests()
        .into_iter()
        .flat_map(|it| breaks.map(|how| (it.clone(), how)))
    {
        let plan = plan(&snapshot, &request);
        let shared = fresh(&snapshot);
        let mut process = Process::new(&shared, None);
        process.broken = broken;
        let told = Mutex::new(Vec::new());
        let listen = |_: &Plan, event: &RunEvent| lock(&told).extend(event.journaled());
        let confirmed = Confirmed::by_flag(&plan, true).expect("--yes agrees");
        let journal = Journal::new(plan.clone(), Vec::new());
        let mut executor = Executor::new(&process, journal, &confirmed, &listen)
            .expect("it is this plan that was agreed to");
        executor.run("ann").await;
        let entries = &executor.journal().entries;
        let kept: Vec<_> = entries.iter().map(|it| it.event.clone()).collect();
        assert!(kept.len() > plan.steps.len(), "{kept:#?}");
        assert_eq!(*lock(&told), kept);
    }
}

/// Dies at every call that a switchover makes, with and without the effect of that call; then goes
/// on, or back.
#[tokio::test]
async fn a_death_at_any_call_is_mended_by_resume_and_by_abort() {
    let snapshot = healthy(3);
    for request in requests() {
        let plan = plan(&snapshot, &request);
        let target = request.to.clone().unwrap_or_default();
        let mut cells = 0;
        for call in 0.. {
            let mut ended = false;
            for takes_effect in [false, true] {
                for back in [false, true] {
                    let context = format!("call {call}, effect {takes_effect}, back {back}");
                    let shared = fresh(&snapshot);
                    let process = Process::new(&shared, Some((call, takes_effect)));
                    let ending = start(&process, &plan).await;
                    if !process.dead.load(Ordering::Relaxed) {
                        assert_eq!(ending, Ending::Done, "{context}");
                        ended = true;
                        continue;
                    }
                    cells += 1;
                    let still = lock(&shared).model.violations.clone();
                    assert_eq!(still, Vec::<String>::new(), "{context}");
                    match go_on(&shared, back).await {
                        // It died before anything was journaled: nothing has changed.
                        None => assert_only_primary(&shared, PRIMARY, &context),
                        Some(Ending::Done) => assert_only_primary(&shared, &target, &context),
                        Some(Ending::RolledBack { .. }) => {
                            assert!(back, "{context}");
                            assert_only_primary(&shared, PRIMARY, &context);
                        }
                        Some(Ending::Replaced { reason }) => panic!("{context}: {reason}"),
                        Some(Ending::Paused { before }) => {
                            panic!("{context}: paused before {before}")
                        }
                        Some(Ending::Incomplete { reason, .. }) => {
                            assert!(back, "{context}: {reason}");
                            let finished = go_on(&shared, false).await;
                            assert_eq!(finished, Some(Ending::Done), "{context}");
                            assert_only_primary(&shared, &target, &context);
                        }
                    }
                }
            }
            if ended {
                break;
            }
        }
        assert!(cells > 100, "only {cells} cells");
    }
}

/// The process that was taken over from wakes up: it must not do anything any more.
#[tokio::test]
async fn whoever_was_taken_over_from_is_stopped_by_the_journal() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    let dying = Process::new(&shared, Some((12, true)));
    start(&dying, &plan).await;
    let journal = lock(&shared).journal.clone().expect("it was journaled");
    let sleeper = Process::new(&shared, None);
    let confirmed = Confirmed::by_option(&journal.plan, GoOn::Resume);
    let mut asleep = Executor::new(&sleeper, journal, &confirmed, &quiet)
        .expect("it is this plan that was agreed to");
    assert!(matches!(
        go_on(&shared, true).await,
        Some(Ending::RolledBack { .. })
    ));
    assert!(matches!(
        asleep.resume("ann").await,
        Ending::Incomplete { .. }
    ));
    assert_only_primary(&shared, PRIMARY, "after the sleeper woke up");
}

#[tokio::test]
async fn a_step_that_fails_before_the_point_of_no_return_puts_everything_back() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[1]);
    let breaks: [fn(&Action) -> bool; 4] = [
        |action| matches!(action, Action::CreateSlots { .. }),
        |action| matches!(action, Action::Checkpoint { .. }),
        |action| matches!(action, Action::HoldRecord { .. }),
        |action| matches!(action, Action::Scale { replicas: 0, .. }),
    ];
    for broken in breaks {
        let shared = fresh(&snapshot);
        let mut process = Process::new(&shared, None);
        process.broken = Some(broken);
        assert!(matches!(
            start(&process, &plan).await,
            Ending::RolledBack { .. }
        ));
        assert_only_primary(&shared, PRIMARY, "rolled back");
        let shared = lock(&shared);
        assert_eq!(
            shared.model.autoscaler,
            Some((2, 5)),
            "the autoscaler got its minimum back"
        );
        assert!(
            shared.model.pods[&replica(2)].slots.is_empty(),
            "no slot is left behind"
        );
    }
}

#[tokio::test]
async fn a_candidate_that_did_not_get_everything_is_not_promoted() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    // It stops receiving right after the checks.
    if let Some(pod) = lock(&shared).model.pods.get_mut(&replica(0)) {
        pod.stalled = true;
    }
    let process = Process::new(&shared, None);
    assert!(matches!(
        start(&process, &plan).await,
        Ending::RolledBack { .. }
    ));
    assert_only_primary(&shared, PRIMARY, "put back");
}

#[tokio::test]
async fn a_standby_that_does_not_follow_does_not_fail_the_failover() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    let mut process = Process::new(&shared, None);
    process.broken = Some(|action| matches!(action, Action::Repoint { .. }));
    assert_eq!(start(&process, &plan).await, Ending::Done);
    let journal = lock(&shared).journal.clone().expect("it was journaled");
    let said = &journal.history[0].report.steps;
    assert!(said.iter().any(|step| step.reason.is_some()));
    assert_eq!(
        lock(&shared).model.pods[&replica(0)].server,
        Server::Writable
    );
}

#[tokio::test]
async fn after_the_promotion_it_only_goes_forward() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    let mut process = Process::new(&shared, None);
    process.broken = Some(|action| matches!(action, Action::Write { .. }));
    assert!(matches!(
        start(&process, &plan).await,
        Ending::Incomplete { .. }
    ));
    assert!(matches!(
        go_on(&shared, true).await,
        Some(Ending::Incomplete { .. })
    ));
    assert_eq!(lock(&shared).model.writable(), [replica(0).as_str()]);
    assert_eq!(go_on(&shared, false).await, Some(Ending::Done));
    assert_only_primary(&shared, &replica(0), "resumed");
}

/// The topology has gone on while the operation lay unfinished: a late `--resume` finds that and
/// changes nothing.
#[tokio::test]
async fn an_operation_that_was_replaced_changes_nothing_when_it_is_resumed() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    let mut process = Process::new(&shared, None);
    process.broken = Some(|action| matches!(action, Action::Repoint { .. } | Action::Write { .. }));
    assert!(matches!(
        start(&process, &plan).await,
        Ending::Incomplete { .. }
    ));
    // By hand: a term more, another pod.
    lock(&shared).model.topology = (replica(1), 9);
    let state = || {
        let shared = lock(&shared);
        let model = &shared.model;
        let pods = format!("{:?} {:?}", model.pods, model.topology);
        (pods, model.write.clone(), model.unproven.clone())
    };
    let before = state();
    let ending = go_on(&shared, false).await;
    let Some(Ending::Replaced { reason }) = ending else {
        panic!("{ending:?}");
    };
    assert!(reason.contains(&replica(1)), "{reason}");
    assert_eq!(state(), before);
    assert!(lock(&shared).journal.as_ref().is_some_and(Journal::ended));
}

/// Its pod is away for good: what was made on it is left, and the old primary keeps its place.
#[tokio::test]
async fn what_can_not_be_put_back_on_a_lost_pod_does_not_hold_up_the_rest() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &requests()[0]);
    let shared = fresh(&snapshot);
    let mut process = Process::new(&shared, None);
    process.broken = Some(|action| {
        matches!(
            action,
            Action::Scale { replicas: 0, .. } | Action::DropSlots { .. }
        )
    });
    let ending = start(&process, &plan).await;
    let Ending::RolledBack { left, .. } = ending else {
        panic!("{ending:?}");
    };
    assert!(left[0].contains("slot"), "{left:?}");
    assert_only_primary(&shared, PRIMARY, "put back but for the slots");
}
