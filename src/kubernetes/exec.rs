//! Commands in a container.

use std::future::Future;
use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

/// The most of each output that is kept in memory.
const KEPT: usize = 1 << 20;
/// Buffers of the streams: kube's 1 KiB would make a call of every line.
const BUFFER: usize = 64 * 1024;

/// What a command wrote, at most the first MiB of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit code of the command in the container.
    pub code: i32,
    /// What it wrote on stdout, as it came.
    pub stdout: Vec<u8>,
    /// What it wrote on stderr, as it came.
    pub stderr: Vec<u8>,
}

/// How a command in the database container is attached to. What goes to a terminal is one stream: its
/// errors are part of the output.
pub(super) fn attach(stdin: bool, tty: bool) -> AttachParams {
    attach_to(names::CONTAINER, stdin, tty)
}

/// The same, in another container.
pub(super) fn attach_to(container: &str, stdin: bool, tty: bool) -> AttachParams {
    AttachParams {
        container: Some(container.to_owned()),
        stdin,
        stdout: true,
        stderr: !tty,
        tty,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    }
}

/// What brings the status that a command ends with.
///
/// # Errors
/// When there is none.
pub(super) fn status_of(
    process: &mut AttachedProcess,
    doing: &str,
) -> Result<impl Future<Output = Option<Status>> + use<>, KubeError> {
    process.take_status().ok_or_else(|| KubeError::StreamLost {
        doing: doing.to_owned(),
        reason: "no status".to_owned(),
    })
}

/// The status that a command ends with, once `work`, which goes with its outputs, is done; none is a lost
/// connection. After a transport error the outputs may never end, but the status does.
///
/// # Errors
/// When the work has failed, and the command may go on.
pub(super) async fn ended(
    work: impl Future<Output = io::Result<()>>,
    status: impl Future<Output = Option<Status>>,
) -> io::Result<Option<Status>> {
    let mut work = std::pin::pin!(work);
    let mut status = std::pin::pin!(status);
    tokio::select! {
        done = &mut work => {
            done?;
            Ok(status.await)
        }
        status = &mut status => {
            if status.is_some() {
                // The command has ended, whoever reads what it wrote.
                work.await.ok();
            }
            Ok(status)
        }
    }
}

/// Why a command has ended without its status.
pub(super) async fn why_lost(process: AttachedProcess, doing: &str) -> KubeError {
    let reason = match process.join().await {
        Err(error) => error.to_string(),
        Ok(()) => "it was closed without the exit status".to_owned(),
    };
    KubeError::StreamLost {
        doing: doing.to_owned(),
        reason,
    }
}

impl Kube {
    pub(super) fn exec_call(namespace: &str, pod: &str) -> Call {
        Call::new(Verb::Create, "", "pods/exec")
            .named(pod)
            .within(namespace)
    }

    /// Starts a command in the database container; its streams and its status are the caller's.
    /// The status has to be taken before it is waited for, `None` is a lost connection and never a
    /// success, and both outputs have to be drained at the same time.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn start_command(
        &self,
        namespace: &str,
        pod: &str,
        argv: &[&str],
        stdin: bool,
    ) -> Result<AttachedProcess, KubeError> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let params = attach(stdin, false);
        let call = Self::exec_call(namespace, pod);
        // Not repeated: the command may have run.
        self.write(&call, || api.exec(pod, argv.to_vec(), &params))
            .await
    }

    /// Runs a command in the database container and waits for it. An exit code other than 0 is no
    /// error here.
    ///
    /// # Errors
    /// When the API refuses, the connection is lost (the command may have run), or it takes longer
    /// than `limit`.
    pub async fn run_command(
        &self,
        namespace: &str,
        pod: &str,
        argv: &[&str],
        stdin: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Output, KubeError> {
        let doing = Self::exec_call(namespace, pod).to_string();
        let running = async {
            let mut process = self
                .start_command(namespace, pod, argv, stdin.is_some())
                .await?;
            let status = status_of(&mut process, &doing)?;
            let writer = process.stdin();
            let feed = async {
                if let (Some(mut writer), Some(bytes)) = (writer, stdin) {
                    // A command that ends without reading it all is judged by its exit code.
                    writer.write_all(bytes).await.ok();
                    writer.shutdown().await.ok();
                }
            };
            let (stdout, stderr) = (process.stdout(), process.stderr());
            let mut out = Vec::new();
            let mut err = Vec::new();
            let work = async {
                futures::join!(feed, drain(stdout, &mut out), drain(stderr, &mut err));
                Ok(())
            };
            let Ok(Some(status)) = ended(work, status).await else {
                return Err(why_lost(process, &doing).await);
            };
            Ok(Output {
                code: exit_code(&status),
                stderr: if err.is_empty() && exit_code(&status) < 0 {
                    status.message.unwrap_or_default().into_bytes()
                } else {
                    err
                },
                stdout: out,
            })
        };
        match tokio::time::timeout(limit, running).await {
            Ok(result) => result,
            Err(_) => Err(KubeError::TimedOut {
                doing,
                after: limit,
            }),
        }
    }
}

/// Reads to the end, keeping only the beginning.
async fn drain(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let room = KEPT.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
    }
}

/// The exit code in the status that ends an exec: `Success`, or `Failure` with the reason
/// `NonZeroExitCode` and a cause `ExitCode` (k8s.io/apimachinery, `pkg/util/remotecommand`).
/// -1 when the command could not be run at all.
pub(crate) fn exit_code(status: &Status) -> i32 {
    if status.status.as_deref() == Some("Success") {
        return 0;
    }
    status
        .details
        .iter()
        .flat_map(|details| details.causes.iter().flatten())
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref()?.parse().ok())
        .unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(status: serde_json::Value) -> i32 {
        exit_code(&serde_json::from_value(status).expect("a Status"))
    }

    #[test]
    fn reads_the_exit_code() {
        assert_eq!(code(json!({"status": "Success"})), 0);
        assert_eq!(
            code(json!({"status": "Failure", "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}})),
            3
        );
        assert_eq!(
            code(json!({"status": "Failure", "message": "no such file"})),
            -1
        );
    }

    #[tokio::test]
    async fn a_flood_of_output_stays_bounded() {
        let flood = tokio::io::repeat(b'x').take(3 * KEPT as u64);
        let mut kept = Vec::new();
        drain(Some(flood), &mut kept).await;
        assert_eq!(kept.len(), KEPT);
    }
}
