//! The same store, read and written as `k8s-openapi` types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource as TypedResource};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{DeleteOptions, EventKind, Resource, Selector, Store, StoreError, Watch, of};

/// Typed objects of one kind and the revision at which they were read together.
#[derive(Clone, Debug)]
pub struct TypedList<T> {
    /// The objects, ordered by namespace and name.
    pub items: Vec<T>,
    /// The revision from which a watch continues without a gap.
    pub revision: u64,
}

/// A [`Watch`] that hands out typed objects.
pub struct TypedWatch<T> {
    watch: Watch,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> TypedWatch<T> {
    /// The next changes, at least one. Cancel safe.
    ///
    /// # Errors
    /// [`StoreError::Gone`]: list again.
    pub async fn next(&mut self) -> Result<Vec<(EventKind, T)>, StoreError> {
        let events = self.watch.next().await?;
        events
            .into_iter()
            .map(|e| Ok((e.kind, read(&e.object)?)))
            .collect()
    }
}

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, StoreError> {
    T::deserialize(object)
        .map_err(|e| StoreError::Malformed(format!("reading a stored object: {e}")))
}

fn write<T: Serialize>(object: &T) -> Result<Value, StoreError> {
    serde_json::to_value(object)
        .map_err(|e| StoreError::Malformed(format!("writing an object: {e}")))
}

/// A typed object that the store can hold.
pub trait Stored: TypedResource + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned {}

impl<T: TypedResource + Metadata<Ty = ObjectMeta> + Serialize + DeserializeOwned> Stored for T {}

/// The namespace that counts: empty for cluster-scoped kinds.
fn scoped<'a>(resource: &Resource, namespace: &'a str) -> &'a str {
    if resource.namespaced { namespace } else { "" }
}

impl Store {
    /// Reads one object.
    ///
    /// # Errors
    /// Not found.
    pub fn read<T: Stored>(&self, namespace: &str, name: &str) -> Result<T, StoreError> {
        let resource = of::<T>();
        read(&*self.get(resource, scoped(resource, namespace), name)?)
    }

    /// Reads one object, None when there is none.
    ///
    /// # Errors
    /// Only when a stored object can't be read as its kind.
    pub fn read_opt<T: Stored>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        match self.read(namespace, name) {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Reads all objects of a kind that match, in one namespace or in all (`None`).
    ///
    /// # Errors
    /// Only when a stored object can't be read as its kind.
    pub fn read_all<T: Stored>(
        &self,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Result<TypedList<T>, StoreError> {
        let list = self.list(of::<T>(), namespace);
        let items = list
            .items
            .iter()
            .filter(|o| selector.matches(o))
            .map(|o| read(o))
            .collect::<Result<_, _>>()?;
        Ok(TypedList {
            items,
            revision: list.revision,
        })
    }

    /// Stores a new object in the namespace of its metadata.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn add<T: Stored>(&self, object: &T) -> Result<T, StoreError> {
        let resource = of::<T>();
        let namespace = object.metadata().namespace.clone().unwrap_or_default();
        read(&*self.create(resource, scoped(resource, &namespace), write(object)?)?)
    }

    /// Changes an object: the closure may run again when something else changed it meanwhile.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn modify<T: Stored>(
        &self,
        namespace: &str,
        name: &str,
        mut change: impl FnMut(&mut T),
    ) -> Result<T, StoreError> {
        let resource = of::<T>();
        let done = self.update(resource, scoped(resource, namespace), name, |value| {
            let mut object: T = read(value)?;
            change(&mut object);
            *value = write(&object)?;
            Ok(())
        })?;
        read(&done)
    }

    /// Deletes an object, or marks it when a grace period or a finalizer holds it back.
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub fn remove<T: Stored>(
        &self,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<T, StoreError> {
        let resource = of::<T>();
        let (object, _) = self.delete(resource, scoped(resource, namespace), name, options)?;
        read(&object)
    }

    /// Follows the changes of one kind after a revision.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when that is too long ago.
    pub fn follow<T: Stored>(
        &self,
        namespace: Option<&str>,
        from: u64,
    ) -> Result<TypedWatch<T>, StoreError> {
        Ok(TypedWatch {
            watch: self.watch(of::<T>(), namespace, from)?,
            kind: std::marker::PhantomData,
        })
    }
}
