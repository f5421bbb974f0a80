//! `pgctl` against a running sandbox: what it prints, and the means to break the cluster.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use pgctl::kubernetes::{ConnectOptions, Credentials, Kube, Place, Selection};
use pgctl::observe::{Depth, login, observe};
use pgctl::postgres::Login;
use pgctl_sandbox::Sandbox;
use serde_json::Value;

/// The longest that anything is waited for: only ever reached when it does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox and `pgctl` pointed at it.
pub(crate) struct Sandboxed {
    pub(crate) sandbox: Sandbox,
    runtime: tokio::runtime::Runtime,
    addresses: Vec<(String, String)>,
    login: Login,
    credentials: Credentials,
}

impl Sandboxed {
    /// Starts a cluster of one primary and two standbys.
    pub(crate) fn start() -> Self {
        let sandbox = Sandbox::start(&pgctl_sandbox::Options::default()).expect("a sandbox");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let options = ConnectOptions {
            kubeconfig: Some(sandbox.kubeconfig()),
            context: None,
            namespace: None,
            timeout: Duration::from_secs(30),
        };
        let (addresses, credentials) = runtime.block_on(async {
            let kube = Kube::connect(&options).await.expect("the sandbox's API");
            let place = Place::Namespace(kube.namespace().to_owned());
            let depth = Depth::Databases {
                timeout: Duration::from_secs(30),
            };
            let seen = observe(&kube, &place, &Selection::default(), depth)
                .await
                .expect("the sandbox's cluster");
            let pods = seen.snapshot.instances.into_iter();
            let addresses = pods
                .filter_map(|instance| Some((instance.pod.name, instance.pod.ip?)))
                .collect();
            (addresses, seen.credentials.expect("the Secret can be read"))
        });
        Self {
            sandbox,
            runtime,
            addresses,
            login: login(&credentials, Duration::from_secs(30)),
            credentials,
        }
    }

    /// Runs `pgctl` with these arguments.
    pub(crate) fn pgctl(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pgctl"))
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.sandbox.kubeconfig())
            .env_remove("NO_COLOR")
            .output()
            .expect("pgctl runs")
    }

    /// Runs `pgctl … -o json`: its exit code and its document.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.pgctl(&[arguments, &["-o", "json"]].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let document = serde_json::from_str(&stdout).unwrap_or_else(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("{arguments:?} printed no document: {error}\n{stdout}\n{stderr}")
        });
        (output.status.code().expect("it was not killed"), document)
    }

    /// Looks until the document is as wanted.
    #[track_caller]
    pub(crate) fn until(
        &self,
        what: &str,
        arguments: &[&str],
        mut wanted: impl FnMut(i32, &Value) -> bool,
    ) -> (i32, Value) {
        let began = Instant::now();
        loop {
            let (code, document) = self.json(arguments);
            if wanted(code, &document) {
                return (code, document);
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain for: {what}\n{document:#}"
            );
        }
    }

    /// Runs SQL in a pod's database.
    #[track_caller]
    pub(crate) fn sql(&self, pod: &str, sql: &str) {
        let address = self.addresses.iter().find(|(name, _)| name.ends_with(pod));
        let (_, address) = address.expect("a pod of that name");
        self.runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect((address.as_str(), 5432))
                .await
                .expect("the pod's port");
            let mut config = tokio_postgres::Config::new();
            config
                .user(&self.credentials.user)
                .password(secrecy::ExposeSecret::expose_secret(&self.login.password))
                .dbname("postgres");
            let (client, connection) = config
                .connect_raw(stream, tokio_postgres::NoTls)
                .await
                .expect("the database lets us in");
            let driver = tokio::spawn(connection);
            client.batch_execute(sql).await.expect(sql);
            drop(client);
            let _ = driver.await;
        });
    }
}

/// Whether `kind: ClusterStatus` has a finding of this code.
pub(crate) fn finds(document: &Value, code: &str) -> bool {
    finding(document, code).is_some()
}

/// The finding of this code.
pub(crate) fn finding<'a>(document: &'a Value, code: &str) -> Option<&'a Value> {
    let findings = document["findings"].as_array()?;
    findings.iter().find(|finding| finding["code"] == code)
}
