//! Where the cluster of a test is: a sandbox of its own, or the cluster that `PGCTL_TEST_CONTEXT`
//! names (a context of the kubeconfig, whose namespace has the deployment), one test at a time.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::pgctl::kubernetes::ConnectOptions;
use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Client;
use kube::config::{Config, KubeConfigOptions};
use pgctl_sandbox::certificates::CertificateAuthority;
use pgctl_sandbox::store::Selector;
use pgctl_sandbox::{Options, Sandbox};

use super::objects::{Objects, wait};

/// Names a context of the kubeconfig to run on, instead of a sandbox.
const VARIABLE: &str = "PGCTL_TEST_CONTEXT";

/// The prefix of the sandbox's objects.
const SANDBOX_PREFIX: &str = "sandbox-postgres-";

/// The prefix of every object's name: the same for all tests of a process.
static PREFIX: OnceLock<String> = OnceLock::new();

/// The cluster of one test.
pub(crate) enum Backend {
    Sandbox(Arc<Sandbox>),
    Given(Given),
}

/// A cluster that was there before, and will be there afterwards.
pub(crate) struct Given {
    context: String,
    namespace: String,
    client: Client,
    /// Two tests at once would take each other's cluster apart.
    _alone: MutexGuard<'static, ()>,
}

/// The context to run on instead of a sandbox.
fn given() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|it| !it.is_empty())
}

/// True, and said by the test's name, when a cluster was given and this test needs the sandbox.
pub(super) fn skipped() -> bool {
    let given = given();
    if let Some(context) = &given {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not `eprintln`: the output of a test that passes is thrown away.
        let line = format!(
            "SKIPPED on {context}: {test}: it needs what only the sandbox has (faults, files, stores), or breaks the cluster for good\n"
        );
        drop(std::io::stderr().write_all(line.as_bytes()));
    }
    given.is_some()
}

/// The prefix of the cluster's objects.
pub(crate) fn prefix() -> &'static str {
    PREFIX.get().map_or(SANDBOX_PREFIX, String::as_str)
}

impl Backend {
    pub(crate) fn find(standbys: u32) -> Result<Self> {
        match given() {
            Some(context) => Ok(Self::Given(Given::connect(context)?)),
            None => Ok(Self::Sandbox(new_sandbox(standbys, false, None)?)),
        }
    }

    pub(crate) fn objects(&self) -> Objects {
        match self {
            Self::Sandbox(sandbox) => Objects::Store(sandbox.store().clone()),
            Self::Given(given) => Objects::Api(given.client.clone()),
        }
    }

    /// The client of a cluster that is no sandbox.
    pub(super) fn client(&self) -> Option<&Client> {
        match self {
            Self::Sandbox(_) => None,
            Self::Given(given) => Some(&given.client),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Sandbox(sandbox) => sandbox.namespace(),
            Self::Given(given) => &given.namespace,
        }
    }

    /// What points `pgctl` at it.
    pub(crate) fn environment(&self) -> (&'static str, PathBuf) {
        match self {
            Self::Sandbox(sandbox) => ("KUBECONFIG", sandbox.kubeconfig()),
            Self::Given(given) => ("PGCTL_CONTEXT", PathBuf::from(&given.context)),
        }
    }

    /// What points pgctl's own adapter at it.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        let (kubeconfig, context) = match self {
            Self::Sandbox(sandbox) => (Some(sandbox.kubeconfig()), None),
            Self::Given(given) => (None, Some(given.context.clone())),
        };
        ConnectOptions {
            kubeconfig,
            context,
            namespace: None,
            timeout: Duration::from_secs(120),
        }
    }
}

/// A sandbox of one test's own.
pub(super) fn new_sandbox(
    standbys: u32,
    poolers: bool,
    authority: Option<Arc<CertificateAuthority>>,
) -> Result<Arc<Sandbox>> {
    let sandbox = Sandbox::start(&Options {
        replicas: Some(standbys),
        poolers,
        authority,
        only_bounds_scale: true,
        ..Options::default()
    })?;
    Ok(Arc::new(sandbox))
}

impl Given {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    fn connect(context: String) -> Result<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let options = KubeConfigOptions {
            context: Some(context.clone()),
            ..KubeConfigOptions::default()
        };
        let (client, namespace) = wait(async {
            let config = Config::from_kubeconfig(&options).await?;
            let namespace = config.default_namespace.clone();
            anyhow::Ok((Client::try_from(config)?, namespace))
        })
        .with_context(|| format!("{VARIABLE}={context}"))?;
        let sets = Objects::Api(client.clone())
            .read_all::<StatefulSet>(Some(&namespace), &Selector::everything())?;
        let names = sets.items.into_iter().filter_map(|set| set.metadata.name);
        let prefix = names
            .filter_map(|name| Some(name.strip_suffix("primary")?.to_owned()))
            .next()
            .with_context(|| format!("no StatefulSet …postgres-primary in {namespace}"))?;
        PREFIX.get_or_init(|| prefix);
        Ok(Self {
            context,
            namespace,
            client,
            _alone: alone,
        })
    }
}
