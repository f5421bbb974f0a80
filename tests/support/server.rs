//! A real PostgreSQL server of one test, in a folder of its own; it ends with the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgctl::postgres::{Encryption, Login, Rights, Session, SqlError};
use pgctl_sandbox::certificates::KeyedCertificate;
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
    pgctl_sandbox::runtime::postgres_programs().unwrap_or_else(|| PathBuf::from("/usr/bin"))
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

    /// A server on what a base backup holds, after PostgreSQL's own tool has verified it.
    pub(crate) fn of_base_backup(archive: &Path) -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("the folder is ours");
        let script = "zstd -dc \"$1\" | tar -xf - -C \"$2\" && chmod 700 \"$2\" && \
             rm -f \"$2/standby.signal\" && : >\"$2/recovery.signal\" && \
             if [ \"$(id -u)\" = 0 ]; then chown -R postgres:postgres \"$2\"; fi";
        run(Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(archive)
            .arg(&data));
        // What was put beside the backup is not in its manifest.
        run(program("pg_verifybackup")
            .args(["--ignore=recovery.signal", "--ignore=standby.signal"])
            .arg(&data));
        Self::start(folder, "restore_command = 'false'")
    }

    /// Checks every table and index, in every database.
    pub(crate) fn amcheck(&self) {
        run(self.client("pg_amcheck").args([
            "--all",
            "--install-missing",
            "--heapallindexed",
            "--maintenance-db=postgres",
        ]));
    }

    /// All that `pg_dumpall` says, without what PostgreSQL makes random: the keys of \restrict,
    /// and the salt of the superuser's password, which each server has made for itself.
    pub(crate) fn dump_all(&self) -> Vec<Vec<u8>> {
        let output = self
            .client("pg_dumpall")
            .output()
            .expect("pg_dumpall is there");
        assert!(output.status.success());
        let random: [&[u8]; 3] = [b"\\restrict ", b"\\unrestrict ", b"ALTER ROLE admin WITH "];
        let lines = output.stdout.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !random.iter().any(|word| line.starts_with(word)))
            .map(<[u8]>::to_vec)
            .collect()
    }

    /// Restores the archives of a logical backup in this folder, in their order, as
    /// docs/runbooks/restore.md says to do it by hand.
    pub(crate) fn restore_by_hand(&self, backup: &Path) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(backup)
            .expect("the backup is there")
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "zst"))
            .collect();
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let mut tool = if name.starts_with("00-globals") {
                // Roles that are there already make it say so; nothing else may fail.
                self.client("psql")
            } else {
                self.client("pg_restore")
            };
            if name.starts_with("00-globals") {
                tool.args(["--no-psqlrc", "--quiet", "--dbname=postgres"]);
            } else if let Some(own) = ["template1", "postgres"]
                .iter()
                .find(|own| name.ends_with(&format!("-{own}.dump.zst")))
            {
                tool.args(["--exit-on-error", &format!("--dbname={own}")]);
            } else {
                tool.args(["--exit-on-error", "--create", "--dbname=postgres"]);
            }
            let unpacked = Command::new("zstd")
                .arg("-dc")
                .arg(&file)
                .output()
                .expect("zstd");
            let mut child = tool
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts");
            let mut stdin = child.stdin.take().expect("piped");
            let feeder = std::thread::spawn(move || {
                std::io::Write::write_all(&mut stdin, &unpacked.stdout).ok();
            });
            let output = child.wait_with_output().expect("it ends");
            feeder.join().expect("no panic");
            let said = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = said
                .lines()
                .filter(|line| line.contains("rror:") || line.contains("ERROR"))
                .filter(|line| !line.contains("role \"admin\" already exists"))
                .collect();
            assert_eq!(errors, [""; 0], "{name}");
            assert!(output.status.success(), "{name}: {said}");
        }
    }

    /// A client program, connected by the local socket as the superuser.
    fn client(&self, name: &str) -> Command {
        let mut command = program(name);
        command
            .arg("--host")
            .arg(self.folder.path())
            .arg(format!("--port={}", self.port))
            .arg("--username=admin");
        command
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
        let server = Self { folder, port };
        server.start_again();
        server
    }

    /// Starts it after it was stopped.
    pub(crate) fn start_again(&self) {
        run(program("pg_ctl")
            .arg("--pgdata")
            .arg(self.data())
            .args(["--wait", "--timeout=240", "--log"])
            .arg(self.folder.path().join("log"))
            .arg("start"));
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
            others: Vec::new(),
            timeout: Duration::from_secs(240),
            encryption: Encryption::AsDemanded,
        }
    }

    /// Gives it a certificate, and lets it in who fulfils these rules of `pg_hba.conf`.
    pub(crate) async fn present(&self, certificate: &KeyedCertificate, rules: &str) {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let owner = std::fs::metadata(self.data()).expect("the data directory");
        let rules = format!("local all all trust\n{rules}\n");
        for (name, text) in [
            ("server.crt", certificate.certificate.as_str()),
            ("server.key", certificate.key.as_str()),
            ("pg_hba.conf", rules.as_str()),
        ] {
            let file = self.data().join(name);
            std::fs::write(&file, text).expect("the data directory is ours");
            // The server does not take a key that others may read, or that is somebody else's.
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&file, mode).expect("it is ours");
            chown(&file, Some(owner.uid()), Some(owner.gid())).expect("it is ours");
        }
        let before = self.query("select clock_timestamp()");
        self.psql("alter system set ssl = on");
        self.psql("select pg_reload_conf()");
        // A session that is made after the postmaster has read its files gets the time of that.
        super::eventually("the certificate is read", async || {
            let read = format!("select pg_conf_load_time() > '{}'", before.trim());
            (self.query(&read).trim() == "t").then_some(())
        })
        .await;
    }

    /// Logs in.
    pub(crate) async fn connect(&self, login: &Login) -> Result<Session, SqlError> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("it listens");
        Session::connect(stream, std::future::ready(None), login).await
    }

    /// A session of the superuser in another database than `postgres`.
    pub(crate) async fn session_in(&self, database: &str) -> Session {
        let stream = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("it listens");
        let (none, login) = (std::future::ready(None), Self::login());
        Session::connect_to(stream, none, &login, database, Rights::Superuser)
            .await
            .expect("it lets us in")
    }

    /// A session of the superuser.
    pub(crate) async fn session(&self) -> Session {
        self.connect(&Self::login()).await.expect("it lets us in")
    }

    /// Runs SQL through psql, as the superuser, by the local socket.
    pub(crate) fn psql(&self, sql: &str) {
        run(self.psql_command().args(["--command", sql]));
    }

    /// Fills it with all that dumps and restores get wrong.
    pub(crate) fn load_difficult_data(&self) {
        super::difficult_data::load(self.psql_command());
    }

    /// What a query gives, unaligned.
    pub(crate) fn query(&self, sql: &str) -> String {
        Self::answer(self.psql_command(), sql)
    }

    /// The same in a session that begins with these options.
    pub(crate) fn query_with(&self, options: &str, sql: &str) -> String {
        let mut command = self.psql_command();
        command.env("PGOPTIONS", options);
        Self::answer(command, sql)
    }

    fn answer(mut command: Command, sql: &str) -> String {
        let output = command
            .args(["--tuples-only", "--no-align", "--command", sql])
            .output()
            .expect("psql is there");
        assert!(output.status.success(), "{sql}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs SQL in the background, until what this returns is dropped.
    pub(crate) fn psql_in_background(&self, sql: &str) -> Background {
        let mut psql = self.psql_command();
        psql.args(["--command", sql])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Background(psql.spawn().expect("psql is there"))
    }

    fn psql_command(&self) -> Command {
        let mut command = program("psql");
        // What a test has set on a role or a database does not keep it from setting more.
        let own = [
            "role=none",
            "default_transaction_read_only=off",
            "statement_timeout=0",
            "lock_timeout=0",
            "idle_session_timeout=0",
            "search_path=public",
            "client_min_messages=warning",
            "session_preload_libraries=",
            "local_preload_libraries=",
        ];
        command
            .env("PGOPTIONS", own.map(|it| format!("-c {it}")).join(" "))
            .arg("--host")
            .arg(Path::new(self.folder.path()))
            .arg(format!("--port={}", self.port))
            .args([
                "--username=admin",
                "--dbname=postgres",
                "--no-psqlrc",
                "--quiet",
            ])
            .args(["--set=ON_ERROR_STOP=1"]);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}

/// A program in the background; it ends when this is dropped.
pub(crate) struct Background(std::process::Child);

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
