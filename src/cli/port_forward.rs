//! `pgctl port-forward`.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;

/// Open a local port that leads to the primary, to the standbys, or to a pod
///
/// The port stays open across restarts and failovers: `write` follows the primary (the pod that the
/// topology names and whose database is out of recovery), `read` goes round the standbys that are ready.
/// It says when it moves. Connections to a pod that is gone, or is not the primary any more, are closed;
/// new ones wait up to 5 s for a server, and are then refused in PostgreSQL's own protocol (SQLSTATE
/// 57P03), after which drivers try again.
///
/// The password is not printed: the command that reads it is.
#[derive(Debug, Clone, Args)]
#[command(
    name = "port-forward",
    after_help = "\
Examples:
  pgctl port-forward                    port 5432 of this machine leads to the primary
  pgctl port-forward read --port 15432  to the standbys, in turn
  pgctl port-forward replica-0 --port 0 to a pod, on any free port

Exit codes: 130 Ctrl-C; 2 there is no such pod, or the port is in use; 3 no permission for
pods/portforward; 7 the API is out of reach"
)]
pub struct PortForwardArgs {
    /// `write`, `read`, or the name of a pod or its tail
    #[arg(value_name = "write|read|POD", default_value = "write")]
    pub target: String,
    /// Port of this machine; 0 is any that is free
    #[arg(
        long,
        env = "PGCTL_PORT",
        hide_env = true,
        value_name = "N",
        default_value_t = 5432
    )]
    pub port: u16,
    /// Address of this machine; anything but a loopback address lets others in
    #[arg(long, env = "PGCTL_ADDRESS", hide_env = true, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
}
