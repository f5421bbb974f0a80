//! The cluster's objects as a test sees and changes them: past the API on the sandbox, whose faults
//! are meant for `pgctl` alone, and through the API on every other cluster.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, PostParams};
use kube::core::Request;
use pgctl_sandbox::store::{DeleteOptions, Resource, Selector, Store, Stored, of};
use serde_json::Value;
use tokio::runtime::Runtime;

/// How often a change is tried again that another one came before.
const TRIES: usize = 20;

/// The objects of a cluster.
#[derive(Clone)]
pub(crate) enum Objects {
    Store(Store),
    Api(Client),
}

/// Objects of one kind.
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
}

impl Objects {
    pub(crate) fn read<T: Stored>(&self, namespace: &str, name: &str) -> Result<T> {
        match self {
            Self::Store(store) => Ok(store.read(namespace, name)?),
            Self::Api(client) => {
                let request = path(of::<T>(), Some(namespace)).get(name, &GetParams::default())?;
                Ok(serde_json::from_value(ask(client, request)?)?)
            }
        }
    }

    pub(crate) fn read_opt<T: Stored>(&self, namespace: &str, name: &str) -> Result<Option<T>> {
        match self {
            Self::Store(store) => Ok(store.read_opt(namespace, name)?),
            Self::Api(_) => match self.read(namespace, name) {
                Ok(object) => Ok(Some(object)),
                Err(error) if is_status(&error, 404) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    pub(crate) fn read_all<T: Stored>(
        &self,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Result<List<T>> {
        let found = self.list(of::<T>(), namespace)?.into_iter();
        let items = found.filter(|object| selector.matches(object));
        let items = items.map(|object| Ok(serde_json::from_value(object)?));
        Ok(List {
            items: items.collect::<Result<_>>()?,
        })
    }

    /// The objects of a kind as they are.
    pub(crate) fn list(
        &self,
        kind: &'static Resource,
        namespace: Option<&str>,
    ) -> Result<Vec<Value>> {
        let items = match self {
            Self::Store(store) => {
                let found = store.list(kind, namespace).items;
                return Ok(found.iter().map(|object| Value::clone(object)).collect());
            }
            Self::Api(client) => {
                let request = path(kind, namespace).list(&ListParams::default())?;
                ask(client, request)?["items"].take()
            }
        };
        match items {
            Value::Array(items) => Ok(items),
            other => bail!("a list of {} is {other}", kind.plural),
        }
    }

    pub(crate) fn add<T: Stored>(&self, object: &T) -> Result<T> {
        match self {
            Self::Store(store) => Ok(store.add(object)?),
            Self::Api(client) => {
                let namespace = object.metadata().namespace.clone();
                let path = path(of::<T>(), namespace.as_deref());
                let body = serde_json::to_vec(object)?;
                let request = path.create(&PostParams::default(), body)?;
                Ok(serde_json::from_value(ask(client, request)?)?)
            }
        }
    }

    /// Changes an object: the closure may run again when something else changed it meanwhile.
    pub(crate) fn modify<T: Stored>(
        &self,
        namespace: &str,
        name: &str,
        mut change: impl FnMut(&mut T),
    ) -> Result<T> {
        let client = match self {
            Self::Store(store) => return Ok(store.modify(namespace, name, change)?),
            Self::Api(client) => client,
        };
        for _ in 0..TRIES {
            let mut object: T = self.read(namespace, name)?;
            change(&mut object);
            let body = serde_json::to_vec(&object)?;
            let path = path(of::<T>(), Some(namespace));
            match ask(client, path.replace(name, &PostParams::default(), body)?) {
                Ok(object) => return Ok(serde_json::from_value(object)?),
                Err(error) if is_status(&error, 409) => {}
                Err(error) => return Err(error),
            }
        }
        bail!("{name} is changed by somebody else all the time")
    }

    pub(crate) fn remove<T: Stored>(
        &self,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<()> {
        match self {
            Self::Store(store) => {
                store.remove::<T>(namespace, name, options)?;
            }
            Self::Api(client) => {
                let params = DeleteParams {
                    grace_period_seconds: options.grace_seconds.map(u32::try_from).transpose()?,
                    ..DeleteParams::default()
                };
                let path = path(of::<T>(), Some(namespace));
                ask(client, path.delete(name, &params)?)?;
            }
        }
        Ok(())
    }
}

fn path(kind: &Resource, namespace: Option<&str>) -> Request {
    let root = match kind.group {
        "" => format!("/api/{}", kind.version),
        group => format!("/apis/{group}/{}", kind.version),
    };
    Request::new(match namespace {
        Some(namespace) if kind.namespaced => {
            format!("{root}/namespaces/{namespace}/{}", kind.plural)
        }
        _ => format!("{root}/{}", kind.plural),
    })
}

fn ask(client: &Client, request: http::Request<Vec<u8>>) -> Result<Value> {
    let what = format!("{} {}", request.method(), request.uri());
    wait(client.request::<Value>(request)).context(what)
}

fn is_status(error: &anyhow::Error, code: u16) -> bool {
    let status = error.downcast_ref::<kube::Error>();
    matches!(status, Some(kube::Error::Api(status)) if status.code == code)
}

/// Runs to completion from any thread, also from one that is inside another runtime.
pub(crate) fn wait<T: Send>(work: impl Future<Output = T> + Send) -> T {
    // Never dropped: the clients that were made on it live as long as the tests.
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| RUNTIME.block_on(work));
        match thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
