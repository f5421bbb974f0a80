//! What the API server asks of a running pod: exec, attach, logs and a TCP connection.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Bytes that come out of a container.
pub type OutputStream = Box<dyn AsyncRead + Send + Unpin>;

/// Bytes that go into a container. Dropping or shutting it down closes the process's stdin.
pub type InputStream = Box<dyn AsyncWrite + Send + Unpin>;

/// The kubelet's side of `kubectl exec|attach|logs` and of port forwarding.
///
/// The kubelet implements it; the API server holds it as `Arc<dyn PodRuntime>`.
pub trait PodRuntime: Send + Sync {
    /// Starts a command in the namespaces of a running container.
    ///
    /// Returns as soon as the process was started; a command that does not exist shows as exit
    /// code 127 with a line on stderr. Dropping the streams closes them and leaves the process
    /// running, as the kubelet does when a client goes away.
    fn exec(
        &self,
        target: ContainerRef,
        request: ExecRequest,
    ) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>>;

    /// Follows the output of the container's main process from now on. Its stdin is `/dev/null`:
    /// [`ExecStreams::stdin`] and [`ExecStreams::resize`] are always `None`.
    fn attach(&self, target: ContainerRef) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>>;

    /// The log as the text `kubectl logs` shows (stdout and stderr in the order written). With
    /// [`LogOptions::follow`] it ends when the container does.
    fn logs(
        &self,
        target: ContainerRef,
        options: LogOptions,
    ) -> BoxFuture<'_, Result<OutputStream, RuntimeError>>;

    /// Opens a TCP connection to the port on the pod's own address.
    fn dial(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<TcpStream, RuntimeError>>;
}

/// Names a container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRef {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container, an init container included. `None` stands for the one named by the
    /// annotation `kubectl.kubernetes.io/default-container`, else for the first of the pod.
    pub container: Option<String>,
}

/// What to run and which streams the client wants.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// The command and its arguments; no shell is involved.
    pub command: Vec<String>,
    /// Gives the process a terminal; its stderr then comes with stdout.
    pub tty: bool,
    /// Whether stdin is wanted; otherwise the process reads `/dev/null`.
    pub stdin: bool,
    /// Whether stdout is wanted; otherwise it is discarded.
    pub stdout: bool,
    /// Whether stderr is wanted; otherwise it is discarded.
    pub stderr: bool,
}

/// The streams of a process in a container.
pub struct ExecStreams {
    /// Present when asked for.
    pub stdin: Option<InputStream>,
    /// Present when asked for.
    pub stdout: Option<OutputStream>,
    /// Present when asked for and there is no terminal.
    pub stderr: Option<OutputStream>,
    /// Takes new sizes of the terminal; present with a terminal only.
    pub resize: Option<mpsc::Sender<TerminalSize>>,
    /// The exit code of the process (128 + N when signal N ended it). Output may still wait to be
    /// read when it resolves: drain stdout and stderr before telling the client.
    /// An error means that the outcome is not known, never success.
    pub exit: BoxFuture<'static, Result<i32, RuntimeError>>,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// In columns of text.
    pub width: u16,
    /// In rows of text.
    pub height: u16,
}

/// The parameters of the `log` subresource.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Stay open and send new lines until the container ends.
    pub follow: bool,
    /// The log of the container's previous run.
    pub previous: bool,
    /// Put an RFC 3339 time before each line.
    pub timestamps: bool,
    /// Only the last so many lines.
    pub tail_lines: Option<u64>,
    /// Stop after so many bytes.
    pub limit_bytes: Option<u64>,
    /// Only lines written from this point in time on.
    pub since: Option<LogStart>,
}

/// Where a log begins: the API's `sinceSeconds` and `sinceTime`.
#[derive(Debug, Clone, Copy)]
pub enum LogStart {
    /// So long before now.
    Ago(Duration),
    /// From this time on.
    At(Timestamp),
}

/// Why a pod could not be reached. The texts are those of the real kubelet and API server.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Not found (404): no such pod.
    #[error("pods \"{0}\" not found")]
    PodNotFound(String),
    /// Bad request (400): the pod has no container of this name.
    #[error("container {container} is not valid for pod {pod}")]
    NoSuchContainer {
        /// The name asked for.
        container: String,
        /// By name, whoever bears it.
        pod: String,
    },
    /// Bad request (400): the container has not started, or has no log to show.
    #[error("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}")]
    Waiting {
        /// `spec.containers[].name`.
        container: String,
        /// By name, whoever bears it.
        pod: String,
        /// The reason of its waiting state, such as `ContainerCreating`.
        reason: String,
    },
    /// Bad request (400): there was no earlier run of the container.
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    NoPrevious {
        /// `spec.containers[].name`.
        container: String,
        /// By name, whoever bears it.
        pod: String,
    },
    /// Internal error (500): the container is not running, so nothing can run in it.
    #[error("unable to upgrade connection: container not found (\"{0}\")")]
    NotRunning(String),
    /// Internal error (500): the pod's node does not answer.
    #[error("error dialing backend: dial tcp {node}:10250: connect: connection timed out")]
    NodeDown {
        /// `metadata.name` of the Node.
        node: String,
    },
    /// Internal error (500): nothing listens on the port, or the connection failed.
    #[error("error forwarding port {port} to pod {pod}: {source}")]
    Dial {
        /// The port asked for.
        port: u16,
        /// By name, whoever bears it.
        pod: String,
        /// What the connection attempt said.
        source: std::io::Error,
    },
    /// Internal error (500): the machine refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, as a gerund: "starting the command".
        doing: String,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// The HTTP status with which the real API server reports it.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::PodNotFound(_) => 404,
            Self::NoSuchContainer { .. } | Self::Waiting { .. } | Self::NoPrevious { .. } => 400,
            Self::NotRunning(_) | Self::NodeDown { .. } | Self::Dial { .. } | Self::Io { .. } => {
                500
            }
        }
    }
}

impl fmt::Display for ContainerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.pod)?;
        match &self.container {
            Some(name) => write!(f, " container {name}"),
            None => Ok(()),
        }
    }
}
