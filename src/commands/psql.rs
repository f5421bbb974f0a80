//! `pgctl psql`: psql of this machine through a local port, or the pod's.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::context::Context;
use super::ended::Ended;
use super::interruption::answers_itself;
use super::pod_end::told;
use super::port_forward::cannot_open;
use super::route::{destination_or_throw_away, first_pod, look_for, may_be_led_to, silence};
use super::shell::in_pod;
use crate::cli::PsqlArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{login, open, password_of};
use crate::postgres::{Authority, Encryption, Login};
use crate::tunnel::{Port, Routes};

/// What libpq would take from the environment, and what would lead it elsewhere or to other rights.
const NOT_OURS: [&str; 17] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLNEGOTIATION",
    "PGSSLCERTMODE",
    "PGREQUIREAUTH",
    "PGREQUIRESSL",
    "PGCHANNELBINDING",
    "PGGSSENCMODE",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
];

pub(super) async fn run(context: &Context, args: &PsqlArgs) -> Result<Ended, Failure> {
    let kube = context.connect().await?;
    let given = match (&args.pod, args.replica) {
        (Some(pod), _) => Some(pod.as_str()),
        (None, true) => Some("replica"),
        (None, false) => None,
    };
    let (seen, depth) = look_for(context, &kube, given).await?;
    let to = destination_or_throw_away(&kube, given, "psql", &seen.snapshot).await?;
    let Some(credentials) = &seen.credentials else {
        // Who may not read them can't be told which pod is the primary, either.
        let failure = Failure::new(
            ExitCode::Refused,
            "the superuser's credentials can't be read",
        );
        let failure = match silence(&seen.snapshot) {
            Some(reason) => failure.because(reason),
            None => failure,
        };
        return Err(failure.next("pgctl status"));
    };
    let pod = first_pod(&kube, &to, &seen.snapshot).await?;
    let here = (!args.in_pod).then(psql_here).flatten();
    let Some(program) = here else {
        let user = credentials.user.as_str();
        // Of a name that looks like a connection string psql's own -d makes one. What was typed is kept in no file of
        // the pod, which may have no place for one.
        let database = format!("PGDATABASE={}", args.database.name);
        let argv = [
            "env",
            &database,
            "PSQL_HISTORY=/dev/null",
            "psql",
            "-U",
            user,
        ];
        let argv = argv.map(str::to_owned).into_iter();
        let argv: Vec<String> = argv.chain(args.arguments.clone()).collect();
        let ended = in_pod(&kube, &pod, &argv).await?;
        return Ok(told(context, &kube, &seen.snapshot, &pod, ended).await);
    };
    may_be_led_to(&kube, &to, &seen.snapshot).await?;
    let port = Port::open(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await;
    let port = port.map_err(cannot_open)?;
    let number = port.address().port();
    let login = login(credentials, context.timeout());
    let password = password_of(&kube, kube.namespace(), &pod, &login).await;
    let secret = PasswordFile::write(&login.user, password, number).map_err(|error| {
        Failure::new(
            ExitCode::Failed,
            "the file for the password can't be written",
        )
        .caused_by(&error)
        .next("set TMPDIR to a folder of your own")
    })?;
    let selection = context.selection.clone();
    let (routes, _news) = Routes::keep(to, seen.snapshot.clone(), kube.clone(), selection, depth);
    let proof = proof(&kube, &pod, &login).await;
    let mut command = Command::new(program);
    for name in NOT_OURS {
        command.env_remove(name);
    }
    secret.ask_for(&proof, &mut command).map_err(|error| {
        let what = "the file for the servers' authority can't be written";
        Failure::new(ExitCode::Failed, what)
            .caused_by(&error)
            .next("set TMPDIR to a folder of your own")
    })?;
    command
        .args(&args.arguments)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", number.to_string())
        .env("PGUSER", &credentials.user)
        .env("PGDATABASE", &args.database.name)
        .env("PGPASSFILE", secret.path())
        .env("PGGSSENCMODE", "disable");
    let status = tokio::select! {
        status = to_its_end(command) => status,
        () = port.serve(&kube, kube.namespace(), &routes) => Err(io::Error::other("the local port was closed")),
    };
    drop(secret);
    let status = status.map_err(|error| {
        Failure::new(ExitCode::Failed, "psql can't be run")
            .caused_by(&error)
            .next("with the pod's own: pgctl psql --in-pod")
    })?;
    let signal = || 128 + status.signal().unwrap_or(0);
    let code = status.code().unwrap_or_else(signal);
    let ended = Ended::OfProgram(u8::try_from(code).unwrap_or(1));
    Ok(told(context, &kube, &seen.snapshot, &pod, ended).await)
}

/// By what the server proves to libpq who it is.
enum Proof {
    /// By nothing, and it encrypts if it demands that. The way to it is inside the API server's TLS. So it is where the pods have no
    /// certificate, and for one that was not replaced yet since the cluster was given some.
    None,
    /// By a certificate of this authority.
    Certificate(Authority),
    /// By knowing the password, bound to its encryption: libpq takes no certificate whose time is over, and pgctl has verified all
    /// else of it.
    Password,
}

async fn proof(kube: &Kube, pod: &str, login: &Login) -> Proof {
    let Encryption::Verified(authority) = &login.encryption else {
        return Proof::None;
    };
    match open(kube, kube.namespace(), pod, login).await {
        Ok(session) if *session.encryption() == Encryption::AsDemanded => Proof::None,
        Ok(session) if !authority.counts(session.certificates(), Timestamp::now()) => {
            Proof::Password
        }
        Ok(_) | Err(_) => Proof::Certificate(authority.clone()),
    }
}

/// psql of this machine.
fn psql_here() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = std::env::split_paths(&path).map(|folder| folder.join("psql"));
    let executable = |it: &PathBuf| {
        it.metadata()
            .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    programs.into_iter().find(executable)
}

/// Runs a program that has the terminal. Ctrl-C reaches it by itself, and does not end us; who asks us
/// to end asks it.
async fn to_its_end(mut command: Command) -> io::Result<ExitStatus> {
    answers_itself();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    // Ctrl-\ ends the program, and must not end us before the file with the password is gone.
    let mut quit = signal(SignalKind::quit())?;
    let mut child = command.spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = quit.recv() => {}
        }
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        }
    }
}

/// The password for libpq (`PGPASSFILE`), in a folder that only this user can enter. It is there as long
/// as this lives.
struct PasswordFile {
    folder: TempDir,
}

impl PasswordFile {
    fn write(user: &str, password: &SecretString, port: u16) -> io::Result<Self> {
        use std::io::Write as _;
        // In memory, where there is such a place.
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let home = runtime
            .filter(|it| it.is_dir())
            .unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new()
            .prefix("pgctl-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(home)?;
        let file = Self { folder };
        let mut options = std::fs::OpenOptions::new();
        let mut open = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file.path())?;
        let user = escaped(user);
        let password = escaped(password.expose_secret());
        writeln!(open, "127.0.0.1:{port}:*:{user}:{password}")?;
        Ok(file)
    }

    /// Tells libpq what to ask of the server.
    fn ask_for(&self, proof: &Proof, command: &mut Command) -> io::Result<()> {
        let trusted = self.folder.path().join("ca.crt");
        let mode = match proof {
            Proof::None => {
                command.env("PGSSLMODE", "allow");
                return Ok(());
            }
            // Not its name: the port leads to whichever pod it is by then.
            Proof::Certificate(authority) => {
                std::fs::write(&trusted, authority.certificates())?;
                "verify-ca"
            }
            Proof::Password => {
                command.env("PGCHANNELBINDING", "require");
                "require"
            }
        };
        // What lies in ~/.postgresql is of other servers. (Before 16 there is no PGSSLCERTMODE; of a file that is not there all take none.)
        let nothing = self.folder.path().join("none");
        for name in ["PGSSLCERT", "PGSSLKEY", "PGSSLCRL"] {
            command.env(name, &nothing);
        }
        command
            .env("PGSSLMODE", mode)
            .env("PGSSLROOTCERT", trusted)
            .env("PGSSLCERTMODE", "disable");
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pgpass")
    }
}

/// In a password file colons part fields.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_home_folder_is_used_only_where_the_pods_have_no_certificate()
    -> io::Result<()> {
        let file = PasswordFile::write("postgres", &"pw".into(), 4711)?;
        let asked = |proof: &Proof| {
            let mut command = Command::new("psql");
            file.ask_for(proof, &mut command)?;
            let given = command.as_std().get_envs();
            let given = given.filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
            let given: std::collections::BTreeMap<String, String> = given
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            Ok::<_, io::Error>(given)
        };
        let nothing = asked(&Proof::None)?;
        assert_eq!(nothing.len(), 1, "{nothing:?}");
        assert_eq!(nothing["PGSSLMODE"], "allow");
        let password = asked(&Proof::Password)?;
        // With a file there it would verify.
        assert!(!std::path::Path::new(&password["PGSSLROOTCERT"]).exists());
        assert_eq!(password["PGSSLMODE"], "require");
        assert_eq!(password["PGCHANNELBINDING"], "require");
        let certificate = asked(&Proof::Certificate(Authority::new("n", "s", b"pem")))?;
        assert_eq!(certificate["PGSSLMODE"], "verify-ca");
        assert_eq!(std::fs::read(&certificate["PGSSLROOTCERT"])?, b"pem");
        for proven in [password, certificate] {
            assert_eq!(proven["PGSSLCERTMODE"], "disable");
            for name in ["PGSSLCERT", "PGSSLKEY", "PGSSLCRL"] {
                assert!(!std::path::Path::new(&proven[name]).exists(), "{name}");
            }
        }
        Ok(())
    }

    #[test]
    fn nobody_else_can_read_the_password_and_it_goes() -> io::Result<()> {
        let file = PasswordFile::write("post:gres", &"a\\b:c".into(), 4711)?;
        let path = file.path();
        assert_eq!(
            std::fs::read_to_string(&path)?,
            "127.0.0.1:4711:*:post\\:gres:a\\\\b\\:c\n"
        );
        let mode = |path: &std::path::Path| {
            Ok::<_, io::Error>(path.metadata()?.permissions().mode() & 0o777)
        };
        assert_eq!(mode(&path)?, 0o600);
        assert_eq!(mode(file.folder.path())?, 0o700);
        drop(file);
        assert!(!path.exists());
        Ok(())
    }
}
