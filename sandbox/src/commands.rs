//! What the commands do.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use crate::cli::{Command, Down, Fault, Named, Up};
use crate::control::{Order, order};
use crate::daemon::{self, StartProgress};
use crate::home::{Folder, Home};
use crate::leftovers;

/// The user pressed Ctrl-C (or sent SIGTERM); everything was taken down again.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Does what was typed.
///
/// # Errors
/// What went wrong, for a person; [`Interrupted`] after Ctrl-C.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(arguments) => return daemon::serve(arguments),
        Command::Down(arguments) => return down(&arguments),
        Command::Kubeconfig(named) => return kubeconfig(&named),
        Command::List => return list(),
        Command::Up(_)
        | Command::Run(_)
        | Command::Env(_)
        | Command::Clients
        | Command::Fault(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting a runtime")?;
    match command {
        Command::Up(arguments) => runtime.block_on(up(arguments)),
        Command::Run(arguments) => runtime.block_on(foreground(arguments)),
        Command::Env(named) => runtime.block_on(environment(&named)),
        Command::Clients => say(&runtime.block_on(crate::clients::run())?),
        Command::Fault(fault) => runtime.block_on(break_something(fault)),
        _ => Ok(()),
    }
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to standard output")
}

/// Ctrl-C and SIGTERM, heard from its making on: none is lost between two waits.
struct Interrupts {
    interrupt: Signals,
    terminate: Signals,
}

impl Interrupts {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listening for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        })
    }

    /// Resolves when the user wants to end.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn up(arguments: Up) -> Result<()> {
    let folder = Home::from_env()?.folder(&arguments.name)?;
    start(&folder, &arguments, &mut Interrupts::listen()?).await?;
    say(&how_to_use(&folder))
}

async fn foreground(mut arguments: Up) -> Result<()> {
    let folder = Home::from_env()?.folder(&arguments.name)?;
    // Should this process be killed, the daemon notices that its only user is gone.
    let _user = folder.join_users()?;
    arguments.idle_exit = Some(Duration::from_secs(1));
    let mut interrupts = Interrupts::listen()?;
    start(&folder, &arguments, &mut interrupts).await?;
    say(&how_to_use(&folder))?;
    say("Ctrl-C ends it.")?;
    let died = async {
        while folder.is_running() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = interrupts.next() => {}
        () = died => {}
    }
    remove(&folder)
}

fn how_to_use(folder: &Folder) -> String {
    let name = folder.name();
    let path = folder.kubeconfig();
    format!(
        "Sandbox {name} is up. Point pgctl and kubectl at it:\n\n  \
         export KUBECONFIG={}\n  pgctl status\n  kubectl get pods\n\n\
         Remove it with: pgctl-sandbox down --name {name}",
        path.display()
    )
}

/// Starts the daemon and waits until it is ready. On failure or Ctrl-C nothing is left.
async fn start(folder: &Folder, arguments: &Up, interrupts: &mut Interrupts) -> Result<()> {
    let begun = Instant::now();
    let lock = folder.lock()?;
    // One that was just killed needs a moment to be dead.
    if !folder.wait_until_dead(Duration::from_millis(500)) {
        let name = folder.name();
        bail!(
            "sandbox {name} is already running; `pgctl-sandbox kubeconfig --name {name}` tells \
             how to reach it, `pgctl-sandbox down --name {name}` removes it"
        );
    }
    if folder.exists() {
        eprintln!("removing what a crashed sandbox {} left", folder.name());
        clean(folder)?;
    }
    folder.create()?;
    let (child, mut lines) = match spawn(folder, arguments) {
        Ok(spawned) => spawned,
        Err(error) => {
            leftovers::remove_tree(folder.path());
            return Err(error);
        }
    };
    let outcome = tokio::select! {
        outcome = follow(folder, arguments, &mut lines, lock) => outcome,
        () = interrupts.next() => Err(anyhow!(Interrupted)),
    };
    // The daemon is nobody's child from here on.
    drop(child);
    if outcome.is_err() {
        eprintln!("taking sandbox {} down", folder.name());
        remove(folder)?;
    } else {
        eprintln!("ready after {:.1} s", begun.elapsed().as_secs_f64());
    }
    outcome
}

fn spawn(folder: &Folder, arguments: &Up) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let program = std::env::current_exe().context("finding this program")?;
    let log = std::fs::File::create(folder.log()).context("making the log file")?;
    let mut command = tokio::process::Command::new(program);
    command.args(["serve", "--name", folder.name()]);
    command.arg(format!("--timeout={}ms", arguments.timeout.as_millis()));
    if arguments.no_wait {
        command.arg("--no-wait");
    }
    if let Some(idle) = arguments.idle_exit {
        command.arg(format!("--idle-exit={}ms", idle.as_millis()));
    }
    let cluster = &arguments.cluster;
    if let Some(replicas) = cluster.replicas {
        command.arg(format!("--replicas={replicas}"));
    }
    if let Some(namespace) = &cluster.namespace {
        command.arg(format!("--namespace={namespace}"));
    }
    if let Some(manifests) = &cluster.manifests {
        // The daemon has a directory of its own.
        let manifests = std::path::absolute(manifests).context("finding the manifests")?;
        command.arg("--manifests").arg(manifests);
    }
    if cluster.poolers {
        command.arg("--poolers");
    }
    if cluster.tls {
        command.arg("--tls");
    }
    if cluster.objects_only {
        command.arg("--objects-only");
    }
    command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = command.spawn().context("starting the daemon")?;
    let stdout = child
        .stdout
        .take()
        .context("the daemon's output is a pipe")?;
    Ok((child, BufReader::new(stdout).lines()))
}

/// Listens to the daemon until it is ready. The name is let go once the daemon holds the folder.
async fn follow(
    folder: &Folder,
    arguments: &Up,
    lines: &mut Lines<BufReader<ChildStdout>>,
    lock: crate::home::NameLock,
) -> Result<()> {
    let mut lock = Some(lock);
    while let Some(line) = lines.next_line().await.context("listening to the daemon")? {
        match serde_json::from_str(&line) {
            Ok(StartProgress::Alive) => drop(lock.take()),
            Ok(StartProgress::Started) if arguments.no_wait => return Ok(()),
            Ok(StartProgress::Started) => eprintln!("API server is up, waiting for PostgreSQL"),
            Ok(StartProgress::Ready) => return Ok(()),
            Ok(StartProgress::Failed(why)) => bail!("sandbox {}: {why}", folder.name()),
            Err(_) => eprintln!("{line}"),
        }
    }
    let log = std::fs::read_to_string(folder.log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n");
    bail!(
        "the daemon of sandbox {} ended unexpectedly:\n{last}",
        folder.name()
    )
}

fn down(arguments: &Down) -> Result<()> {
    let home = Home::from_env()?;
    let folders = if arguments.all {
        home.folders()?
    } else {
        vec![home.folder(&arguments.name)?]
    };
    let mut failed = None;
    for folder in folders {
        let existed = folder.exists();
        match remove(&folder) {
            Ok(()) if existed => say(&format!("sandbox {} removed", folder.name()))?,
            Ok(()) => say(&format!("there is no sandbox {}", folder.name()))?,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Ends the daemon, nicely if it listens, and removes all that belongs to the sandbox.
fn remove(folder: &Folder) -> Result<()> {
    let _lock = folder.lock()?;
    if folder.is_running() {
        // From a thread of its own: the caller may be inside a runtime.
        let socket = folder.socket();
        let asked = std::thread::spawn(move || -> Result<String> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let order = order(&socket, &Order::Stop);
                tokio::time::timeout(Duration::from_secs(2), order).await?
            })
        });
        let asked = asked.join().is_ok_and(|asked| asked.is_ok());
        let ended = asked && folder.wait_until_dead(Duration::from_secs(10));
        if !ended {
            for which in [Signal::SIGTERM, Signal::SIGKILL] {
                if let Some(pid) = folder.daemon() {
                    // It may have ended by itself in between.
                    let _ = kill(Pid::from_raw(pid), which);
                }
                if folder.wait_until_dead(Duration::from_secs(5)) {
                    break;
                }
            }
        }
        if folder.is_running() {
            bail!("the daemon of sandbox {} does not end", folder.name());
        }
    }
    clean(folder)
}

/// Removes what is left of a sandbox whose daemon is dead.
fn clean(folder: &Folder) -> Result<()> {
    if !leftovers::kill_all(folder.path()) {
        bail!("processes of sandbox {} do not end", folder.name());
    }
    leftovers::remove_tree(folder.path());
    if folder.exists() {
        bail!(
            "{} cannot be removed; look at its owner and mode",
            folder.path().display()
        );
    }
    Ok(())
}

fn running(name: &str) -> Result<Folder> {
    let folder = Home::from_env()?.folder(name)?;
    if folder.is_running() {
        return Ok(folder);
    }
    if folder.exists() {
        bail!(
            "sandbox {name} has crashed; `pgctl-sandbox down --name {name}` removes what it left"
        );
    }
    bail!(
        "there is no sandbox {name}; `pgctl-sandbox up --name {name}` starts one, \
         `pgctl-sandbox list` shows all"
    );
}

fn kubeconfig(named: &Named) -> Result<()> {
    let path = running(&named.name)?.kubeconfig();
    if !path.is_file() {
        bail!(
            "sandbox {} is just starting; try again in a second",
            named.name
        );
    }
    say(&path.display().to_string())
}

fn list() -> Result<()> {
    let mut rows = vec![["NAME", "STATUS", "NAMESPACE", "SERVER", "STARTED"].map(str::to_owned)];
    for folder in Home::from_env()?.folders()? {
        let state = folder.state();
        let field = |get: fn(&crate::home::State) -> &String| state.as_ref().map(get).cloned();
        rows.push([
            folder.name().to_owned(),
            if folder.is_running() {
                "running"
            } else {
                "crashed"
            }
            .to_owned(),
            field(|s| &s.namespace).unwrap_or_default(),
            field(|s| &s.server).unwrap_or_default(),
            field(|s| &s.started).unwrap_or_default(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    for row in &rows {
        let cells = row
            .iter()
            .enumerate()
            .map(|(i, cell)| format!("{cell:<w$}", w = width(i)));
        say(cells.collect::<Vec<_>>().join("   ").trim_end())?;
    }
    Ok(())
}

async fn break_something(fault: Fault) -> Result<()> {
    let folder = running(&fault.named.name)?;
    say(&order(&folder.socket(), &Order::Fault(fault.kind)).await?)
}

async fn environment(named: &Named) -> Result<()> {
    let folder = running(&named.name)?;
    say(&order(&folder.socket(), &Order::Environment).await?)
}
