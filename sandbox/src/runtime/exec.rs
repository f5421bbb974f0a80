//! Commands inside a running container.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::access::{ExecRequest, ExecStreams, RuntimeError, TerminalSize};
use super::container::Container;
use super::isolation::Isolation;
use super::process;
use super::proot;
use super::terminal::Terminal;

/// What a command printed at most that is kept of a probe or hook, as the kubelet does.
const MAX_OUTPUT: u64 = 10 * 1024;

/// The outcome of a probe or hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It ended: exit code, and stdout and stderr together.
    Exited(i32, String),
    /// It took longer than it may and was killed.
    TimedOut,
    /// It could not be started.
    Failed(String),
}

impl Container {
    /// Starts a command with the streams asked for.
    ///
    /// # Errors
    /// When the container has ended or the machine gives no process.
    pub async fn exec(
        &self,
        name: &str,
        request: ExecRequest,
    ) -> Result<ExecStreams, RuntimeError> {
        if self.exit().is_some() {
            return Err(RuntimeError::NotRunning(name.to_owned()));
        }
        let started = if request.tty {
            self.exec_terminal(request).await
        } else {
            self.exec_pipes(request).await
        };
        started.map_err(|source| RuntimeError::Io {
            doing: "starting the command".to_owned(),
            source,
        })
    }

    async fn exec_pipes(&self, request: ExecRequest) -> io::Result<ExecStreams> {
        let stream = |wanted| {
            if wanted {
                Stdio::piped()
            } else {
                Stdio::null()
            }
        };
        let mut command = self.command(&request.command, false);
        command
            .stdin(stream(request.stdin))
            .stdout(stream(request.stdout))
            .stderr(stream(request.stderr));
        let mut child = self.spawn(command).await?;
        Ok(ExecStreams {
            stdin: child.stdin.take().map(|s| Box::new(s) as _),
            stdout: child.stdout.take().map(|s| Box::new(s) as _),
            stderr: child.stderr.take().map(|s| Box::new(s) as _),
            resize: None,
            exit: self.exit_of(child),
        })
    }

    async fn exec_terminal(&self, request: ExecRequest) -> io::Result<ExecStreams> {
        let (terminal, inner) = Terminal::open()?;
        let mut command = self.command(&request.command, true);
        command
            .stdin(inner.try_clone()?)
            .stdout(inner.try_clone()?)
            .stderr(inner);
        let child = self.spawn(command).await?;
        let (resize, mut sizes) = mpsc::channel::<TerminalSize>(4);
        let resized = terminal.clone();
        tokio::spawn(async move {
            while let Some(size) = sizes.recv().await {
                // A terminal that is gone has no size.
                drop(resized.resize(size));
            }
        });
        Ok(ExecStreams {
            stdin: request.stdin.then(|| Box::new(terminal.clone()) as _),
            stdout: request.stdout.then(|| Box::new(terminal) as _),
            stderr: None,
            resize: Some(resize),
            exit: self.exit_of(child),
        })
    }

    /// Runs a probe or hook to its end, or kills it when it takes too long.
    pub async fn run(&self, argv: &[String], limit: Duration) -> CommandOutcome {
        if self.exit().is_some() {
            return CommandOutcome::Failed("container not running".to_owned());
        }
        let mut command = self.command(argv, false);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match self.spawn(command).await {
            Ok(child) => child,
            Err(e) => return CommandOutcome::Failed(e.to_string()),
        };
        let pid = pid_of(&child);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            let take = async |stream: Option<&mut (dyn tokio::io::AsyncRead + Unpin + Send)>,
                              into: &mut Vec<u8>| {
                if let Some(stream) = stream {
                    drop((&mut *stream).take(MAX_OUTPUT).read_to_end(into).await);
                    drop(tokio::io::copy(stream, &mut tokio::io::sink()).await);
                }
            };
            let (mut out, mut err) = (out, err);
            let exit = self.exit_of(child);
            let (_, _, exit) = tokio::join!(
                take(out.as_mut().map(|s| s as _), &mut first),
                take(err.as_mut().map(|s| s as _), &mut second),
                exit,
            );
            first.extend(second);
            first.truncate(usize::try_from(MAX_OUTPUT).unwrap_or(usize::MAX));
            (exit, String::from_utf8_lossy(&first).into_owned())
        };
        let mut work = std::pin::pin!(work);
        match tokio::time::timeout(limit, &mut work).await {
            Ok((Ok(code), output)) => CommandOutcome::Exited(code, output),
            Ok((Err(e), _)) => CommandOutcome::Failed(e.to_string()),
            Err(_) => {
                self.end_command(pid);
                CommandOutcome::TimedOut
            }
        }
    }

    fn command(&self, argv: &[String], terminal: bool) -> Command {
        let spec = &self.inner.spec;
        let tools = &self.inner.containers.tools;
        let mut words: Vec<OsString> = Vec::new();
        let on_terminal = |words: &mut Vec<OsString>| {
            if terminal {
                words.extend([
                    tools.setsid.clone().into(),
                    "--ctty".into(),
                    "--wait".into(),
                ]);
            }
        };
        match tools.isolation {
            Isolation::Bubblewrap => {
                words.push(tools.nsenter.clone().into());
                words.push("-t".into());
                words.push(self.inner.main.to_string().into());
                words.extend(["-U", "-m", "-p", "-u", "-i"].map(OsString::from));
                words.push("--preserve-credentials".into());
                words.push("--".into());
                if spec.cwd() != "/" {
                    words.extend(["/usr/bin/env", "-C", spec.cwd()].map(OsString::from));
                }
                // Inside: Ctrl-C is for the command, and would end an `nsenter` on the same terminal.
                on_terminal(&mut words);
                words.extend(argv.iter().map(OsString::from));
            }
            Isolation::Proot => {
                on_terminal(&mut words);
                words.push(tools.setpriv.clone().into());
                words.extend(["--pdeathsig", "QUIT"].map(OsString::from));
                words.push(tools.program.clone().into());
                words.extend(proot::arguments(spec, argv));
            }
        }
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env_clear()
            .envs(spec.env.iter().map(|(k, v)| (k, v)))
            .current_dir("/");
        if terminal {
            command.env("TERM", "xterm");
        }
        command.process_group(0);
        command
    }

    async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let child = self
            .inner
            .containers
            .spawner
            .run(move || command.spawn())
            .await?;
        self.add_command(pid_of(&child));
        Ok(child)
    }

    fn exit_of(
        &self,
        mut child: Child,
    ) -> futures::future::BoxFuture<'static, Result<i32, RuntimeError>> {
        use std::os::unix::process::ExitStatusExt;
        let container = self.clone();
        let pid = pid_of(&child);
        // Waited for in a task of its own: the child is reaped even when nobody asks.
        let ended = tokio::spawn(async move {
            let status = child.wait().await;
            container.remove_command(pid);
            status
        });
        Box::pin(async move {
            let unknown = |source| RuntimeError::Io {
                doing: "waiting for the command".to_owned(),
                source,
            };
            let status = ended.await.map_err(io::Error::other).map_err(unknown)?;
            let status = status.map_err(unknown)?;
            Ok(status
                .code()
                .or(status.signal().map(|signal| 128 + signal))
                .unwrap_or(255))
        })
    }

    /// Ends a command: the process behind `nsenter`, or all that its proot traces.
    fn end_command(&self, pid: i32) {
        match self.inner.containers.tools.isolation {
            Isolation::Bubblewrap => {
                for child in process::children(pid) {
                    process::signal(child, Signal::SIGKILL);
                }
                // It stops itself when its child is stopped, and would never reap it.
                process::signal(pid, Signal::SIGCONT);
            }
            Isolation::Proot => process::signal(pid, Signal::SIGQUIT),
        }
    }
}

fn pid_of(child: &Child) -> i32 {
    child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .unwrap_or_default()
}
