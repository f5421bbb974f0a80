//! The throw-away server: a folder of its own, reached through a socket in it, gone when this is.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures::FutureExt as _;
use secrecy::SecretString;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, Command};

use super::RestoreTestError;
use super::account::Account;
use super::last_lines::last_lines;
use super::programs::Programs;
use crate::postgres::{Encryption, Login, Rights, Session, Way, WhyEnded, tool_options};

/// Stops the server and removes the folder when its stdin ends, even when pgctl is killed.
const CLEANUP: &str = include_str!("cleanup.sh");

/// The port in the socket's name; nothing listens on the network.
const PORT: &str = "5432";

/// The longest path that a socket may have is 107 bytes; the name in the folder takes the rest.
const LONGEST_FOLDER: usize = 85;

/// Replaying the WAL of a base backup may take as long as that.
const START_LIMIT: &str = "--timeout=86400";

/// How long removing it may take.
const REMOVAL: Duration = Duration::from_secs(60);

/// Between two looks at a server that starts.
const LOOKS: Duration = Duration::from_millis(200);

/// What every throw-away server is told: nothing leaves it, nothing of it has to survive.
/// `max_logical_replication_workers`: a restored subscription must not take the place of the real one.
const SETTINGS: &str = "\
listen_addresses = ''
port = 5432
ssl = off
logging_collector = off
log_destination = 'stderr'
lc_messages = 'C'
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
archive_mode = off
max_wal_senders = 0
max_logical_replication_workers = 0
shared_preload_libraries = ''
";

/// A throw-away server.
pub(super) struct Server {
    folder: PathBuf,
    programs: Programs,
    account: Account,
    cleanup: Child,
    /// As long as this is open, the server may run.
    leash: ChildStdin,
}

impl Server {
    /// Makes the folder.
    pub(super) async fn prepare(
        programs: Programs,
        account: Account,
        parent: &Path,
    ) -> Result<Self, RestoreTestError> {
        let doing = || format!("making a folder in {}", parent.display());
        let folder = tempfile::Builder::new()
            .prefix(&format!("pgctl-restore-test.{}.", std::process::id()))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(RestoreTestError::machine(doing()))?;
        account
            .owns(folder.path())
            .map_err(RestoreTestError::machine(doing()))?;
        if folder.path().as_os_str().len() > LONGEST_FOLDER {
            return Err(RestoreTestError::LongPath(folder.path().to_owned()));
        }
        let mut cleanup = Command::new("sh");
        account.runs(&mut cleanup);
        let mut cleanup = cleanup
            .args(["-c", CLEANUP, "pgctl"])
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is ours to handle.
            .process_group(0)
            .spawn()
            .map_err(RestoreTestError::machine("starting sh"))?;
        let leash = cleanup.stdin.take().ok_or_else(|| {
            RestoreTestError::machine("starting sh")(std::io::ErrorKind::Other.into())
        })?;
        Ok(Self {
            // From here on the script removes it.
            folder: folder.keep(),
            programs,
            account,
            cleanup,
            leash,
        })
    }

    /// Its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Makes the data directory.
    pub(super) async fn make_data(&self) -> Result<PathBuf, RestoreTestError> {
        self.make_folder("data").await
    }

    /// Makes a directory of this name beside it, in which the server can read and write.
    pub(super) async fn make_folder(&self, name: &str) -> Result<PathBuf, RestoreTestError> {
        let made = self
            .run(self.run_as_it("mkdir").args(["-m", "700", name]))
            .await?;
        let folder = self.folder.join(name);
        if made.status.success() {
            Ok(folder)
        } else {
            Err(RestoreTestError::machine(format!(
                "making {}",
                folder.display()
            ))(std::io::Error::other(last_lines(
                &made.stderr,
            ))))
        }
    }

    /// Whom it runs as.
    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// Whether a program is installed.
    pub(super) fn has(&self, program: &str) -> bool {
        self.programs.has(program)
    }

    /// Version of the server.
    pub(super) fn version(&self) -> &str {
        &self.programs.version
    }

    /// One of PostgreSQL's programs, as the user that the server runs as.
    pub(super) fn command(&self, program: &str) -> Command {
        self.run_as_it(self.programs.path(program))
    }

    /// Any program, as that user: what it makes, the script can remove.
    pub(super) fn run_as_it(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.account.runs(&mut command);
        // Where to connect to is said on the command line; PGSERVICE and its like would overrule it.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0);
        command
    }

    /// A client program, with its connection.
    pub(super) fn client(&self, program: &str, user: &str) -> Command {
        let mut command = self.command(program);
        // What roles and databases of the backup carry is theirs, and not for who looks at them.
        command.env("PGOPTIONS", tool_options(self.programs.major * 10_000));
        command.arg("--host").arg(&self.folder).args([
            "--port",
            PORT,
            "--no-password",
            "--username",
            user,
        ]);
        command
    }

    /// Configures and starts it. The answer is what went wrong, in the server's own words.
    pub(super) async fn start(&self, settings: &str) -> Result<Option<String>, RestoreTestError> {
        let (data, folder, account) = (self.data(), self.folder.clone(), self.account);
        let sockets = folder.to_string_lossy().replace('\'', "''");
        let text = format!("{SETTINGS}unix_socket_directories = '{sockets}'\n{settings}");
        let configuring = tokio::task::spawn_blocking(move || {
            // Settings and rules of the cluster that it came from would lead it astray.
            [
                ("postgresql.conf", text.as_str()),
                ("postgresql.auto.conf", ""),
                ("pg_hba.conf", "local all all trust\n"),
                ("pg_ident.conf", ""),
            ]
            .into_iter()
            .try_for_each(|(file, text)| {
                std::fs::write(data.join(file), text)?;
                account.owns(&data.join(file))
            })
        });
        let doing = || format!("configuring the throw-away server in {}", folder.display());
        match configuring.await {
            Ok(result) => result.map_err(RestoreTestError::machine(doing()))?,
            Err(error) => return Err(RestoreTestError::machine(doing())(error.into())),
        }
        let log = self.folder.join("log");
        let mut starting = self.command("pg_ctl");
        starting
            .args(["start", "--wait", START_LIMIT, "--pgdata"])
            .arg(self.data())
            .arg("--log")
            .arg(&log)
            // The server would hold the pipes open.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.run(&mut starting).await?.status.success() {
            return Ok(None);
        }
        Ok(Some(self.did_not_start().await))
    }

    async fn did_not_start(&self) -> String {
        format!(
            "the server did not start: {}",
            last_lines(&self.log().await)
        )
    }

    /// What it has written into its log.
    pub(super) async fn log(&self) -> Vec<u8> {
        let log = tokio::fs::read(self.folder.join("log")).await;
        log.unwrap_or_default()
    }

    /// Waits until it has replayed its WAL and takes connections; the answer is why it never will.
    pub(super) async fn wait_until_open(
        &self,
        user: &str,
    ) -> Result<Option<String>, RestoreTestError> {
        loop {
            match self.session(user, "template1").await {
                Ok(session) if !session.in_recovery().await? => return Ok(None),
                Err(RestoreTestError::Sql(error)) if !error.is_not_ready() => {
                    return Ok(Some(error.to_string()));
                }
                // Its socket is gone, and so is it.
                Err(RestoreTestError::Machine { .. }) => {
                    return Ok(Some(self.did_not_start().await));
                }
                _ => tokio::time::sleep(LOOKS).await,
            }
        }
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, command: &mut Command) -> Result<Output, RestoreTestError> {
        let name = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        command
            .output()
            .await
            .map_err(RestoreTestError::machine(format!("running {name}")))
    }

    /// Logs in.
    pub(super) async fn session(
        &self,
        user: &str,
        database: &str,
    ) -> Result<Session, RestoreTestError> {
        let socket = self.folder.join(format!(".s.PGSQL.{PORT}"));
        let way = Socket(socket);
        let login = Login {
            user: user.to_owned(),
            password: SecretString::from(String::new()),
            source_of_password: "the throw-away server".to_owned(),
            others: Vec::new(),
            timeout: Duration::from_secs(60),
            encryption: Encryption::AsDemanded,
        };
        Session::connect_by(&way, &login, database, Rights::Superuser).await
    }

    /// Stops it and removes all of it.
    pub(super) async fn remove(mut self) -> Result<(), RestoreTestError> {
        drop(self.leash);
        let ended = tokio::time::timeout(REMOVAL, self.cleanup.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            _ => Err(RestoreTestError::machine(format!(
                "removing {}",
                self.folder.display()
            ))(std::io::ErrorKind::DirectoryNotEmpty.into())),
        }
    }
}

/// The way to the throw-away server.
struct Socket(PathBuf);

impl Way for Socket {
    type Stream = UnixStream;
    type Error = RestoreTestError;

    async fn open(&self) -> Result<(UnixStream, WhyEnded), RestoreTestError> {
        let doing = "connecting to the throw-away server";
        let stream = UnixStream::connect(&self.0).await;
        let stream = stream.map_err(RestoreTestError::machine(doing))?;
        Ok((stream, std::future::ready(None).boxed()))
    }
}
