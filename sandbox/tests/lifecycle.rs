//! `pgctl-sandbox` as people and scripts use it: what it starts streams, and nothing is left behind.
//!
//! Most tests run pods that only sleep: what comes and goes is the same, and it takes no time.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pgctl-sandbox");

const SLEEPING: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: sleeper, namespace: quiet}
spec:
  serviceName: sleeper
  replicas: 2
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: sleeper}}
  template:
    metadata: {labels: {app: sleeper}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: postgres:15
          command: [sh, -c, 'echo asleep; exec sleep 3600']
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

/// A place for sandboxes of one test; whatever is still there at its end is taken down.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("lifecycle-").tempdir()?;
        fs::write(folder.path().join("sleeping.yaml"), SLEEPING)?;
        Ok(Self { folder })
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn sandbox(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    fn manifests(&self) -> PathBuf {
        self.folder.path().join("sleeping.yaml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env("PGCTL_SANDBOX_HOME", self.home());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        text(self.command(arguments).output()?)
    }

    fn fails(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        ensure!(!output.status.success(), "{arguments:?} went well");
        Ok(String::from_utf8(output.stderr)?)
    }

    fn up(&self, name: &str) -> Command {
        let mut command = self.command(&["up", "--name", name]);
        command.arg("--manifests").arg(self.manifests());
        command
    }

    fn daemon(&self, name: &str) -> Result<Pid> {
        let state = fs::read_to_string(self.sandbox(name).join("state.json"))?;
        let state: serde_json::Value = serde_json::from_str(&state)?;
        let pid = state["pid"].as_i64().context("it has a pid")?;
        Ok(Pid::from_raw(i32::try_from(pid)?))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.run(&["down", "--all"]));
    }
}

fn text(output: Output) -> Result<String> {
    if !output.status.success() {
        bail!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Processes that have to do with a folder: daemons, containers, whatever was started with it.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let read = |name| fs::read(path.join(name)).unwrap_or_default();
            let all = [read("cmdline"), read("environ"), read("mountinfo")].concat();
            let cwd = fs::read_link(path.join("cwd")).unwrap_or_default();
            !stat.contains(") Z ")
                && (String::from_utf8_lossy(&all).contains(&folder) || cwd.starts_with(&folder))
        })
        .filter_map(|path| fs::read_to_string(path.join("comm")).ok())
        .collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        ensure!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn nothing_is_left(place: &Place) -> Result<()> {
    let home = place.home();
    until("all processes are gone", || processes(&home).is_empty())?;
    ensure!(!home.exists(), "{} is still there", home.display());
    Ok(())
}

#[test]
fn three_stream_after_up_and_nothing_is_left_after_down() -> Result<()> {
    let place = Place::new()?;
    let said = place.run(&["up", "--name", "demo", "--timeout", "120s"])?;
    ensure!(said.contains("KUBECONFIG="), "{said}");
    let kubeconfig = place.run(&["kubeconfig", "--name", "demo"])?;
    ensure!(Path::new(kubeconfig.trim_end()).is_file(), "{kubeconfig}");
    let list = place.run(&["list"])?;
    ensure!(
        list.contains("running") && list.contains("sandbox"),
        "{list}"
    );
    let names = processes(&place.sandbox("demo"));
    let servers = names
        .iter()
        .filter(|name| name.contains("postgres"))
        .count();
    ensure!(servers >= 3, "{names:?}");
    place.run(&["down", "--name", "demo"])?;
    nothing_is_left(&place)?;
    let again = place.run(&["down", "--name", "demo"])?;
    ensure!(again.contains("there is no sandbox demo"), "{again}");
    Ok(())
}

#[test]
fn a_killed_daemon_takes_its_pods_along_and_down_removes_the_rest() -> Result<()> {
    let place = Place::new()?;
    text(place.up("crash").output()?)?;
    ensure!(processes(&place.sandbox("crash")).len() > 2, "it runs pods");
    kill(place.daemon("crash")?, Signal::SIGKILL)?;
    until("the pods are gone", || {
        processes(&place.sandbox("crash")).is_empty()
    })?;
    ensure!(place.run(&["list"])?.contains("crashed"));
    let why = place.fails(&["kubeconfig", "--name", "crash"])?;
    ensure!(why.contains("pgctl-sandbox down --name crash"), "{why}");
    place.run(&["down", "--name", "crash"])?;
    nothing_is_left(&place)
}

#[test]
fn up_clears_away_what_a_crash_left() -> Result<()> {
    let place = Place::new()?;
    text(place.up("crash").output()?)?;
    kill(place.daemon("crash")?, Signal::SIGKILL)?;
    let output = place.up("crash").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success() && said.contains("removing what a crashed sandbox"),
        "{said}"
    );
    place.run(&["down", "--name", "crash"])?;
    nothing_is_left(&place)
}

#[test]
fn a_terminated_daemon_removes_everything_by_itself() -> Result<()> {
    let place = Place::new()?;
    text(place.up("term").output()?)?;
    kill(place.daemon("term")?, Signal::SIGTERM)?;
    until("its folder is gone", || !place.sandbox("term").exists())?;
    until("its processes are gone", || {
        processes(&place.home()).is_empty()
    })
}

fn start(command: &mut Command) -> Result<Child> {
    Ok(command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?)
}

#[test]
fn ctrl_c_while_it_starts_leaves_nothing() -> Result<()> {
    let place = Place::new()?;
    // Pods that never become ready: there is time for Ctrl-C.
    let manifests = SLEEPING.replace("image: postgres:15", "image: nowhere/none:1");
    fs::write(place.manifests(), manifests)?;
    let up = start(&mut place.up("ctrlc"))?;
    until("the API is up", || {
        place.sandbox("ctrlc").join("kubeconfig").exists()
    })?;
    kill(Pid::from_raw(i32::try_from(up.id())?), Signal::SIGINT)?;
    let output = up.wait_with_output()?;
    ensure!(output.status.code() == Some(130), "{output:?}");
    nothing_is_left(&place)
}

#[test]
fn run_stays_until_ctrl_c_and_survives_nothing() -> Result<()> {
    let place = Place::new()?;
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut command = place.command(&["run", "--name", "front", "--no-wait"]);
        command.arg("--manifests").arg(place.manifests());
        let mut run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(run.stdout.take().context("it is a pipe")?).lines();
        let up = said
            .map_while(Result::ok)
            .any(|line| line.contains("Ctrl-C ends it"));
        ensure!(up, "it ended: {:?}", run.wait_with_output()?);
        ensure!(run.try_wait()?.is_none(), "it stays");
        kill(Pid::from_raw(i32::try_from(run.id())?), signal)?;
        let output = run.wait_with_output()?;
        ensure!(
            output.status.success() == (signal == Signal::SIGINT),
            "{output:?}"
        );
        until("the sandbox is gone", || !place.sandbox("front").exists())?;
        until("its processes are gone", || {
            processes(&place.home()).is_empty()
        })?;
    }
    Ok(())
}

#[test]
fn two_of_one_name_do_not_fight_and_others_stand_beside() -> Result<()> {
    let place = Place::new()?;
    let rivals = [start(&mut place.up("one"))?, start(&mut place.up("one"))?];
    let other = start(&mut place.up("two"))?;
    let outputs = rivals.map(Child::wait_with_output);
    let mut winners = 0;
    for output in outputs {
        let output = output?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        winners += usize::from(output.status.success());
        ensure!(
            output.status.success() || said.contains("already running"),
            "{said}"
        );
    }
    ensure!(winners == 1, "{winners} of two came up");
    ensure!(other.wait_with_output()?.status.success());
    let list = place.run(&["list"])?;
    ensure!(list.matches("running").count() == 2, "{list}");
    let servers: Vec<&str> = list
        .lines()
        .skip(1)
        .filter_map(|l| l.split_whitespace().nth(3))
        .collect();
    ensure!(servers[0] != servers[1], "{list}");
    place.run(&["down", "--all"])?;
    nothing_is_left(&place)
}

#[test]
fn what_does_not_start_is_explained_by_the_pods_own_words_and_taken_down() -> Result<()> {
    let place = Place::new()?;
    let manifests = SLEEPING
        .replace("echo asleep", "echo the disk is on fire")
        .replace(
            "volumeMounts:",
            "readinessProbe: {exec: {command: ['false']}}\n          volumeMounts:",
        );
    fs::write(place.manifests(), manifests)?;
    let output = place.up("broken").args(["--timeout", "3s"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "{said}");
    for part in [
        "0 of 2 pods of sleeper are ready",
        "sleeper-0",
        "the disk is on fire",
    ] {
        ensure!(said.contains(part), "no {part:?} in: {said}");
    }
    nothing_is_left(&place)
}

#[test]
fn wrong_input_is_refused_before_anything_starts() -> Result<()> {
    let place = Place::new()?;
    let why = place.fails(&["up", "--name", "../x"])?;
    ensure!(why.contains("is no name for a sandbox"), "{why}");
    let why = place.fails(&["up", "--manifests", "/nowhere.yaml"])?;
    ensure!(why.contains("/nowhere.yaml"), "{why}");
    let why = place.fails(&["fault", "--name", "none", "kill", "replica-0"])?;
    ensure!(why.contains("pgctl-sandbox up --name none"), "{why}");
    nothing_is_left(&place)
}

#[test]
fn a_fault_names_the_pods_there_are() -> Result<()> {
    let place = Place::new()?;
    text(place.up("faults").output()?)?;
    let why = place.fails(&["fault", "--name", "faults", "kill", "nobody"])?;
    ensure!(why.contains("sleeper-0, sleeper-1"), "{why}");
    for fault in [
        vec!["kill", "sleeper-0"],
        vec!["freeze", "sleeper-1"],
        vec!["unfreeze", "sleeper-1"],
        vec!["late-volumes", "sleeper-1"],
        vec!["cut", "exec", "--after", "100"],
        vec!["cut", "exec", "--after", "100", "--upload"],
        vec!["slow", "--bytes-per-second", "1000000"],
        vec!["api", "--verb", "get", "--fail", "500", "--count", "1"],
        vec!["clear"],
    ] {
        let arguments = [vec!["fault", "--name", "faults"], fault].concat();
        place.run(&arguments)?;
    }
    Ok(())
}

/// As root: the same for a user without any rights.
#[test]
fn a_plain_user_can_do_all_of_it() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!(
            "skipped: this test changes from root to a plain user; the others run as one already"
        );
        return Ok(());
    }
    const NOBODY: u32 = 65534;
    let place = Place::new()?;
    std::os::unix::fs::chown(place.folder.path(), Some(NOBODY), Some(NOBODY))?;
    // The build's folder may be closed to others.
    let program = place.folder.path().join("pgctl-sandbox");
    fs::copy(PROGRAM, &program)?;
    let user = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(arguments)
            .env("PGCTL_SANDBOX_HOME", place.home())
            .env("HOME", place.folder.path())
            .current_dir(place.folder.path());
        command.output()
    };
    text(user(&["up", "--name", "plain", "--timeout", "120s"])?)?;
    text(user(&["down", "--name", "plain"])?)?;
    nothing_is_left(&place)
}

/// Not a test of its own: what a test process that shares a sandbox does, for the test below.
#[test]
#[ignore = "run by processes_that_join_share_one_sandbox"]
fn one_that_joins() -> Result<()> {
    let manifests = std::env::var_os("JOIN_MANIFESTS").context("run by the test below")?;
    let options = pgctl_sandbox::Options {
        manifests: Some(PathBuf::from(manifests)),
        ..pgctl_sandbox::Options::default()
    };
    let shared = pgctl_sandbox::Shared::join("shared", &options)?;
    ensure!(shared.namespace() == "quiet", "{}", shared.namespace());
    ensure!(shared.kubeconfig().is_file(), "its kubeconfig is there");
    shared.fault(&pgctl_sandbox::cli::FaultKind::Clear)?;
    let state = shared.kubeconfig().with_file_name("state.json");
    println!("joined {}", fs::read_to_string(state)?.replace('\n', " "));
    Ok(())
}

#[test]
fn processes_that_join_share_one_sandbox() -> Result<()> {
    let place = Place::new()?;
    let join = || {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--ignored", "--exact", "--nocapture", "one_that_joins"])
            .env("PGCTL_SANDBOX_HOME", place.home())
            .env("PGCTL_SANDBOX_BIN", PROGRAM)
            .env("JOIN_MANIFESTS", place.manifests())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok::<_, anyhow::Error>(command.spawn()?)
    };
    let joined = [join()?, join()?, join()?].map(Child::wait_with_output);
    let mut seen = std::collections::BTreeSet::new();
    for output in joined {
        let said = text(output?)?;
        let state = said
            .split("joined ")
            .nth(1)
            .context("it says what it saw")?;
        seen.insert(state.lines().next().unwrap_or_default().to_owned());
    }
    ensure!(seen.len() == 1, "one daemon for all: {seen:?}");
    until("it ends after its last user", || {
        !place.sandbox("shared").exists()
    })?;
    nothing_is_left_but_the_lock(&place)
}

/// The home of a shared sandbox keeps the files by which processes find each other.
fn nothing_is_left_but_the_lock(place: &Place) -> Result<()> {
    let home = place.home();
    until("all processes are gone", || processes(&home).is_empty())?;
    let folders = fs::read_dir(&home).into_iter().flatten().flatten();
    let mut folders = folders.filter(|entry| entry.path().is_dir());
    ensure!(folders.next().is_none(), "a sandbox is still there");
    Ok(())
}
