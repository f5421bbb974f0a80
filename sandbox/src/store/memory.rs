//! The store itself: collections, one revision counter, the log of changes, and how it is read.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::event::Event;
use super::{Resource, StoreError, text};

/// What an admission hook is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of an existing object.
    Update,
}

/// A rule that may complete or refuse an object before it is stored (for example: give a Service its address).
/// It is called without any lock, possibly more than once for one write and also for dry runs, so it must be
/// repeatable: read the store, set fields, and leave side effects to a controller.
pub trait Admission: Send + Sync {
    /// Looks at (and may change) an object that is about to be stored.
    ///
    /// # Errors
    /// To refuse the object.
    fn admit(
        &self,
        store: &Store,
        resource: &'static Resource,
        operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), StoreError>;
}

/// Objects of one kind and the revision at which they were read together.
#[derive(Clone, Debug)]
pub struct List {
    /// The objects, ordered by namespace and name.
    pub items: Vec<Arc<Value>>,
    /// The revision from which a watch continues without a gap.
    pub revision: u64,
}

#[derive(Default)]
pub(super) struct Collection {
    pub(super) objects: BTreeMap<(String, String), Arc<Value>>,
    pub(super) log: VecDeque<Event>,
    /// Changes up to this revision have been forgotten.
    pub(super) forgotten: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) collections: HashMap<&'static str, Collection>,
    pub(super) revision: u64,
}

struct Inner {
    state: Mutex<State>,
    changed: tokio::sync::watch::Sender<u64>,
    admission: RwLock<Vec<Arc<dyn Admission>>>,
}

/// All objects of one sandbox. Cheap to clone; every clone is the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// A store with the namespaces that every cluster has.
    #[must_use]
    pub fn new() -> Self {
        let (changed, _) = tokio::sync::watch::channel(0);
        let state = Mutex::new(State {
            collections: HashMap::new(),
            revision: 1,
        });
        let store = Self {
            inner: Arc::new(Inner {
                state,
                changed,
                admission: RwLock::default(),
            }),
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let created = store.create(
                super::of::<k8s_openapi::api::core::v1::Namespace>(),
                "",
                serde_json::json!({"metadata": {"name": name}}),
            );
            created.expect("an empty store takes a namespace");
        }
        store
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic of another thread cannot leave half a change: each is one insertion.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule that sees every created and updated object.
    pub fn add_admission(&self, rule: Arc<dyn Admission>) {
        self.inner
            .admission
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rule);
    }

    pub(super) fn admit(
        &self,
        resource: &'static Resource,
        operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), StoreError> {
        let rules = self
            .inner
            .admission
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        rules
            .iter()
            .try_for_each(|rule| rule.admit(self, resource, operation, object, old))
    }

    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    /// Wakes at every change of any object.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    pub(super) fn wake(&self, revision: u64) {
        self.inner.changed.send_replace(revision);
    }

    /// Reads one object. `namespace` is empty for cluster-scoped kinds.
    ///
    /// # Errors
    /// Not found.
    pub fn get(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>, StoreError> {
        self.find(resource, namespace, name)
            .ok_or_else(|| StoreError::NotFound {
                resource,
                name: name.to_owned(),
            })
    }

    fn find(&self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let state = self.state();
        state
            .collections
            .get(resource.collection)?
            .objects
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Reads all objects of a kind, in one namespace or in all (`None`).
    #[must_use]
    pub fn list(&self, resource: &'static Resource, namespace: Option<&str>) -> List {
        let state = self.state();
        let items = state
            .collections
            .get(resource.collection)
            .map_or_else(Vec::new, |c| match namespace {
                None => c.objects.values().cloned().collect(),
                Some(namespace) => {
                    let start = (namespace.to_owned(), String::new());
                    c.objects
                        .range(start..)
                        .take_while(|((n, _), _)| n == namespace)
                        .map(|(_, o)| Arc::clone(o))
                        .collect()
                }
            });
        List {
            items,
            revision: state.revision,
        }
    }

    pub(super) fn events_after(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<(Vec<Event>, u64), StoreError> {
        let state = self.state();
        let Some(collection) = state.collections.get(resource.collection) else {
            return Ok((Vec::new(), state.revision));
        };
        if from < collection.forgotten {
            return Err(StoreError::Gone {
                asked: from,
                oldest: collection.forgotten,
            });
        }
        let start = collection.log.partition_point(|e| e.revision <= from);
        let wanted =
            |e: &&Event| namespace.is_none_or(|n| text(&e.object, "/metadata/namespace") == n);
        let events = collection
            .log
            .range(start..)
            .filter(wanted)
            .cloned()
            .collect();
        Ok((events, state.revision.max(from)))
    }

    /// Forgets the log of changes: watches from the past get "410 Gone", as after an etcd compaction.
    pub fn compact(&self) {
        let mut state = self.state();
        let revision = state.revision;
        for collection in state.collections.values_mut() {
            collection.log.clear();
            collection.forgotten = revision;
        }
    }
}
