//! How other processes give orders to a running sandbox: one JSON line each way over a Unix socket
//! in its folder, which only its owner can reach.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::cli::FaultKind;
use crate::faults::Faults;

/// What can be asked of a daemon.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// End, and take all pods along.
    Stop,
    /// Say how a client on this machine reaches the write Service.
    Environment,
    /// Break something.
    Fault(FaultKind),
}

/// Its answer: what was done, or why not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Done(String),
    Failed(String),
}

impl From<Result<String>> for Answer {
    fn from(result: Result<String>) -> Self {
        match result {
            Ok(done) => Self::Done(done),
            Err(error) => Self::Failed(format!("{error:#}")),
        }
    }
}

/// A short path to the socket: the kernel takes at most 107 bytes, whatever the folder is called.
fn short(socket: &Path) -> Result<(File, PathBuf)> {
    let folder = socket.parent().context("a socket lies in a folder")?;
    let name = socket.file_name().context("a socket has a name")?;
    let folder = File::open(folder).with_context(|| format!("opening {}", folder.display()))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok((folder, path))
}

/// Listens for orders until the task is aborted. `stop` hears of [`Order::Stop`].
pub(crate) fn listen(
    socket: &Path,
    faults: Faults,
    stop: mpsc::Sender<()>,
) -> Result<JoinHandle<()>> {
    let (_folder, path) = short(socket)?;
    let listener =
        UnixListener::bind(&path).with_context(|| format!("listening on {}", socket.display()))?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, owner_only)
        .with_context(|| format!("guarding {}", socket.display()))?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that goes away in the middle needs no answer.
            drop(tokio::spawn(serve(stream, faults.clone(), stop.clone())));
        }
    }))
}

async fn serve(stream: UnixStream, faults: Faults, stop: mpsc::Sender<()>) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Order>(&line) {
        Ok(Order::Stop) => {
            stop.try_send(()).ok();
            Answer::Done("stopping".to_owned())
        }
        Ok(Order::Environment) => Answer::from(faults.environment()),
        Ok(Order::Fault(fault)) => Answer::from(faults.apply(&fault).await),
        Err(error) => Answer::Failed(format!("not understood: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await?;
    Ok(())
}

/// Gives an order and waits for the answer.
pub(crate) async fn order(socket: &Path, order: &Order) -> Result<String> {
    let (_folder, path) = short(socket)?;
    let stream = UnixStream::connect(&path).await;
    let stream = stream.with_context(|| format!("connecting to {}", socket.display()))?;
    let (reader, mut writer) = stream.into_split();
    let mut text = serde_json::to_string(order)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await?;
    if line.is_empty() {
        bail!("the sandbox ended before it answered");
    }
    match serde_json::from_str(&line)? {
        Answer::Done(done) => Ok(done),
        Answer::Failed(why) => Err(anyhow!(why)),
    }
}
