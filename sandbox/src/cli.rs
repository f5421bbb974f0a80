//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// A stand-in for a Kubernetes cluster that runs real PostgreSQL on this machine.
#[derive(Debug, Parser)]
#[command(name = "pgctl-sandbox", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a sandbox in the background; returns when every standby streams
    Up(Up),
    /// Start a sandbox, stay until Ctrl-C and then take all of it down
    Run(Up),
    /// Stop a sandbox and remove all that belongs to it
    Down(Down),
    /// Print the path of a sandbox's kubeconfig
    Kubeconfig(Named),
    /// Print shell commands that point psql, pgbench and the like at a sandbox's write Service
    Env(Named),
    /// Write through the write Service (PGHOST and so on) as clients do until standard input ends, and print what they saw
    Clients,
    /// List the sandboxes
    List,
    /// Break something, for a test or to practise
    Fault(Fault),
    /// The daemon that `up` starts
    #[command(hide = true)]
    Serve(Serve),
}

/// Names a sandbox.
#[derive(Debug, Clone, Args)]
pub struct Named {
    /// Name of the sandbox
    #[arg(long, default_value = "default", env = "PGCTL_SANDBOX_NAME")]
    pub name: String,
}

/// How to start one.
#[derive(Debug, Clone, Args)]
pub struct Up {
    /// Name of the sandbox
    #[arg(long, default_value = "default", env = "PGCTL_SANDBOX_NAME")]
    pub name: String,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// Return when the manifests are applied, without waiting for PostgreSQL
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for every standby to stream, such as 90s or 2m
    #[arg(long, default_value = "120s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// End when no process has counted itself a user for so long: for sandboxes that tests share
    #[arg(long, hide = true, value_parser = parse_duration)]
    pub idle_exit: Option<Duration>,
}

/// What runs in it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cluster {
    /// Number of standbys (the manifests' own number if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=9))]
    pub(crate) replicas: Option<u32>,
    /// Put everything into this namespace instead of the manifests' own
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Apply these manifests (YAML) instead of the built-in ones (deploy/sandbox)
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) manifests: Option<PathBuf>,
    /// The poolers of deploy/components/pooler, too; then once: pgctl pooler setup
    #[arg(long, conflicts_with = "manifests")]
    pub(crate) poolers: bool,
    /// Only encrypted sessions, with a certificate of this sandbox's own authority (deploy/components/tls)
    #[arg(long, conflicts_with = "manifests")]
    pub(crate) tls: bool,
    /// The objects of FILE and nothing that acts on them: what they name as running is not there
    #[arg(long, requires = "manifests")]
    pub(crate) objects_only: bool,
}

/// The daemon's arguments.
#[derive(Debug, Args)]
pub struct Serve {
    #[arg(long)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    #[arg(long, value_parser = parse_duration)]
    pub(crate) idle_exit: Option<Duration>,
}

/// What to remove.
#[derive(Debug, Args)]
pub struct Down {
    /// Name of the sandbox
    #[arg(long, default_value = "default", env = "PGCTL_SANDBOX_NAME")]
    pub name: String,
    /// Remove every sandbox of this user
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
}

/// Where to break what.
#[derive(Debug, Args)]
pub struct Fault {
    #[command(flatten)]
    pub(crate) named: Named,
    /// What to break.
    #[command(subcommand)]
    pub kind: FaultKind,
}

/// What can be broken.
#[derive(Debug, Clone, Subcommand, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Kill the processes of a pod's containers (SIGKILL); the kubelet starts them again
    Kill {
        /// Name of the pod
        pod: String,
        /// The pod's namespace.
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Stop the processes of a pod (SIGSTOP): it hangs, and nothing notices at first
    Freeze {
        /// Name of the pod
        pod: String,
        /// The pod's namespace.
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Let a frozen pod go on
    Unfreeze {
        /// Name of the pod
        pod: String,
        /// The pod's namespace.
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Keep ConfigMaps and Secrets in the volumes of a pod as they are, as a kubelet that is late, until `clear`
    LateVolumes {
        /// Name of the pod
        pod: String,
        /// The pod's namespace.
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Let the volume of a pod look as full as that, to `df` in its containers
    FillDisk {
        /// Name of the pod
        pod: String,
        /// Percentage of the volume claim's size that is used at least
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
        percent: u8,
        /// The pod's namespace.
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Cut streams of `exec` or port-forward after some bytes
    Cut {
        /// Which streams
        stream: CutStream,
        /// Bytes that still come through
        #[arg(long, value_name = "BYTES")]
        after: u64,
        /// Count what goes to the pod, not what comes from it
        #[arg(long)]
        #[serde(default)]
        upload: bool,
        /// Only streams to this pod
        #[arg(long)]
        pod: Option<String>,
        /// How many streams (all until `clear` if not given)
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Let `exec` and port-forward be as slow as a network, each stream by itself and each way
    Slow {
        /// Bytes per second
        #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
        bytes_per_second: u64,
    },
    /// Let requests to the API fail or wait
    Api {
        /// Only this verb: get, list, watch, create, update, patch, delete
        #[arg(long)]
        verb: Option<String>,
        /// Only this resource, such as pods or pods/exec
        #[arg(long)]
        resource: Option<String>,
        /// Answer with this HTTP status instead
        #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(400..=599), required_unless_present = "delay")]
        fail: Option<u16>,
        /// Answer only after this time, such as 2s or 300ms
        #[arg(long, value_parser = parse_duration)]
        #[serde(default)]
        delay: Option<Duration>,
        /// How many requests (all until `clear` if not given)
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Lose the node: its pods turn unready, and nothing on it answers
    NodeNotReady {
        /// Name of the node
        node: String,
    },
    /// Bring a lost node back
    NodeReady {
        /// Name of the node
        node: String,
    },
    /// End all faults on streams, the API, nodes, volumes and disks, and unfreeze all pods
    Clear,
}

/// The namespace of a pod.
#[derive(Debug, Clone, Args, serde::Serialize, serde::Deserialize)]
pub struct Scope {
    /// Namespace of the pod (the kubeconfig's own if not given)
    #[arg(short, long)]
    pub namespace: Option<String>,
}

/// The streams that can be cut.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum CutStream {
    /// `exec` and `attach`
    Exec,
    /// port-forward
    PortForward,
}

/// Reads durations the way kubectl's `--timeout` is written: `90s`, `2m`, `300ms`, `1m30s`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("{text:?} is no duration; write it like 90s, 2m or 300ms"))?;
    Duration::try_from(span).map_err(|_| format!("{text:?} is negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_read_as_in_kubectl() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("300ms"), Ok(Duration::from_millis(300)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
