//! The store itself: collections, one revision counter, optimistic concurrency and the log of changes.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::event::{Event, EventKind};
use super::{Resource, StoreError, metadata, text};

/// How many changes of one collection are remembered for watches that start in the past.
const LOG_LENGTH: usize = 4096;

/// Kubernetes' words for a lost race.
const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

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

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Write {
    /// Check everything, change nothing.
    pub dry_run: bool,
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
struct Collection {
    objects: BTreeMap<(String, String), Arc<Value>>,
    log: VecDeque<Event>,
    /// Changes up to this revision have been forgotten.
    forgotten: u64,
}

#[derive(Default)]
struct State {
    collections: HashMap<&'static str, Collection>,
    revision: u64,
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

    fn state(&self) -> MutexGuard<'_, State> {
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

    fn admit(
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

    /// Stores a new object. `namespace` is empty for cluster-scoped kinds.
    ///
    /// # Errors
    /// It exists already, its namespace does not, it can't be read as its kind, or a rule refuses it.
    pub fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Value,
    ) -> Result<Arc<Value>, StoreError> {
        self.create_with(resource, namespace, object, Write::default())
    }

    /// [`Store::create`], possibly as a dry run.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_with(
        &self,
        resource: &'static Resource,
        namespace: &str,
        mut object: Value,
        write: Write,
    ) -> Result<Arc<Value>, StoreError> {
        metadata::prepare(resource, namespace, &mut object)?;
        let mut object = canonical(resource, object)?;
        self.admit(resource, Operation::Create, &mut object, None)?;
        let name = text(&object, "/metadata/name").to_owned();
        if resource.namespaced {
            self.check_namespace(resource, namespace, &name)?;
        }
        let mut state = self.state();
        let key = (namespace.to_owned(), name.clone());
        if state
            .collections
            .get(resource.collection)
            .is_some_and(|c| c.objects.contains_key(&key))
        {
            return Err(StoreError::AlreadyExists { resource, name });
        }
        if write.dry_run {
            return Ok(Arc::new(object));
        }
        Ok(self.commit(&mut state, resource, key, None, Some(object)))
    }

    /// Removes a terminating namespace once nothing is left in it.
    pub(super) fn finish_namespace(&self, namespace: &str) {
        let namespaces = super::of::<k8s_openapi::api::core::v1::Namespace>();
        loop {
            let Ok(object) = self.get(namespaces, "", namespace) else {
                return;
            };
            if text(&object, "/metadata/deletionTimestamp").is_empty()
                || metadata::has_finalizers(&object)
                || super::all()
                    .iter()
                    .any(|r| r.namespaced && !self.list(r, Some(namespace)).items.is_empty())
                || self
                    .swap(namespaces, "", namespace, &object, None)
                    .is_some()
            {
                return;
            }
        }
    }

    fn check_namespace(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let found = self.get(
            super::of::<k8s_openapi::api::core::v1::Namespace>(),
            "",
            namespace,
        )?;
        if text(&found, "/metadata/deletionTimestamp").is_empty() {
            return Ok(());
        }
        Err(StoreError::Forbidden {
            resource,
            name: name.to_owned(),
            reason: format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            ),
        })
    }

    /// Changes an object: the closure gets a copy, which is stored if nothing else changed the object meanwhile,
    /// else the closure runs again on the newer state. A `resourceVersion` that the closure sets is a
    /// precondition. A write that changes nothing makes no new revision.
    ///
    /// # Errors
    /// Not found, conflict, refused, or what the closure returns.
    pub fn update(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        change: impl FnMut(&mut Value) -> Result<(), StoreError>,
    ) -> Result<Arc<Value>, StoreError> {
        self.update_with(resource, namespace, name, Write::default(), change)
    }

    /// [`Store::update`] with an error type of the caller's, possibly as a dry run.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn update_with<E: From<StoreError>>(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        write: Write,
        mut change: impl FnMut(&mut Value) -> Result<(), E>,
    ) -> Result<Arc<Value>, E> {
        loop {
            let old = self.get(resource, namespace, name)?;
            let mut object = Value::clone(&old);
            change(&mut object)?;
            let wanted = text(&object, "/metadata/resourceVersion");
            let uid = text(&object, "/metadata/uid");
            let conflict = |reason: String| StoreError::Conflict {
                resource,
                name: name.to_owned(),
                reason,
            };
            if !uid.is_empty() && uid != text(&old, "/metadata/uid") {
                let found = text(&old, "/metadata/uid");
                return Err(conflict(format!(
                    "Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
                ))
                .into());
            }
            if !wanted.is_empty() && wanted != text(&old, "/metadata/resourceVersion") {
                return Err(conflict(MODIFIED.to_owned()).into());
            }
            metadata::carry_over(resource, &old, &mut object);
            let mut object = canonical(resource, object)?;
            self.admit(resource, Operation::Update, &mut object, Some(&old))?;
            metadata::carry_over(resource, &old, &mut object);
            if metadata::same(&old, &object) && !metadata::is_released(&object) {
                return Ok(old);
            }
            if write.dry_run {
                return Ok(Arc::new(object));
            }
            let next = if metadata::is_released(&object) {
                None
            } else {
                Some(object)
            };
            if let Some(done) = self.swap(resource, namespace, name, &old, next) {
                return Ok(done);
            }
        }
    }

    /// Replaces (or removes) an object if it is still `old`. None: it is not.
    pub(super) fn swap(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        old: &Arc<Value>,
        next: Option<Value>,
    ) -> Option<Arc<Value>> {
        let removed = next.is_none();
        let done = {
            let mut state = self.state();
            let key = (namespace.to_owned(), name.to_owned());
            let current = state
                .collections
                .get(resource.collection)?
                .objects
                .get(&key)?;
            if metadata::revision(current) != metadata::revision(old) {
                return None;
            }
            self.commit(&mut state, resource, key, Some(old), next)
        };
        if removed && resource.namespaced {
            self.finish_namespace(namespace);
        }
        Some(done)
    }

    fn commit(
        &self,
        state: &mut State,
        resource: &'static Resource,
        key: (String, String),
        old: Option<&Arc<Value>>,
        next: Option<Value>,
    ) -> Arc<Value> {
        state.revision += 1;
        let revision = state.revision;
        let collection = state.collections.entry(resource.collection).or_default();
        let kind = match (&next, old) {
            (Some(_), None) => EventKind::Added,
            (Some(_), Some(_)) => EventKind::Modified,
            (None, _) => EventKind::Deleted,
        };
        let mut object = match (next, old) {
            (Some(next), _) => next,
            (None, Some(old)) => Value::clone(old),
            (None, None) => Value::Null,
        };
        metadata::set_revision(&mut object, revision);
        let object = Arc::new(object);
        match kind {
            EventKind::Deleted => drop(collection.objects.remove(&key)),
            EventKind::Added | EventKind::Modified => {
                drop(collection.objects.insert(key, Arc::clone(&object)))
            }
        }
        collection.log.push_back(Event {
            kind,
            object: Arc::clone(&object),
            previous: old.cloned(),
            revision,
        });
        if collection.log.len() > LOG_LENGTH
            && let Some(oldest) = collection.log.pop_front()
        {
            collection.forgotten = oldest.revision;
        }
        self.inner.changed.send_replace(revision);
        object
    }
}

/// The form in which objects are stored, with the defaults filled in.
fn canonical(resource: &'static Resource, mut object: Value) -> Result<Value, StoreError> {
    super::defaults(resource, &mut object);
    resource.canonical(object).map_err(|e| {
        StoreError::Malformed(format!(
            "{} in version \"{}\" cannot be handled as a {}: {e}",
            resource.kind, resource.version, resource.kind
        ))
    })
}
