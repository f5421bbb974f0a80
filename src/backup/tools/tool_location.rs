//! Where the tools run: in the pod, or on this machine with a port forwarded to the pod.

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::available::{PROBE, Tools};
use super::process::RemoteProcess;
use crate::cluster::names;
use crate::kubernetes::{Kube, KubeError};
use crate::postgres::{Encryption, encrypted};

/// The socket's directory in the official images, Debian and Alpine.
const SOCKETS: &str = "/var/run/postgresql";

/// Where the tools run.
pub enum ToolLocation {
    /// In the pod.
    Pod {
        /// The connection to the cluster.
        kube: Kube,
        /// The pod's namespace.
        namespace: String,
        /// Name of the pod in which they run.
        pod: String,
    },
    /// On this machine.
    Here {
        /// Where the server is: an address, or the folder of its socket.
        host: String,
        /// The port that PostgreSQL listens on there.
        port: u16,
        /// What leads there, when it is in a pod.
        forward: Option<LocalSocket>,
    },
}

/// Why a tool could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ToolLocationError {
    /// The API refused.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// This machine refused.
    #[error("running the tools on this machine: {0}")]
    Here(#[from] std::io::Error),
    /// The connection was lost.
    #[error("the connection was lost while asking for PostgreSQL's tools {0}")]
    Lost(&'static str),
    /// Nothing came.
    #[error("asking for PostgreSQL's tools {0} took longer than 30 s")]
    Silent(&'static str),
    /// The connection has not all streams.
    #[error("the API server gave a connection without all of its streams")]
    Streams,
}

impl ToolLocation {
    /// As in the manifest.
    pub fn via(&self) -> &'static str {
        match self {
            Self::Pod { .. } => "exec",
            Self::Here { .. } => "port-forward",
        }
    }

    /// For messages.
    pub fn place(&self) -> &'static str {
        match self {
            Self::Pod { .. } => "in the pod",
            Self::Here { .. } => "on this machine",
        }
    }

    /// How the tools reach the server, and in what language they speak: for `env`.
    pub fn environment(&self) -> Vec<String> {
        // What they say is read, and secrets are taken out of it: both go by their words. A container
        // and a person have a language of their own, and `LANGUAGE` counts for nothing beside `C`.
        let mut all = vec!["LC_ALL=C".to_owned()];
        all.extend(match self {
            Self::Pod { .. } => vec![
                format!("PGHOST={SOCKETS}"),
                format!("PGPORT={}", names::PORT),
            ],
            Self::Here { host, port, .. } => vec![
                format!("PGHOST={host}"),
                format!("PGPORT={port}"),
                // Over a socket of this machine nothing is encrypted: what leads to the pod does that.
                "PGSSLMODE=disable".to_owned(),
            ],
        });
        all
    }

    /// Starts a command.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(&self, argv: &[String]) -> Result<RemoteProcess, ToolLocationError> {
        match self {
            Self::Pod {
                kube,
                namespace,
                pod,
            } => {
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                let process = kube.start_command(namespace, pod, &argv, true).await?;
                RemoteProcess::in_pod(process).ok_or(ToolLocationError::Streams)
            }
            Self::Here { .. } => Ok(RemoteProcess::here(argv)?),
        }
    }

    /// Asks which tools there are.
    ///
    /// # Errors
    /// When nothing can be run.
    pub async fn tools(&self) -> Result<Tools, ToolLocationError> {
        let argv = ["sh", "-c", PROBE, "pgctl"].map(str::to_owned);
        let mut process = self.start(&argv).await?;
        let mut stdout = process.stdout.take(64 * 1024);
        let mut text = Vec::new();
        let asking = async {
            let mut reading = std::pin::pin!(stdout.read_to_end(&mut text));
            // After a transport error the output may never end, but the status does.
            tokio::select! {
                read = &mut reading => {
                    read.ok()?;
                    process.exit.await
                }
                code = &mut process.exit => {
                    code?;
                    reading.await.ok()?;
                    code
                }
            }
        };
        match tokio::time::timeout(std::time::Duration::from_secs(30), asking).await {
            Ok(Some(_)) => Ok(Tools::parse(&String::from_utf8_lossy(&text))),
            Ok(None) => Err(ToolLocationError::Lost(self.place())),
            Err(_) => Err(ToolLocationError::Silent(self.place())),
        }
    }
}

/// A socket of this machine that leads to a pod's PostgreSQL for as long as this lives. It lies in a
/// folder that only this user can enter: PostgreSQL may trust whoever comes from its own pod, and on
/// a port of this machine that would be every user of it.
pub struct LocalSocket {
    folder: TempDir,
    accepting: JoinHandle<()>,
}

impl LocalSocket {
    /// Listens, in a folder of its own. Whoever connects there is connected to the pod as `encryption` says, which has
    /// let a session in before: PostgreSQL's tools encrypt nothing that goes over a socket.
    ///
    /// # Errors
    /// When no folder can be made.
    pub async fn open(
        kube: Kube,
        namespace: String,
        pod: String,
        encryption: Encryption,
    ) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pgctl-socket.")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir()?;
        // The name by which PostgreSQL's tools look for a socket of this port.
        let socket = folder.path().join(format!(".s.PGSQL.{}", names::PORT));
        let listener = UnixListener::bind(socket)?;
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (kube, namespace, pod) = (kube.clone(), namespace.clone(), pod.clone());
                let encryption = encryption.clone();
                tokio::spawn(async move {
                    // A connection that fails is closed: the tool says that it lost the server.
                    let Ok(forward) = kube.forward(&namespace, &pod, names::PORT).await else {
                        return;
                    };
                    let begun = encrypted(forward.stream, &encryption, kube.timeout()).await;
                    if let Ok(mut stream) = begun {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut stream).await;
                    }
                });
            }
        });
        Ok(Self { folder, accepting })
    }

    /// This machine as the place of the tools.
    pub fn into_tool_location(self) -> ToolLocation {
        ToolLocation::Here {
            host: self.folder.path().display().to_string(),
            port: names::PORT,
            forward: Some(self),
        }
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
