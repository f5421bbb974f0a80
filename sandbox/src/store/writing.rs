//! Writing to the store: with optimistic concurrency, through the rules, one revision a change.

use serde_json::Value;
use std::sync::Arc;

use super::event::{Event, EventKind};
use super::memory::{Operation, State, Store};
use super::{Resource, StoreError, metadata, text};

/// How many changes of one collection are remembered for watches that start in the past.
const LOG_LENGTH: usize = 4096;

/// Kubernetes' words for a lost race.
const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Write {
    /// Check everything, change nothing.
    pub dry_run: bool,
}

impl Store {
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
        self.wake(revision);
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
