//! An API server in this process, and kubectl and kube-rs to talk to it.

pub(crate) mod runtime;

use std::process::Stdio;
use std::sync::Arc;

use pgctl_sandbox::api::{Server, ServerConfig};
use pgctl_sandbox::runtime::PodRuntime;
use pgctl_sandbox::store::Store;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::needs::{Need, does_without};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type TestResult = Result<(), Error>;

/// A running API server and the folder with its kubeconfig.
pub(crate) struct Cluster {
    pub(crate) server: Server,
    pub(crate) store: Store,
    folder: tempfile::TempDir,
}

/// What a command said.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Its stdout, if it succeeded.
    pub(crate) fn ok(self) -> Result<String, Error> {
        if self.code == Some(0) {
            Ok(self.stdout)
        } else {
            Err(format!(
                "exit {:?}: {:.300}{:.2000}",
                self.code, self.stdout, self.stderr
            )
            .into())
        }
    }

    /// Its stderr, if it failed.
    pub(crate) fn failed(self) -> Result<String, Error> {
        if self.code == Some(0) {
            Err(format!("it succeeded: {}", self.stdout).into())
        } else {
            Ok(self.stderr)
        }
    }
}

impl Cluster {
    pub(crate) async fn start(runtime: Option<Arc<dyn PodRuntime>>) -> Result<Self, Error> {
        let store = Store::new();
        let address = "127.0.0.1:0".parse()?;
        let config = ServerConfig {
            address,
            store: store.clone(),
            runtime,
            pod_faults: None,
        };
        let server = Server::start(config).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(
            folder.path().join("kubeconfig"),
            server.admin_kubeconfig("test", "default")?,
        )?;
        std::fs::write(
            folder.path().join("anonymous"),
            server.anonymous_kubeconfig("test", "default"),
        )?;
        Ok(Self {
            server,
            store,
            folder,
        })
    }

    /// With a pod `db-0` that is "running" in a kubelet that runs nothing.
    pub(crate) async fn with_pods() -> Result<Self, Error> {
        let echo = runtime::echo().await?;
        let cluster = Self::start(Some(Arc::new(runtime::FakeRuntime { echo }))).await?;
        let pod = serde_json::json!({
            "metadata": {"name": "db-0"}, "spec": {"nodeName": "node", "containers": [{"name": "postgres", "image": "postgres"}]},
        });
        cluster.store.create(
            pgctl_sandbox::store::of::<k8s_openapi::api::core::v1::Pod>(),
            "default",
            pod,
        )?;
        Ok(cluster)
    }

    /// The administrator's client.
    pub(crate) async fn client(&self) -> Result<kube::Client, Error> {
        self.client_of(&self.server.admin_kubeconfig("test", "default")?)
            .await
    }

    /// The client of a kubeconfig.
    pub(crate) async fn client_of(&self, kubeconfig: &str) -> Result<kube::Client, Error> {
        let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
        Ok(kube::Client::try_from(config)?)
    }

    /// None on a machine of which it is known that it has no kubectl.
    pub(crate) async fn with_kubectl() -> Result<Option<Self>, Error> {
        if does_without(Need::Kubectl) {
            return Ok(None);
        }
        Self::with_pods().await.map(Some)
    }

    /// The path of a kubeconfig without credentials.
    pub(crate) fn anonymous(&self) -> String {
        self.folder.path().join("anonymous").display().to_string()
    }

    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<Output, Error> {
        self.kubectl_with(args, "").await
    }

    pub(crate) async fn apply(&self, manifest: &str, args: &[&str]) -> Result<Output, Error> {
        self.kubectl_with(&[&["apply", "-f", "-"], args].concat(), manifest)
            .await
    }

    pub(crate) async fn kubectl_with(&self, args: &[&str], stdin: &str) -> Result<Output, Error> {
        let mut command = Command::new("kubectl");
        command
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path());
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // kubectl may be done before it has read everything.
            drop(input.write_all(stdin.as_bytes()).await);
        }
        let output = child.wait_with_output().await?;
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
