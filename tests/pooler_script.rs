//! The scripts of the poolers, `deploy/components/pooler/scripts`, on a real PgBouncer: whoever lets its clients wait, nobody
//! waits for long for one that is gone.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// For a hang, never for a speed.
const PATIENCE: Duration = Duration::from_secs(60);

const PATH: &str = "/usr/sbin:/usr/bin:/bin";

/// A pooler's container: its start script and PgBouncer, with the volumes of a pod.
struct Pooler {
    folder: TempDir,
    address: String,
    script: Child,
}

/// `hold.sh` in it.
struct Hold {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

fn eventually(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !look()? {
        ensure!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// An address of this machine on which nobody uses the port, and which no other test of this process is given.
fn free_address() -> Result<String> {
    static GIVEN: AtomicU8 = AtomicU8::new(0);
    let process = std::process::id() % 251;
    (0..200)
        .map(|_| {
            let number = GIVEN.fetch_add(1, Ordering::Relaxed) % 250 + 1;
            format!("127.200.{process}.{number}")
        })
        .find(|it| std::net::TcpListener::bind((it.as_str(), 5432)).is_ok())
        .context("no address is free")
}

impl Pooler {
    fn start() -> Result<Self> {
        Self::start_in(tempfile::tempdir_in("/tmp")?)
    }

    fn start_in(folder: TempDir) -> Result<Self> {
        let place = |name: &str| -> Result<PathBuf> {
            let path = folder.path().join(name);
            fs::create_dir_all(&path)?;
            // PgBouncer does not run as root.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
            Ok(path)
        };
        place(".")?;
        let (config, secret) = (place("config")?, place("secret")?);
        place("run")?;
        let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/components/pooler");
        for file in [
            "pgbouncer.ini",
            "scripts/pooler.sh",
            "scripts/hold.sh",
            "scripts/common.sh",
        ] {
            let name = Path::new(file).file_name().context("a name")?;
            fs::copy(component.join(file), config.join(name))?;
        }
        for key in ["pooler-password", "admin-password"] {
            fs::write(secret.join(key), format!("it's: a \\ \"{key}\""))?;
        }
        let address = free_address()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let script = command(folder.path(), &address, "pooler.sh")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let pooler = Self {
            folder,
            address,
            script,
        };
        // Somebody else may answer there: where PgBouncer can't have the address, it goes on with its socket alone.
        let listens = format!("listening on {}:5432", pooler.address);
        eventually("it listens", || Ok(pooler.log().contains(&listens)))
            .with_context(|| pooler.log())?;
        Ok(pooler)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn run_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("run").join(name)
    }

    /// How often PgBouncer was told to let its clients wait, and how often to let them go on.
    fn told(&self) -> (usize, usize) {
        let log = self.log();
        let count = |words: &str| log.matches(words).count();
        (count("got SIGUSR1"), count("got SIGUSR2"))
    }

    /// What PgBouncer's console says, its complaints too.
    fn console(&self, sql: &str) -> Result<String> {
        let said = Command::new("psql")
            .args(["-XAtqw", "-p", "5432", "-U", "pgctl_pooler_admin"])
            .args(["-h", &self.address, "-d", "pgbouncer", "-c", sql])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PGPASSWORD", "it's: a \\ \"admin-password\"")
            .output()?;
        let both = [said.stdout, said.stderr].concat();
        Ok(String::from_utf8_lossy(&both).into_owned())
    }

    /// Nobody begins a transaction.
    fn is_paused(&self) -> Result<bool> {
        let said = self.console("PAUSE pgbouncer")?;
        let known = said.contains("cannot pause admin db");
        let paused = said.contains("already suspended/paused");
        ensure!(known || paused, "{said}");
        Ok(paused)
    }

    fn hold(&self) -> Result<Hold> {
        self.hold_with(PATH)
    }

    /// With the programs of these folders.
    fn hold_with(&self, path: &str) -> Result<Hold> {
        let mut process = command(self.folder.path(), &self.address, "hold.sh")
            .env("PATH", path)
            // No primary is there to go on with.
            .arg("127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("it was asked for")?;
        let (say, lines) = channel();
        std::thread::spawn(move || {
            let mut each = BufReader::new(output).lines().map_while(Result::ok);
            each.try_for_each(|line| say.send(line))
        });
        Ok(Hold {
            process,
            input,
            lines,
        })
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        signal(&self.script, "TERM").ok();
        self.script.wait().ok();
    }
}

impl Hold {
    fn says(&self, words: &str) -> Result<()> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) if line == words => Ok(()),
            other => bail!("{words:?} was to come, and not {other:?}"),
        }
    }

    /// Lets clients wait, until none is served.
    fn waits(&mut self) -> Result<()> {
        self.says("pinned")?;
        self.hears("hold")?;
        self.says("held")?;
        self.says("drained")
    }

    fn hears(&mut self, words: &str) -> Result<()> {
        let input = self.input.as_mut().context("it is closed")?;
        Ok(writeln!(input, "{words}")?)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One of the scripts, as whoever may run PgBouncer.
fn command(folder: &Path, address: &str, script: &str) -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    let mut command = if root {
        let mut command = Command::new("setpriv");
        let user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
        command.args(user).args(["--", "/bin/sh"]);
        command
    } else {
        Command::new("/bin/sh")
    };
    command
        .arg(folder.join("config").join(script))
        .env_clear()
        .env("PATH", PATH)
        .env("POOLER_RUN_DIR", folder.join("run"))
        .env("POOLER_CONFIG_DIR", folder.join("config"))
        .env("POOLER_SECRET_DIR", folder.join("secret"))
        .env("POOLER_TERMINATION_LOG", folder.join("termination"))
        .env("POOLER_LISTEN_ADDRESS", address)
        // Nobody is there.
        .env("POOLER_SERVICE", "127.0.0.1")
        .env("POOLER_LEAVE_SECONDS", "0")
        .env("POOLER_DRAIN_SECONDS", "1");
    command
}

fn signal(process: &Child, name: &str) -> Result<()> {
    let id = process.id().to_string();
    let status = Command::new("kill").args(["-s", name, &id]).status()?;
    ensure!(status.success(), "kill -s {name}: {status}");
    Ok(())
}

#[test]
fn clients_go_on_when_they_are_let_go_and_when_nobody_is_there_any_more() -> Result<()> {
    let pooler = Pooler::start()?;
    let mut hold = pooler.hold()?;
    hold.waits()?;
    ensure!(pooler.told() == (1, 0), "{}", pooler.log());
    // Somebody else's is told so, and changes nothing.
    pooler.hold()?.says("held already")?;
    // For as long as it is heard of, which is longer than silence would be borne.
    for _ in 0..10 {
        hold.hears("beat")?;
        std::thread::sleep(Duration::from_millis(500));
    }
    ensure!(pooler.told() == (1, 0), "{}", pooler.log());
    hold.hears("release")?;
    hold.says("released")?;
    eventually("clients go on", || Ok(pooler.told() == (1, 1)))?;
    // Nobody is held by one that is only ready to.
    let mut ready = pooler.hold()?;
    ready.says("pinned")?;
    ready.input = None;
    ready.says("over")?;
    ensure!(pooler.told() == (1, 1), "{}", pooler.log());
    // Nor for longer than is good, however much is said.
    let mut long = pooler.hold()?;
    long.waits()?;
    for _ in 0..60 {
        long.hears("beat")?;
    }
    long.says("over")?;
    eventually("clients go on", || Ok(pooler.told() == (2, 2)))?;
    // The end of its input, which is how the death of pgctl shows.
    let mut hold = pooler.hold()?;
    hold.waits()?;
    hold.input = None;
    eventually("clients go on", || Ok(pooler.told() == (3, 3)))?;
    Ok(())
}

#[test]
fn clients_go_on_when_whoever_holds_them_is_killed_or_hangs() -> Result<()> {
    let pooler = Pooler::start()?;
    let mut hold = pooler.hold()?;
    hold.waits()?;
    hold.process.kill()?;
    eventually("clients go on", || Ok(pooler.told() == (1, 1)))?;
    let mut hold = pooler.hold()?;
    hold.waits()?;
    signal(&hold.process, "STOP")?;
    eventually("clients go on", || Ok(pooler.told() == (2, 2)))?;
    // What it was told meanwhile holds nobody again, and it finds that it is over.
    hold.hears("beat")?;
    signal(&hold.process, "CONT")?;
    hold.says("over")?;
    ensure!(pooler.told() == (2, 2), "{}", pooler.log());
    pooler.hold()?.waits()
}

#[test]
fn a_pause_by_hand_outlives_every_hold() -> Result<()> {
    let pooler = Pooler::start()?;
    let left_alone = || {
        ensure!(pooler.told() == (0, 0), "{}", pooler.log());
        ensure!(pooler.is_paused()?, "{}", pooler.log());
        Ok(())
    };
    let said = pooler.console("PAUSE")?;
    ensure!(pooler.is_paused()?, "{said}");
    let waits = |hold: &mut Hold| {
        hold.says("pinned")?;
        hold.hears("hold")?;
        hold.says("paused")?;
        hold.says("held")?;
        hold.says("drained")
    };
    // Let go of, ended, killed, and silent for too long.
    let mut hold = pooler.hold()?;
    waits(&mut hold)?;
    hold.hears("release")?;
    hold.says("released")?;
    left_alone()?;
    let mut hold = pooler.hold()?;
    waits(&mut hold)?;
    hold.input = None;
    hold.says("over")?;
    left_alone()?;
    let mut hold = pooler.hold()?;
    waits(&mut hold)?;
    hold.process.kill()?;
    eventually("it is over", || Ok(!pooler.run_file("held").exists()))?;
    left_alone()?;
    let mut hold = pooler.hold()?;
    waits(&mut hold)?;
    signal(&hold.process, "STOP")?;
    eventually("it is over", || Ok(!pooler.run_file("held").exists()))?;
    left_alone()?;
    signal(&hold.process, "CONT")?;
    // Whoever has paused it ends that; from then on it is held as ever.
    pooler.console("RESUME")?;
    ensure!(!pooler.is_paused()?, "{}", pooler.log());
    let mut hold = pooler.hold()?;
    hold.waits()?;
    // Said once more it is still the hold of this one, and ends with it.
    hold.hears("hold")?;
    hold.says("held")?;
    hold.says("drained")?;
    hold.hears("release")?;
    hold.says("released")?;
    eventually("clients go on", || Ok(pooler.told() == (1, 1)))?;
    ensure!(!pooler.is_paused()?, "{}", pooler.log());
    Ok(())
}

/// What it does not know it does not end.
#[test]
fn a_console_that_does_not_answer_lets_nobody_be_held() -> Result<()> {
    let pooler = Pooler::start()?;
    let mut hold = pooler.hold()?;
    hold.says("pinned")?;
    // Another password than PgBouncer has.
    fs::write(pooler.run_file("pgpass"), "*:*:*:*:wrong\n")?;
    hold.hears("hold")?;
    hold.says("silent")?;
    eventually("it is over", || Ok(!pooler.run_file("held").exists()))?;
    ensure!(pooler.told() == (0, 0), "{}", pooler.log());
    Ok(())
}

/// While it waits for a console that hangs it hears nobody, and three seconds without a word end a hold.
#[test]
fn the_console_is_given_less_time_than_ends_a_hold() -> Result<()> {
    let pooler = Pooler::start()?;
    let programs = pooler.folder.path().join("programs");
    fs::create_dir(&programs)?;
    let asked = pooler.run_file("asked");
    let timeout = programs.join("timeout");
    let script = format!("#!/bin/sh\necho \"$1\" >{}\nexit 124\n", asked.display());
    fs::write(&timeout, script)?;
    for path in [&programs, &timeout] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    let mut hold = pooler.hold_with(&format!("{}:{PATH}", programs.display()))?;
    hold.says("pinned")?;
    hold.hears("hold")?;
    hold.says("silent")?;
    let seconds = fs::read_to_string(asked)?;
    ensure!(seconds.trim().parse::<u32>()? < 3, "{seconds}");
    ensure!(pooler.told() == (0, 0), "{}", pooler.log());
    Ok(())
}

#[test]
fn a_hold_of_a_container_before_is_over_and_one_that_goes_lets_go() -> Result<()> {
    let folder = tempfile::tempdir_in("/tmp")?;
    fs::create_dir(folder.path().join("run"))?;
    for name in ["hold", "held"] {
        fs::write(folder.path().join("run").join(name), "77-1 5\n")?;
    }
    let mut pooler = Pooler::start_in(folder)?;
    eventually("they are gone", || {
        Ok(!pooler.run_file("hold").exists() && !pooler.run_file("held").exists())
    })?;
    ensure!(pooler.told() == (0, 0), "{}", pooler.log());
    let mut hold = pooler.hold()?;
    hold.waits()?;
    signal(&pooler.script, "TERM")?;
    pooler.script.wait()?;
    ensure!(pooler.told() == (1, 1), "{}", pooler.log());
    Ok(())
}

#[test]
fn without_its_start_script_nobody_is_held() -> Result<()> {
    let pooler = Pooler::start()?;
    signal(&pooler.script, "STOP")?;
    let hold = pooler.hold()?;
    hold.says("no answer")?;
    ensure!(!pooler.run_file("hold").exists(), "it is left");
    signal(&pooler.script, "CONT")
}

/// A server's answer decides where clients are led.
#[test]
fn what_roles_and_the_environment_carry_changes_no_answer() -> Result<()> {
    let server = support::Server::primary("");
    server.psql(
        "create role pgctl_pooler login password 'secret'; create schema trap; \
         grant usage on schema trap to public; \
         alter role pgctl_pooler set local_preload_libraries = 'nothing'; \
         alter role all set search_path = trap, pg_catalog; \
         alter role all set client_min_messages = debug5; \
         alter role all set default_transaction_isolation = serializable",
    );
    let folder = tempfile::tempdir_in("/tmp")?;
    let passwords = folder.path().join("pgpass");
    fs::write(&passwords, "*:*:*:pgctl_pooler:secret\n")?;
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600))?;
    let scripts =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/components/pooler/scripts/common.sh");
    let asked = Command::new("/bin/sh")
        .args(["-c", ". \"$1\"; PORT=$2; ask \"$3\"", "sh"])
        .arg(scripts)
        .arg(server.port().to_string())
        .arg("select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('search_path')")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("POOLER_RUN_DIR", folder.path())
        .env("POOLER_SERVICE", "127.0.0.1")
        .envs([
            ("PGOPTIONS", "-c nothing.of=this"),
            ("PGSERVICE", "nothing"),
            ("PGHOSTADDR", "127.0.0.9"),
            ("PGCLIENTENCODING", "nothing"),
            ("PGSSLMODE", "verify-full"),
            ("PGCHANNELBINDING", "require"),
        ])
        .output()?;
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    ensure!(answer == "f|pg_catalog\n", "{answer:?}");
    Ok(())
}
