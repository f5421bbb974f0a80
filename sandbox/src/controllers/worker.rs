//! The loop that every controller runs in: changes become keys, keys are reconciled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::store::{Event, EventKind, Resource, Store, StoreError, Watch, text};

/// Namespace and name of the object to look at; the namespace is empty for cluster-scoped kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The key of the object that changed.
    pub(super) fn of(event: &Event) -> Self {
        Self::new(
            text(&event.object, "/metadata/namespace"),
            text(&event.object, "/metadata/name"),
        )
    }

    /// The keys of all objects of a kind in a namespace.
    pub(super) fn all(store: &Store, resource: &'static Resource, namespace: &str) -> Vec<Self> {
        let objects = store.list(resource, Some(namespace)).items;
        let names = objects.iter().map(|it| text(it, "/metadata/name"));
        names.map(|name| Self::new(namespace, name)).collect()
    }
}

/// Somebody else may have removed the object first: that is fine.
pub(super) fn gone<T>(done: Result<T, StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// As [`gone`], of an object that was meant by its uid: another may have its name by now.
pub(super) fn gone_or_replaced<T>(done: Result<T, StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

/// What a controller does, without the loop.
///
/// Reconciling is synchronous: the store lives in this process, and nothing may wait here.
pub(super) trait Controller: Send {
    /// For messages.
    fn name(&self) -> &'static str;

    /// The kinds whose changes matter.
    fn watches(&self) -> Vec<&'static Resource>;

    /// The objects that have to be looked at after a change.
    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key>;

    /// Brings the world one step nearer to the wish. Returns when to look again although nothing
    /// changed, if that is needed.
    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError>;
}

/// Retries after an error: 5 ms, doubling up to a second.
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(1);

struct Worker<C> {
    store: Store,
    controller: C,
    watches: Vec<(&'static Resource, Watch)>,
    ready: BTreeSet<Key>,
    later: BTreeMap<Key, Instant>,
    failures: BTreeMap<Key, u32>,
}

/// Runs a controller until `stop` turns true or its sender is dropped.
pub(super) async fn run<C: Controller>(
    store: Store,
    controller: C,
    mut stop: watch::Receiver<bool>,
) {
    let mut changes = store.changes();
    let mut worker = Worker {
        store,
        controller,
        watches: Vec::new(),
        ready: BTreeSet::new(),
        later: BTreeMap::new(),
        failures: BTreeMap::new(),
    };
    worker.list();
    loop {
        changes.borrow_and_update();
        worker.collect();
        worker.work();
        let next = worker.later.values().min().copied();
        let timer = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = timer => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl<C: Controller> Worker<C> {
    /// Starts from all there is.
    fn list(&mut self) {
        self.watches.clear();
        for resource in self.controller.watches() {
            let list = self.store.list(resource, None);
            for object in list.items {
                self.note(
                    resource,
                    &Event {
                        kind: EventKind::Added,
                        object,
                        previous: None,
                        revision: list.revision,
                    },
                );
            }
            match self.store.watch(resource, None, list.revision) {
                Ok(watch) => self.watches.push((resource, watch)),
                // Thousands of changes between two lines: begin again with the next change.
                Err(_) => return self.watches.clear(),
            }
        }
    }

    fn note(&mut self, resource: &'static Resource, event: &Event) {
        let keys = self.controller.keys(&self.store, resource, event);
        self.ready.extend(keys);
    }

    fn collect(&mut self) {
        if self.watches.is_empty() {
            self.list();
        }
        let mut events = Vec::new();
        let mut behind = false;
        for (resource, watch) in &mut self.watches {
            match watch.ready() {
                Ok(new) => events.extend(new.into_iter().map(|event| (*resource, event))),
                Err(_) => behind = true,
            }
        }
        for (resource, event) in events {
            self.note(resource, &event);
        }
        if behind {
            self.list();
        }
        let now = Instant::now();
        let due = self.later.iter().filter(|(_, at)| **at <= now);
        let due: Vec<Key> = due.map(|(key, _)| key.clone()).collect();
        for key in due {
            self.later.remove(&key);
            self.ready.insert(key);
        }
    }

    fn work(&mut self) {
        for key in std::mem::take(&mut self.ready) {
            self.later.remove(&key);
            match self.controller.reconcile(&self.store, &key) {
                Ok(again) => {
                    self.failures.remove(&key);
                    if let Some(after) = again {
                        self.later.insert(key, Instant::now() + after);
                    }
                }
                Err(error) => {
                    let failures = self.failures.entry(key.clone()).or_default();
                    // The first ones are lost races.
                    if *failures == 5 {
                        eprintln!(
                            "{}: {}/{}: {error}",
                            self.controller.name(),
                            key.namespace,
                            key.name
                        );
                    }
                    let wait = FIRST_RETRY.saturating_mul(1 << (*failures).min(10));
                    *failures += 1;
                    self.later
                        .insert(key, Instant::now() + wait.min(LAST_RETRY));
                }
            }
        }
    }
}
