//! A test cluster for suites that look and do not wait: what `pgctl` prints, and the means to change
//! the cluster, without `async`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::Result;
use pgctl_sandbox::cli::FaultKind;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::test_cluster::{PATIENCE, SandboxCluster, TestCluster, document};

/// A cluster and `pgctl` pointed at it.
pub(crate) struct Blocking<'a> {
    pub(crate) cluster: &'a TestCluster,
    runtime: &'a Runtime,
}

/// Runs a test on a cluster of one primary and two standbys: a sandbox, or the one that was given.
#[track_caller]
pub(crate) fn on_cluster(test: impl FnOnce(&Blocking)) {
    let runtime = Runtime::new().expect("a runtime");
    let cluster = TestCluster::find(2).expect("a cluster");
    let blocking = Blocking {
        cluster: &cluster,
        runtime: &runtime,
    };
    let work = || {
        blocking.wait(cluster.prepare(2));
        test(&blocking);
    };
    // A test that fails leaves the cluster no other way than one that passes.
    let result = catch_unwind(AssertUnwindSafe(work));
    blocking.wait(cluster.put_back());
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// As [`on_cluster`], for a test that breaks what only the sandbox can break, or for good.
#[track_caller]
pub(crate) fn on_sandbox(test: impl FnOnce(&Blocking, &SandboxCluster)) {
    let runtime = Runtime::new().expect("a runtime");
    if let Some(cluster) = SandboxCluster::start(2).expect("a sandbox") {
        let blocking = Blocking {
            cluster: &cluster,
            runtime: &runtime,
        };
        test(&blocking, &cluster);
    }
}

impl Blocking<'_> {
    /// Waits for something of the cluster.
    #[track_caller]
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> T {
        match self.runtime.block_on(work) {
            Ok(value) => value,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Breaks something, or mends it.
    #[track_caller]
    pub(crate) fn fault(&self, sandbox: &SandboxCluster, fault: &FaultKind) {
        self.wait(sandbox.fault(fault));
    }

    /// `pgctl` with these arguments, to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (variable, value) = self.cluster.environment();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgctl"));
        command
            .args(arguments)
            .env(variable, value)
            .env("PGCTL_CONFIG", "")
            .env_remove("NO_COLOR");
        command
    }

    /// Runs `pgctl` with these arguments.
    pub(crate) fn pgctl(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("pgctl runs")
    }

    /// Runs `pgctl … -o json`: its exit code and its document.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.pgctl(&[arguments, &["-o", "json"]].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let document = document(&stdout).unwrap_or_else(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("{arguments:?} printed no document: {error:#}\n{stdout}\n{stderr}")
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

    /// Runs SQL in a pod's database, by the tail of the pod's name.
    #[track_caller]
    pub(crate) fn sql(&self, pod: &str, sql: &str) {
        self.wait(self.cluster.sql(pod, sql));
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
