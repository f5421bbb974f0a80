//! `pg_receivewal`: whether it is there, and how it is run.

use std::process::Stdio;

use secrecy::ExposeSecret as _;
use tokio::process::{Child, Command};

use super::error::ArchiverError;
use super::primary::WalRoute;
use super::spool::{Spool, SpoolFolder};
use crate::backup::tools::major;
use crate::cluster::names;

const PROGRAM: &str = "pg_receivewal";

/// Runs it, and ends it when this process ends, however that is.
const SCRIPT: &str = include_str!("receive.sh");

/// A way that is cut is noticed after so many seconds: the server's own limit.
const CONNECTION: &str =
    "keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=20000";

/// Its major version.
///
/// # Errors
/// When it is not installed, or older than the server.
pub(super) async fn suffices(server_version: u32) -> Result<(), ArchiverError> {
    let asked = command(PROGRAM).arg("--version").output().await;
    let said = asked.map_err(|error| ArchiverError::NoProgram(error.to_string()))?;
    let text = String::from_utf8_lossy(&said.stdout);
    let program = major(&text).ok_or_else(|| {
        let said = String::from_utf8_lossy(&said.stderr);
        ArchiverError::NoProgram(said.trim().to_owned())
    })?;
    let server = server_version / 10_000;
    match program < server {
        true => Err(ArchiverError::TooOld { program, server }),
        false => Ok(()),
    }
}

/// Starts it: it streams into the spool until its stdin ends.
///
/// # Errors
/// When it can't be started.
pub(super) fn start(
    route: &WalRoute,
    spool: &Spool,
    folder: &SpoolFolder,
) -> std::io::Result<Child> {
    let mut command = command("sh");
    match &route.proof {
        None => command.env("PGHOST", &route.host),
        // The name counts for the certificate, the address for the way.
        Some(expected) => command
            .env("PGHOST", &expected.name)
            .env("PGHOSTADDR", &route.host)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &expected.authority),
    };
    command
        .args(["-c", SCRIPT, "pgctl", PROGRAM])
        .arg(format!("--directory={}", folder.receive.display()))
        .arg(format!("--slot={}", names::WAL_SLOT))
        .arg(format!("--dbname={CONNECTION}"))
        .args([
            "--synchronous",
            "--no-loop",
            "--no-password",
            "--status-interval=5",
        ])
        .env("PGPORT", route.port.to_string())
        .env("PGUSER", &route.user)
        .env("PGPASSWORD", route.password.expose_secret())
        .env("PGAPPNAME", names::WAL_SLOT)
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::piped())
        // It writes nothing there: what it inherits so is the lock of the spool.
        .stdout(Stdio::from(spool.lock()?))
        .stderr(Stdio::piped())
        // A Ctrl-C at the terminal is ours to handle.
        .process_group(0)
        .spawn()
}

/// A command without the PG* variables of this process, which say where to connect to.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}
