//! Running a credential plugin, as client-go does (`plugin/pkg/client/auth/exec`), with a limit.

use std::io::{IsTerminal as _, Write as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::error::LoginError;

/// As much as is kept of what a plugin prints.
const KEPT: usize = 1 << 20;

/// As much as is told of what a plugin says on stderr.
const TOLD: usize = 2000;

/// How long the end of its output is waited for when a plugin has ended: a process that it left behind
/// may hold the pipe open for ever.
const ENDING: Duration = Duration::from_millis(500);

/// What a plugin answered.
pub(super) struct Answer {
    /// `user.exec.command`.
    pub(super) command: String,
    /// `status.token`.
    pub(super) token: Option<SecretString>,
    /// `status.clientCertificateData` and `clientKeyData`.
    pub(super) identity: Option<(String, SecretString)>,
    /// `status.expirationTimestamp`.
    pub(super) expires: Option<Timestamp>,
    /// What it said besides.
    pub(super) stderr: String,
}

#[derive(Deserialize)]
struct Credential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

/// Ends a plugin, and what it has started, when nobody waits for it any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a plugin and reads its answer. Dropping this ends the plugin.
pub(super) async fn run(exec: &ExecConfig, limit: Duration) -> Result<Answer, LoginError> {
    let name = exec.command.clone().unwrap_or_default();
    let asks = exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let interactive = asks && std::io::stdin().is_terminal();
    if !interactive && exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(LoginError::NobodyToAsk { command: name });
    }
    let not_run = |error: std::io::Error| LoginError::NotRun {
        command: name.clone(),
        reason: error.to_string(),
        hint: exec.install_hint.clone(),
    };
    let mut child = command(exec, &name, interactive).spawn().map_err(not_run)?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    // One that may ask shares our group, or the terminal would not let it.
    let mut group = Group(id.filter(|_| !interactive).and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ended = {
        let reading = async {
            futures::join!(
                collect(stdout, &mut out, false),
                collect(stderr, &mut err, interactive)
            )
        };
        let working = async {
            let mut reading = std::pin::pin!(reading);
            tokio::select! {
                _ = &mut reading => child.wait().await,
                status = child.wait() => {
                    // Whatever has come by then is all there is.
                    let _ = tokio::time::timeout(ENDING, reading).await;
                    status
                }
            }
        };
        tokio::time::timeout(limit, working).await
    };
    let stderr = told(&err, &out);
    let Ok(status) = ended else {
        return Err(LoginError::TimedOut {
            command: name,
            limit,
            stderr,
        });
    };
    let status = status.map_err(not_run)?;
    // What it leaves running on purpose is its own business.
    group.0 = None;
    if !status.success() {
        return Err(LoginError::Failed {
            command: name,
            ended: how(status),
            stderr,
            hint: exec.install_hint.clone(),
        });
    }
    answer(name, &out, stderr)
}

fn command(exec: &ExecConfig, name: &str, interactive: bool) -> Command {
    let mut command = Command::new(name);
    command
        .args(exec.args.iter().flatten())
        .stdin(if interactive {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if !interactive {
        command.process_group(0);
    }
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    let mut spec = json!({ "interactive": interactive });
    if let Some(cluster) = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info) {
        spec["cluster"] = json!(cluster);
    }
    let info = json!({"kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec});
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    command
}

/// Reads to the end, keeps the beginning, and passes it on where somebody has to read it now (where to
/// log in, say).
async fn collect(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, pass_on: bool) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = KEPT.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
        if pass_on {
            let text = printable(&String::from_utf8_lossy(&buffer[..read]));
            // Without a terminal to write to there is nobody to tell.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

/// A text without what drives a terminal: escape sequences and control characters but line breaks.
fn printable(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                // CSI: up to its final byte (ECMA-48, 5.4).
                for c in chars.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
            '\u{1b}' if chars.peek() == Some(&']') => {
                for c in chars.by_ref() {
                    if matches!(c, '\u{7}' | '\u{1b}' | '\n') {
                        break;
                    }
                }
            }
            '\n' => kept.push('\n'),
            '\t' => kept.push(' '),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept
}

/// The end of what a plugin said on stderr, on one line, without anything that is in its answer.
fn told(stderr: &[u8], stdout: &[u8]) -> String {
    let mut text = printable(&String::from_utf8_lossy(stderr));
    let mut secrets = secrets(stdout);
    // A short one may be part of a longer one.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        text = text.replace(&secret, "[hidden]");
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().rev().nth(TOLD) {
        Some((at, _)) => format!("… {}", &text[at..]),
        None => text,
    }
}

/// What in a plugin's answer may be a secret: every longer word of it, whatever its form is.
fn secrets(stdout: &[u8]) -> Vec<String> {
    const KNOWN: [&str; 3] = ["ExecCredential", "expirationTimestamp", "clientKeyData"];
    String::from_utf8_lossy(stdout)
        .split(|c: char| c.is_whitespace() || "\"'{}[],:".contains(c))
        .filter(|word| word.len() >= 8 && !KNOWN.contains(word))
        .filter(|word| !word.starts_with("client"))
        .map(str::to_owned)
        .collect()
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// Makes out what a plugin answered: JSON, or YAML, which client-go takes, too.
fn answer(command: String, stdout: &[u8], stderr: String) -> Result<Answer, LoginError> {
    let unusable = |problem: &str| LoginError::Answer {
        command: command.clone(),
        problem: problem.to_owned(),
        stderr: stderr.clone(),
    };
    // The parsers' own words quote what they read.
    let parsed: Option<Credential> = match serde_json::from_slice(stdout) {
        Ok(parsed) => Some(parsed),
        Err(_) => serde_saphyr::from_slice(stdout).ok(),
    };
    let status = parsed
        .ok_or_else(|| unusable("gave an answer that is no ExecCredential"))?
        .status
        .ok_or_else(|| unusable("gave an ExecCredential without a status"))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = filled(status.token).map(SecretString::from);
    let certificate = filled(status.client_certificate_data);
    let key = filled(status.client_key_data).map(SecretString::from);
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(unusable("gave a client certificate without its key")),
        (None, Some(_)) => return Err(unusable("gave a key without its client certificate")),
    };
    if token.is_none() && identity.is_none() {
        return Err(unusable("gave neither a token nor a client certificate"));
    }
    let expires = filled(status.expiration_timestamp)
        .map(|text| text.parse::<Timestamp>())
        .transpose()
        .map_err(|_| unusable("gave an expirationTimestamp that is no time"))?;
    Ok(Answer {
        command,
        token,
        identity,
        expires,
        stderr,
    })
}
