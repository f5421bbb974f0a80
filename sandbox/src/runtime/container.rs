//! A running container.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::isolation::{Isolation, Tools};
use super::logs::{Log, LogWriter};
use super::process::{self, Tree, Usage};
use super::spawner::Spawner;
use super::spec::ContainerSpec;
use super::{bubblewrap, proot, signals};

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code of its main process, 128 + N when signal N ended it.
    pub code: i32,
}

/// Why a container could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its program or a mount could not be used; the text is for the container's status.
    #[error("{0}")]
    Refused(String),
    /// The machine refused something else.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, as a gerund.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Io { doing, source }
}

/// Starts containers. They die with this value.
#[derive(Debug)]
pub struct Containers {
    pub(super) tools: Tools,
    pub(super) spawner: Spawner,
}

impl Containers {
    /// Prepares to start containers with the given tools. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// When the machine gives no thread, or refuses the filter that proot needs, or signal handlers.
    pub fn new(tools: Tools) -> io::Result<Arc<Self>> {
        signals::reset_ignored()?;
        let spawner = match tools.isolation {
            Isolation::Bubblewrap => Spawner::start(|| Ok(()))?,
            Isolation::Proot => Spawner::start(proot::forget_new_system_calls)?,
        };
        Ok(Arc::new(Self { tools, spawner }))
    }

    /// What keeps the containers apart.
    pub fn isolation(&self) -> Isolation {
        self.tools.isolation
    }

    /// Starts a container and returns once its own program runs.
    ///
    /// # Errors
    /// When the program or a mount can't be used, or the machine refuses.
    pub async fn start(self: &Arc<Self>, spec: ContainerSpec) -> Result<Container, StartError> {
        std::fs::create_dir_all(spec.scratch.join("tmp")).map_err(failed("making its folder"))?;
        let (log, output) = LogWriter::create(&spec.log).map_err(failed("creating its log"))?;
        let (status, status_in) = io::pipe().map_err(failed("making a pipe"))?;
        let command = self.command(&spec, status_in.as_raw_fd());
        let status_in = OwnedFd::from(status_in);
        let mut child = self
            .spawner
            .run(move || spawn_with(command, status_in))
            .await
            .map_err(failed("starting its process"))?;
        let drains = [
            child
                .stdout
                .take()
                .map(|s| tokio::spawn(log.clone().take("stdout", s))),
            child
                .stderr
                .take()
                .map(|s| tokio::spawn(log.clone().take("stderr", s))),
        ];
        drop(log);
        let status = pipe::Receiver::from_owned_fd(OwnedFd::from(status))
            .map_err(failed("reading its status"))?;
        let supervisor = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or_default();
        let watcher = Watcher {
            child,
            supervisor,
            status,
            drains,
        };
        let started = match self.tools.isolation {
            Isolation::Bubblewrap => watcher.bubblewrap().await,
            Isolation::Proot => watcher.proot().await,
        };
        let (main, tree, exit) = match started {
            Some(started) => started,
            None => return Err(StartError::Refused(refusal(&output, &spec).await)),
        };
        Ok(Container {
            inner: Arc::new(Inner {
                containers: Arc::clone(self),
                spec,
                main,
                supervisor,
                tree,
                exit,
                commands: Mutex::default(),
                frozen: AtomicBool::new(false),
                killed: AtomicBool::new(false),
                log: output,
            }),
        })
    }

    fn command(&self, spec: &ContainerSpec, status_fd: i32) -> Command {
        let mut command = match self.tools.isolation {
            Isolation::Bubblewrap => {
                let mut command = Command::new(&self.tools.program);
                command.args(bubblewrap::arguments(spec, status_fd));
                command
            }
            Isolation::Proot => {
                // At SIGQUIT proot takes its processes along; at SIGKILL it could not.
                let mut command = Command::new(&self.tools.setpriv);
                command.args(["--pdeathsig", "QUIT"]);
                command.arg(&self.tools.program);
                command.args(proot::arguments(spec, &spec.argv));
                command
            }
        };
        command
            .env_clear()
            .envs(spec.env.iter().map(|(k, v)| (k, v)))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Starts a command that inherits one more file. Nothing else is started from this thread at the
/// same time, so no other container gets it.
fn spawn_with(mut command: Command, inherited: OwnedFd) -> io::Result<Child> {
    fcntl(&inherited, FcntlArg::F_SETFD(FdFlag::empty()))?;
    command.spawn()
}

/// What bubblewrap or proot said instead of starting the program.
async fn refusal(log: &Log, spec: &ContainerSpec) -> String {
    let said = log.last_output(3, 1024);
    let said = said.trim();
    let program = spec.argv.first().map_or("", String::as_str);
    if said.contains("execvp")
        || said.contains("execve")
        || said.contains("proot error: '")
        || said.is_empty()
    {
        return format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"{program}\": executable file not found in $PATH: unknown"
        );
    }
    format!("failed to create containerd task: {said}")
}

type Started = (i32, Tree, watch::Receiver<Option<Exit>>);

/// Follows a container from its start to its end.
struct Watcher {
    child: Child,
    supervisor: i32,
    status: pipe::Receiver,
    drains: [Option<tokio::task::JoinHandle<()>>; 2],
}

/// How often to look whether the container's own program has replaced the one that set it up.
const SETUP_STEP: Duration = Duration::from_millis(1);

impl Watcher {
    /// Waits until the program runs. None: it never did, and the log says why.
    async fn bubblewrap(mut self) -> Option<Started> {
        let mut seen = Vec::new();
        let main = loop {
            if self.status.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                self.end().await;
                return None;
            }
            if let Some(pid) = number(&seen, "child-pid") {
                break pid;
            }
        };
        let Some(tree) = self.settled(main).await.then(|| Tree::namespace_of(main)) else {
            // It ended before it was looked at: a very short program, or none at all.
            let mut rest = seen;
            drop(self.status.read_to_end(&mut rest).await);
            let code = self.end().await;
            number(&rest, "exit-code")?;
            let (_, exit) = watch::channel(Some(Exit { code }));
            return Some((main, Tree::Tracers(Vec::new()), exit));
        };
        let (ended, exit) = watch::channel(None);
        tokio::spawn(async move {
            let code = self.end().await;
            ended.send_replace(Some(Exit { code }));
        });
        Some((main, tree.unwrap_or(Tree::Tracers(Vec::new())), exit))
    }

    /// As above; proot gives no sign of its own, so a program that ends at once without having
    /// been seen counts as started unless proot complained.
    async fn proot(mut self) -> Option<Started> {
        let tracer = self.supervisor;
        let main = loop {
            if let Some(pid) = process::children(tracer).first() {
                break *pid;
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                self.end().await;
                return None;
            }
            tokio::time::sleep(SETUP_STEP).await;
        };
        let tree = Tree::Tracers(vec![tracer]);
        if !self.settled(main).await {
            let code = self.end().await;
            // proot's own failures end with 255 or 127 (it could not execute the program).
            if code == 255 || code == 127 {
                return None;
            }
            let (_, exit) = watch::channel(Some(Exit { code }));
            return Some((main, tree, exit));
        }
        let (ended, exit) = watch::channel(None);
        let end_of_main = pid_end(main);
        let rest = tree.clone();
        tokio::spawn(async move {
            let finished = async {
                end_of_main.await;
                // Without a PID namespace nothing takes the other processes along. proot tells the
                // exit code of the first one when the last one is gone.
                while !rest.members().is_empty() {
                    rest.signal(Signal::SIGKILL);
                    tokio::time::sleep(SETUP_STEP).await;
                }
                std::future::pending::<()>().await;
            };
            let code = tokio::select! {
                code = self.end() => code,
                () = finished => return,
            };
            ended.send_replace(Some(Exit { code }));
        });
        Some((main, tree, exit))
    }

    /// True when the program runs, false when the process ended before it was seen running.
    async fn settled(&mut self, main: i32) -> bool {
        loop {
            match process::program(main).as_deref() {
                Some("bwrap" | "proot" | "setpriv") => {}
                Some(_) => return true,
                None => return false,
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            tokio::time::sleep(SETUP_STEP).await;
        }
    }

    /// The exit code, after the output has been stored.
    async fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().await;
        for drain in self.drains.iter_mut().filter_map(Option::take) {
            // A process that escaped with the pipe must not delay the status.
            drop(tokio::time::timeout(Duration::from_millis(200), drain).await);
        }
        match status {
            Ok(status) => status
                .code()
                .or(status.signal().map(|signal| 128 + signal))
                .unwrap_or(255),
            Err(_) => 255,
        }
    }
}

/// Resolves when the process has ended.
#[expect(
    deprecated,
    reason = "its replacement is unsafe; an OwnedFd keeps the promise that it asks for"
)]
async fn pid_end(pid: i32) {
    let Some(pid) = Pid::from_raw(pid) else {
        return;
    };
    let Ok(fd) = pidfd_open(pid, PidfdFlags::NONBLOCK) else {
        return;
    };
    if let Ok(fd) = AsyncFd::with_interest(fd, tokio::io::Interest::READABLE) {
        drop(fd.readable().await);
    }
}

/// A number in bubblewrap's stream of JSON documents.
fn number(stream: &[u8], field: &str) -> Option<i32> {
    serde_json::Deserializer::from_slice(stream)
        .into_iter::<Value>()
        .map_while(Result::ok)
        .find_map(|document| document.get(field)?.as_i64()?.try_into().ok())
}

/// A container whose program has been started. Clones are the same container.
#[derive(Clone)]
pub struct Container {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) containers: Arc<Containers>,
    pub(super) spec: ContainerSpec,
    pub(super) main: i32,
    supervisor: i32,
    tree: Tree,
    exit: watch::Receiver<Option<Exit>>,
    /// What was started outside for each command that runs inside: its proot, or its `nsenter`.
    commands: Mutex<BTreeSet<i32>>,
    frozen: AtomicBool,
    killed: AtomicBool,
    log: Log,
}

impl Container {
    /// The log of this run.
    pub fn log(&self) -> &Log {
        &self.inner.log
    }

    /// How it ended, when it has.
    pub fn exit(&self) -> Option<Exit> {
        (*self.inner.exit.borrow()).map(|exit| self.as_killed(exit))
    }

    /// proot does not tell that a signal ended the main process.
    fn as_killed(&self, exit: Exit) -> Exit {
        let traced = self.inner.containers.tools.isolation == Isolation::Proot;
        if traced && self.inner.killed.load(Ordering::SeqCst) {
            return Exit { code: 137 };
        }
        exit
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.inner.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => self.as_killed(exit.unwrap_or(Exit { code: 255 })),
            // The watcher is gone: the daemon is ending.
            Err(_) => Exit { code: 255 },
        }
    }

    /// Sends a signal to the main process. A process that is PID 1 of its own namespace ignores
    /// signals that it has no handler for, as in any container.
    pub fn signal(&self, which: Signal) {
        if self.exit().is_none() {
            process::signal(self.inner.main, which);
        }
    }

    /// Ends every process of the container at once.
    pub fn kill(&self) {
        if self.exit().is_some() {
            return;
        }
        self.inner.killed.store(true, Ordering::SeqCst);
        match self.inner.containers.tools.isolation {
            // The end of PID 1 is the end of its namespace.
            Isolation::Bubblewrap => {
                process::signal(self.inner.main, Signal::SIGKILL);
                self.wake_commands();
            }
            Isolation::Proot => {
                self.tree().signal(Signal::SIGKILL);
                for tracer in self.tracers() {
                    process::signal(tracer, Signal::SIGCONT);
                }
            }
        }
    }

    /// Stops every process of the container where it is; connections to it stay open and silent.
    /// Commands started afterwards run.
    pub fn freeze(&self) {
        if self.exit().is_some() {
            return;
        }
        self.inner.frozen.store(true, Ordering::SeqCst);
        // A traced process stops only while its tracer does not answer.
        for tracer in self.tracers() {
            process::signal(tracer, Signal::SIGSTOP);
        }
        self.tree().freeze();
    }

    /// Lets frozen processes go on.
    pub fn unfreeze(&self) {
        self.inner.frozen.store(false, Ordering::SeqCst);
        if self.exit().is_some() {
            return;
        }
        for tracer in self.tracers() {
            process::signal(tracer, Signal::SIGCONT);
        }
        self.tree().signal(Signal::SIGCONT);
        self.wake_commands();
    }

    /// An `nsenter` stops itself when the process that it started inside is stopped. While it is,
    /// nobody reaps that process, and a namespace does not end before all of its own are reaped.
    fn wake_commands(&self) {
        for command in self.lock_commands().iter() {
            process::signal(*command, Signal::SIGCONT);
        }
    }

    /// Whether [`Container::freeze`] is in force.
    pub fn is_frozen(&self) -> bool {
        self.inner.frozen.load(Ordering::SeqCst)
    }

    /// CPU time and memory of all its processes.
    pub fn usage(&self) -> Usage {
        match self.exit() {
            Some(_) => Usage::default(),
            None => self.tree().usage(),
        }
    }

    /// Remembers the process outside of a command that was started in the container.
    pub(super) fn add_command(&self, pid: i32) {
        self.lock_commands().insert(pid);
    }

    pub(super) fn remove_command(&self, pid: i32) {
        self.lock_commands().remove(&pid);
    }

    fn lock_commands(&self) -> std::sync::MutexGuard<'_, BTreeSet<i32>> {
        self.inner
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tracers(&self) -> Vec<i32> {
        match self.inner.containers.tools.isolation {
            Isolation::Bubblewrap => Vec::new(),
            Isolation::Proot => {
                let mut all = vec![self.inner.supervisor];
                all.extend(self.lock_commands().iter());
                all
            }
        }
    }

    fn tree(&self) -> Tree {
        match self.inner.containers.tools.isolation {
            Isolation::Bubblewrap => self.inner.tree.clone(),
            Isolation::Proot => Tree::Tracers(self.tracers()),
        }
    }
}
