//! A process at the source, in a pod or on this machine, with its streams.

use std::any::Any;
use std::process::Stdio;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::AttachedProcess;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::Command;

use crate::kubernetes::exit_code;

/// A running process and its streams.
pub struct RemoteProcess {
    /// Its stdin: kept open for as long as the process shall run.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its stdout.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its stderr.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Its exit code; none when that was lost with the connection, which is never a success.
    pub exit: BoxFuture<'static, Option<i32>>,
    /// Ends the connection, or the process, when it is dropped.
    pub guard: Box<dyn Any + Send>,
}

impl RemoteProcess {
    /// A command that runs in a container; none when a stream is missing.
    pub fn in_pod(mut process: AttachedProcess) -> Option<Self> {
        let status = process.take_status()?;
        Some(Self {
            stdin: Box::new(process.stdin()?),
            stdout: Box::new(process.stdout()?),
            stderr: Box::new(process.stderr()?),
            exit: async move { status.await.map(|status| exit_code(&status)) }.boxed(),
            guard: Box::new(process),
        })
    }

    /// Starts a command on this machine, without the PG* variables of this process.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn here(argv: &[String]) -> std::io::Result<Self> {
        let [program, arguments @ ..] = argv else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        let mut command = Command::new(program);
        // Where to connect to is said on the command line; PGSERVICE and its like would overrule it.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal is ours to handle: it stops the process through its stdin.
            .process_group(0)
            .spawn()?;
        let missing = || std::io::Error::other("the process has no pipes");
        Ok(Self {
            stdin: Box::new(child.stdin.take().ok_or_else(missing)?),
            stdout: Box::new(child.stdout.take().ok_or_else(missing)?),
            stderr: Box::new(child.stderr.take().ok_or_else(missing)?),
            exit: async move { child.wait().await.ok().and_then(|status| status.code()) }.boxed(),
            guard: Box::new(()),
        })
    }
}
