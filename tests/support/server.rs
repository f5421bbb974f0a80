//! A real PostgreSQL server of one test, in a folder of its own; it ends with the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgctl::postgres::{Login, Session, SqlError};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The superuser's password: with all that quoting could get wrong.
pub(crate) const PASSWORD: &str = "it's a \\ \"p%w\"";

/// A running server.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
}

/// Where the server's programs are.
fn bindir() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|path| path.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().unwrap_or_else(|| PathBuf::from("/usr/bin"))
}

/// A program of the server, as a user who may run one: PostgreSQL refuses to run as root.
fn program(name: &str) -> Command {
    let path = bindir().join(name);
    let root = std::fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt as _;
        it.uid() == 0
    });
    if root {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "--",
            ])
            .arg(path);
        command
    } else {
        Command::new(path)
    }
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder in /tmp");
    // The server runs as another user when the test runs as root.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
    folder
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

impl Server {
    /// A primary, with the settings of the deployment that matter, and these besides.
    pub(crate) fn primary(settings: &str) -> Self {
        let folder = folder();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("the folder is ours");
        let data = folder.path().join("data");
        run(program("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=admin",
                "--auth=scram-sha-256",
                "--no-sync",
                "--data-checksums",
            ])
            .arg(format!("--pwfile={}", password.display())));
        let hba = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n\
             host replication all 127.0.0.1/32 trust\n";
        std::fs::write(data.join("pg_hba.conf"), hba).expect("data directory");
        Self::start(folder, settings)
    }

    /// A standby of this server, that streams through the slot `slot` under that name.
    pub(crate) fn standby(&self, slot: &str) -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        let conninfo = format!(
            "host=127.0.0.1 port={} user=admin application_name={slot}",
            self.port
        );
        run(program("pg_basebackup")
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--checkpoint=fast",
                "--no-sync",
                "--write-recovery-conf",
                "--create-slot",
            ])
            .arg(format!("--slot={slot}"))
            .arg(format!("--dbname={conninfo}")));
        Self::start(folder, "")
    }

    fn start(folder: TempDir, settings: &str) -> Self {
        let port = free_port();
        let data = folder.path().join("data");
        let own = format!(
            "\nport={port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories='{}'\n\
             fsync=off\nmax_slot_wal_keep_size='1GB'\n{settings}\n",
            folder.path().display()
        );
        let conf = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&conf).expect("postgresql.conf") + &own;
        std::fs::write(&conf, text).expect("postgresql.conf");
        run(program("pg_ctl")
            .arg("--pgdata")
            .arg(&data)
            .args(["--wait", "--timeout=60", "--log"])
            .arg(folder.path().join("log"))
            .arg("start"));
        Self { folder, port }
    }

    /// Stops it at once (`immediate`) or properly (`fast`).
    pub(crate) fn stop(&self, mode: &str) {
        program("pg_ctl")
            .arg("--pgdata")
            .arg(self.data())
            .args(["stop", "--wait", "--mode", mode])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal to the postmaster.
    pub(crate) fn signal(&self, signal: &str) {
        let file = self.data().join("postmaster.pid");
        let pid = std::fs::read_to_string(file).expect("it runs");
        let pid = pid.lines().next().expect("a process id").to_owned();
        run(Command::new("kill").args(["-s", signal, &pid]));
    }

    /// How the superuser logs in.
    pub(crate) fn login() -> Login {
        Login {
            user: "admin".to_owned(),
            password: SecretString::from(PASSWORD),
            source_of_password: "Secret s, key k".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }

    /// Logs in.
    pub(crate) async fn connect(&self, login: &Login) -> Result<Session, SqlError> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("it listens");
        Session::connect(stream, std::future::ready(None), login).await
    }

    /// A session of the superuser.
    pub(crate) async fn session(&self) -> Session {
        self.connect(&Self::login()).await.expect("it lets us in")
    }

    /// Runs SQL through psql, as the superuser, by the local socket.
    pub(crate) fn psql(&self, sql: &str) {
        run(program("psql")
            .arg("--host")
            .arg(Path::new(self.folder.path()))
            .arg(format!("--port={}", self.port))
            .args([
                "--username=admin",
                "--dbname=postgres",
                "--no-psqlrc",
                "--quiet",
            ])
            .args(["--set=ON_ERROR_STOP=1", "--command", sql]));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}
