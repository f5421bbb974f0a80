//! Running `pgctl` as an operator does.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ::pgctl::kubernetes::ConnectOptions;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use super::cluster::TestCluster;
use super::documents::document;

/// No command of these tests takes so long.
const LIMIT: Duration = Duration::from_secs(900);

/// What a command said, and how it ended.
pub(crate) struct Run {
    command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// It ended with this exit code.
    pub(crate) fn exits(self, code: i32) -> Result<Self> {
        if self.status.code() == Some(code) {
            return Ok(self);
        }
        bail!("{} instead of exit code {code}: {self}", self.status)
    }

    /// It was killed, and did not end by itself.
    #[cfg(feature = "failpoints")]
    pub(crate) fn was_killed(self) -> Result<Self> {
        if self.status.code().is_none() {
            return Ok(self);
        }
        bail!("{}, and was not killed: {self}", self.status)
    }

    /// Its text for people has these words.
    pub(crate) fn says(self, words: &str) -> Result<Self> {
        if self.stderr.contains(words) || self.stdout.contains(words) {
            return Ok(self);
        }
        bail!("does not say {words:?}: {self}")
    }

    /// Its result as data, which holds to its schema.
    pub(crate) fn json(&self) -> Result<Value> {
        document(&self.stdout).with_context(|| self.to_string())
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.stdout, self.stderr
        )
    }
}

impl TestCluster {
    /// What points `pgctl` at it.
    pub(crate) fn environment(&self) -> (&'static str, PathBuf) {
        self.backend.environment()
    }

    /// What points pgctl's own adapter at it.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        self.backend.connect_options()
    }

    /// Runs `pgctl` to its end. There is no terminal.
    pub(crate) async fn pgctl(&self, arguments: &[&str]) -> Result<Run> {
        self.pgctl_with(arguments, &[]).await
    }

    /// The same with more environment.
    pub(crate) async fn pgctl_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Run> {
        let mut command = self.command(arguments)?;
        command.envs(environment.iter().copied());
        let output = tokio::time::timeout(LIMIT, command.output())
            .await
            .with_context(|| format!("pgctl {} does not end", arguments.join(" ")))??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let variables: String = environment
            .iter()
            .map(|(k, v)| format!("{k}={v} "))
            .collect();
        Ok(Run {
            command: format!("{variables}pgctl {}", arguments.join(" ")),
            status: output.status,
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }

    /// Starts pgctl, for a test that goes by what it says while it runs. It dies with the test.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Result<Running> {
        let mut child = self.command(arguments)?.spawn()?;
        let stderr = child.stderr.take().context("stderr was asked for")?;
        Ok(Running {
            child,
            stderr: BufReader::new(stderr),
            said: String::new(),
        })
    }

    /// The command, for a test that looks at it while it runs. It dies with the test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        let program = std::env::var_os("PGCTL_TEST_BINARY")
            .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_pgctl")));
        let (variable, value) = self.backend.environment();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(variable, value)
            .env("NO_COLOR", "1")
            // Nobody's own defaults.
            .env("PGCTL_CONFIG", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }
}

/// A pgctl that runs, and what it has said on stderr so far.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    /// Waits until it has said these words.
    pub(crate) async fn says(&mut self, words: &str) -> Result<()> {
        while !self.said.contains(words) {
            let read = self.stderr.read_line(&mut self.said);
            let count = tokio::time::timeout(LIMIT, read).await;
            let count = count.with_context(|| format!("it does not say {words:?}"))??;
            ensure!(count > 0, "{words:?} is not in {}", self.said);
        }
        Ok(())
    }

    /// Waits until it has ended well; gives all that it has said.
    pub(crate) async fn ends_well(mut self) -> Result<String> {
        let rest = self.stderr.read_to_string(&mut self.said);
        let read = tokio::time::timeout(LIMIT, rest).await;
        read.context("it does not end")??;
        let status = self.child.wait().await?;
        ensure!(status.success(), "{status}: {}", self.said);
        Ok(self.said)
    }
}
