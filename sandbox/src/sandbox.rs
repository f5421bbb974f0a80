//! Sandboxes for tests, in the test's own process or shared by many.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

use crate::api::Server;
use crate::cli::FaultKind;
use crate::cluster::{Cluster, Options};
use crate::control::{Order, order};
use crate::faults::Faults;
use crate::home::{Folder, Home, Users};
use crate::leftovers;
use crate::leftovers::remove_tree;
use crate::store::Store;

/// How long a cluster may take to become ready, on a machine that runs other tests, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a shared sandbox stays when nobody uses it: from one test process to the next.
const IDLE: &str = "5s";

/// A sandbox in this process. It ends, and everything of it goes, when this is dropped.
pub struct Sandbox {
    folder: Folder,
    home: tempfile::TempDir,
    runtime: Option<Runtime>,
    cluster: Option<Cluster>,
    faults: Faults,
    store: Store,
    namespace: String,
}

impl Sandbox {
    /// Starts a sandbox and waits until every standby streams (with [`Options::api_only`] at once).
    ///
    /// It has threads of its own, so that it can be used in a test with any runtime or none.
    ///
    /// # Errors
    /// When something does not start; the message has the last lines of the pods' logs.
    pub fn start(options: &Options) -> Result<Self> {
        let sandbox = Self::start_without_waiting(options)?;
        sandbox.wait(PATIENCE)?;
        Ok(sandbox)
    }

    /// Starts a sandbox and returns when its objects are made.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start_without_waiting(options: &Options) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let home = tempfile::Builder::new()
            .prefix("pgctl-sandbox-")
            .tempdir()
            .context("making a folder for the sandbox")?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let folder = Home::at(home.path())?.folder(&name)?;
        folder.create()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sandbox")
            .enable_all()
            .build()
            .context("starting the sandbox's threads")?;
        let cluster = on(&runtime, Cluster::start(&folder, options))?;
        Ok(Self {
            faults: cluster.faults().clone(),
            store: cluster.store().clone(),
            namespace: cluster.namespace().to_owned(),
            folder,
            home,
            runtime: Some(runtime),
            cluster: Some(cluster),
        })
    }

    /// Waits until every pod is ready and every standby streams.
    ///
    /// # Errors
    /// When that takes longer than `timeout`; the message says what is missing.
    pub fn wait(&self, timeout: Duration) -> Result<()> {
        let (runtime, cluster) = self.running()?;
        on(runtime, cluster.wait(timeout))
    }

    fn running(&self) -> Result<(&Runtime, &Cluster)> {
        let runtime = self.runtime.as_ref().context("the sandbox has ended")?;
        let cluster = self.cluster.as_ref().context("the sandbox has ended")?;
        Ok((runtime, cluster))
    }

    /// The administrator's kubeconfig; its context has the namespace.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.kubeconfig()
    }

    /// The namespace of the kubeconfig's context.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// All objects, past the API: for tests that set a stage.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The API server: more kubeconfigs, and faults finer than [`Sandbox::fault`].
    ///
    /// # Errors
    /// Never while the sandbox runs.
    pub fn server(&self) -> Result<&Server> {
        Ok(self.running()?.1.server())
    }

    /// The faults, for asynchronous tests.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Breaks something, or mends it ([`FaultKind::Clear`]).
    ///
    /// # Errors
    /// When there is no such pod or node.
    pub fn fault(&self, fault: &FaultKind) -> Result<String> {
        let (runtime, _) = self.running()?;
        on(runtime, self.faults.apply(fault))
    }

    /// The folder of everything that belongs to it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let (Some(runtime), Some(cluster)) = (self.runtime.take(), self.cluster.take()) {
            // On a thread of its own: a runtime must not be waited for inside another one.
            let end = move || {
                runtime.block_on(cluster.stop());
                runtime.shutdown_timeout(Duration::from_secs(2));
            };
            drop(std::thread::spawn(end).join());
        }
        leftovers::kill_all(self.folder.path());
        remove_tree(self.home.path());
    }
}

/// Runs to completion from any thread, also from one that is inside another runtime.
fn on<T: Send>(runtime: &Runtime, work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| runtime.block_on(work));
        match thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A sandbox of a daemon's that many test processes use. It ends some seconds after the last one.
///
/// Tests that break something must mend it, and must not count on what others leave: for a cluster
/// of its own a test takes [`Sandbox::start`].
pub struct Shared {
    folder: Folder,
    namespace: String,
    _user: Users,
}

impl Shared {
    /// Joins the running sandbox of this name, or starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn join(name: &str, options: &Options) -> Result<Self> {
        let folder = Home::from_env()?.folder(name)?;
        // One starts it, the others wait for that one.
        let joining = folder.lock_joining()?;
        let user = folder.join_users()?;
        if !folder.is_running() {
            let program = program()?;
            let mut command = Command::new(program);
            command.args(["up", "--name", name, "--idle-exit", IDLE]);
            command.args(["--timeout", &format!("{}s", PATIENCE.as_secs())]);
            if let Some(replicas) = options.replicas {
                command.args(["--replicas", &replicas.to_string()]);
            }
            if let Some(namespace) = &options.namespace {
                command.args(["--namespace", namespace]);
            }
            if let Some(file) = &options.manifests {
                command.arg("--manifests").arg(file);
            }
            let output = command.output().context("starting the shared sandbox")?;
            if !output.status.success() {
                bail!(
                    "starting the shared sandbox {name}: {}",
                    String::from_utf8_lossy(&output.stderr).trim_end()
                );
            }
        }
        drop(joining);
        let state = folder
            .state()
            .context("the shared sandbox wrote nothing down")?;
        Ok(Self {
            folder,
            namespace: state.namespace,
            _user: user,
        })
    }

    /// The administrator's kubeconfig; its context has the namespace.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.kubeconfig()
    }

    /// The namespace of the kubeconfig's context.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Breaks something, or mends it ([`FaultKind::Clear`]).
    ///
    /// # Errors
    /// When there is no such pod or node.
    pub fn fault(&self, fault: &FaultKind) -> Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting a runtime")?;
        let order_text = Order::Fault(fault.clone());
        on(&runtime, order(&self.folder.socket(), &order_text))
    }
}

/// The `pgctl-sandbox` that belongs to this build: `PGCTL_SANDBOX_BIN`, or made by the cargo that
/// runs the test, so that it is never an old one.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("PGCTL_SANDBOX_BIN") {
        return Ok(PathBuf::from(program));
    }
    if let Some(cargo) = std::env::var_os("CARGO") {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--package",
                "pgctl-sandbox",
                "--bin",
                "pgctl-sandbox",
            ])
            .current_dir(root.unwrap_or(Path::new(".")))
            .output()
            .context("building pgctl-sandbox")?;
        if !built.status.success() {
            bail!(
                "building pgctl-sandbox: {}",
                String::from_utf8_lossy(&built.stderr)
            );
        }
    }
    let test = std::env::current_exe().context("finding this program")?;
    let beside = test
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("pgctl-sandbox"));
    let found = beside.take(3).find(|program| program.is_file());
    found
        .context("no pgctl-sandbox beside the tests: build the workspace, or set PGCTL_SANDBOX_BIN")
}
