//! `pgctl` on a terminal, with somebody who types.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pgctl::cluster::words::shell_word;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::cluster::TestCluster;

/// Nothing on the screen takes so long.
const LIMIT: Duration = Duration::from_secs(300);

/// A command that runs on a terminal of its own. It dies with the test.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    output: ChildStdout,
    shown: String,
    /// The beginning of a character.
    begun: Vec<u8>,
}

type Environment = [(&'static str, OsString); 3];

impl TestCluster {
    /// Runs `pgctl` on a terminal.
    pub(crate) fn on_a_terminal(&self, arguments: &[&str]) -> Result<Terminal> {
        let (line, environment) = self.terminal_line(arguments)?;
        Terminal::runs(&line, &environment)
    }

    /// `pgctl` as a command of the shell, and the environment that it needs.
    pub(crate) fn terminal_line(&self, arguments: &[&str]) -> Result<(String, Environment)> {
        let (variable, value) = self.backend.environment();
        let program = self.command(arguments)?.as_std().get_program().to_owned();
        let environment = [
            ("PGCTL", program),
            (variable, value.into()),
            ("NO_COLOR", "1".into()),
        ];
        let words: Vec<String> = arguments.iter().map(|it| shell_word(it)).collect();
        // A plain shell gets them, and that does not know how `shell_word` writes what no screen prints.
        ensure!(!words.iter().any(|it| it.starts_with("$'")), "{words:?}");
        Ok((format!("\"$PGCTL\" {}", words.join(" ")), environment))
    }
}

impl Terminal {
    /// Runs a command of the shell on a terminal of 80 columns and 24 lines (util-linux's `script`).
    pub(crate) fn runs(command: &str, environment: &[(&str, OsString)]) -> Result<Self> {
        let line = format!("stty rows 24 cols 80; exec {command}");
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &line,
                "/dev/null",
            ])
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            // What runs the tests may have no terminal itself.
            .env("TERM", "xterm")
            .env("PGCTL_CONFIG", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting script (util-linux)")?;
        let keyboard = child.stdin.take().context("no keyboard")?;
        let output = child.stdout.take().context("no screen")?;
        Ok(Self {
            child,
            keyboard,
            output,
            shown: String::new(),
            begun: Vec::new(),
        })
    }

    /// Waits until the screen shows these words.
    pub(crate) async fn shows(&mut self, words: &str) -> Result<&mut Self> {
        while !self.shown.contains(words) {
            if !self.read_more().await? {
                bail!("it ended without showing {words:?}: {}", self.shown);
            }
        }
        Ok(self)
    }

    /// Waits until the screen shows these words behind those: a prompt, say, at which somebody can type again.
    pub(crate) async fn shows_behind(&mut self, before: &str, words: &str) -> Result<&mut Self> {
        self.shows(before).await?;
        let behind = |shown: &str| {
            let begin = shown.rfind(before).unwrap_or_default();
            shown[begin..].contains(words)
        };
        while !behind(&self.shown) {
            if !self.read_more().await? {
                bail!(
                    "it ended without showing {words:?} at its end: {}",
                    self.shown
                );
            }
        }
        Ok(self)
    }

    /// All that was on the screen so far.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Types a line.
    pub(crate) async fn types(&mut self, line: &str) -> Result<&mut Self> {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .await?;
        self.keyboard.flush().await?;
        Ok(self)
    }

    /// Presses keys, such as Ctrl-C (3).
    pub(crate) async fn presses(&mut self, keys: &[u8]) -> Result<&mut Self> {
        self.keyboard.write_all(keys).await?;
        self.keyboard.flush().await?;
        Ok(self)
    }

    /// Waits for its end: the exit code, and all that was on the screen.
    pub(crate) async fn ends(mut self) -> Result<(Option<i32>, String)> {
        while self.read_more().await? {}
        let status = tokio::time::timeout(LIMIT, self.child.wait()).await??;
        Ok((status.code(), self.shown))
    }

    /// Reads on; false at the end.
    async fn read_more(&mut self) -> Result<bool> {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(LIMIT, self.output.read(&mut buffer))
            .await
            .with_context(|| format!("the screen stands still: {}", self.shown))??;
        self.begun.extend(&buffer[..read]);
        let whole = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Ok(_) | Err(_) => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        self.shown.push_str(&String::from_utf8_lossy(&self.begun));
        self.begun = rest;
        Ok(read > 0)
    }
}
