//! The real kubectl on a whole running sandbox: the commands that an operator types, unchanged.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use pgctl_sandbox::{Options, Sandbox};

use needs::{Need, does_without};

#[path = "../../tests/support/needs.rs"]
mod needs;

/// How long one kubectl may take, on a machine that runs other tests, too.
const PATIENCE: Duration = Duration::from_secs(240);

/// What is given to kubectl for its own waits: it tells what it waited for before the patience ends.
const WAIT: &str = "--timeout=230s";

const MANIFESTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/sandbox/rendered.yaml"
);

const PRIMARY: &str = "sandbox-postgres-primary-0";
const STANDBYS: &str = "statefulset/sandbox-postgres-replica";
const CONFIG: &str = "configmap/sandbox-postgres-config";

/// A kubectl that runs, in a process group of its own. Its output goes to files: whatever it starts
/// can keep no pipe open.
struct Running {
    child: Child,
    arguments: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    fn out(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).unwrap_or_default()).into_owned()
    }

    fn err(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// Waits for its end.
    fn end(&mut self) -> Result<ExitStatus> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("kubectl {} does not end: {}", self.arguments, self.err())
    }

    /// Waits until it, going on, has printed this.
    fn prints(&mut self, text: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !self.out().contains(text) {
            if let Some(status) = self.child.try_wait()? {
                bail!("kubectl {} ended: {status}: {}", self.arguments, self.err());
            }
            ensure!(
                Instant::now() < end,
                "kubectl {} never printed {text:?}: {}{}",
                self.arguments,
                self.out(),
                self.err()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that was waited for is gone, and its id may be another's by now.
        if let Ok(None) = self.child.try_wait() {
            if let Ok(group) = i32::try_from(self.child.id()) {
                killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
            }
            drop(self.child.wait());
        }
    }
}

/// A sandbox, and a home for kubectl.
struct Place {
    sandbox: Sandbox,
    home: tempfile::TempDir,
}

/// How a kubectl ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Result<Self> {
        Ok(Self {
            sandbox: Sandbox::start(&Options::default())?,
            home: tempfile::Builder::new().prefix("kubectl-").tempdir()?,
        })
    }

    fn start(&self, arguments: &[&str], stdin: &str) -> Result<Running> {
        let files = tempfile::Builder::new()
            .tempdir_in(self.home.path())?
            .keep();
        let [input, stdout, stderr] = ["in", "out", "err"].map(|name| files.join(name));
        fs::write(&input, stdin)?;
        let child = Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.sandbox.kubeconfig())
            .env("HOME", self.home.path())
            .stdin(File::open(&input)?)
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .process_group(0)
            .spawn()
            .context("starting kubectl")?;
        Ok(Running {
            child,
            arguments: arguments.join(" "),
            stdout,
            stderr,
        })
    }

    fn ends(&self, arguments: &[&str], stdin: &str) -> Result<Ended> {
        let mut running = self.start(arguments, stdin)?;
        let code = running.end()?.code();
        Ok(Ended {
            code,
            out: running.out(),
            err: running.err(),
        })
    }

    /// What it prints, when it goes well.
    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let Ended { code, out, err } = self.ends(arguments, "")?;
        ensure!(
            code == Some(0),
            "kubectl {}: {code:?}: {out}{err}",
            arguments.join(" ")
        );
        Ok(out)
    }

    /// A field of an object.
    fn field(&self, object: &str, path: &str) -> Result<String> {
        let path = format!("-o=jsonpath={{{path}}}");
        self.kubectl(&["get", object, &path])
    }

    /// Asks the primary's database, or has it do something.
    fn sql(&self, sql: &str) -> Result<String> {
        self.kubectl(&["exec", PRIMARY, "--", "psql", "-XAtc", sql])
    }
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn an_operator_works_with_kubectl() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    let place = Place::new()?;
    looks(&place).context("looking")?;
    watches(&place).context("watching")?;
    logs(&place).context("logs")?;
    executes(&place).context("exec")?;
    permissions(&place).context("auth can-i")?;
    patches(&place).context("patch")?;
    deletes(&place).context("delete")?;
    scales(&place).context("scale")?;
    // Last: it has passwords of its own, and the databases know the others.
    applies(&place).context("apply")
}

fn looks(place: &Place) -> Result<()> {
    let wide = place.kubectl(&["get", "pods", "-o", "wide"])?;
    let row = wide.lines().find(|line| line.starts_with(PRIMARY));
    let row = row.with_context(|| wide.clone())?;
    ensure!(row.contains("1/1") && row.contains("Running"), "{row}");
    ensure!(row.contains("sandbox-node-"), "{row}");
    let address = place.field(&format!("pod/{PRIMARY}"), ".status.podIP")?;
    ensure!(!address.is_empty() && row.contains(&address), "{row}");

    let yaml = place.kubectl(&["get", "pod", PRIMARY, "-o", "yaml"])?;
    ensure!(yaml.starts_with("apiVersion: v1\nkind: Pod\n"), "{yaml}");
    ensure!(yaml.contains(&format!("  podIP: {address}\n")), "{yaml}");

    let described = place.kubectl(&["describe", "pod", PRIMARY])?;
    let events = described.split("\nEvents:").nth(1);
    let events = events.with_context(|| described.clone())?;
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        ensure!(events.contains(reason), "no {reason}: {described}");
    }
    Ok(())
}

fn watches(place: &Place) -> Result<()> {
    let mut watch = place.start(&["get", "pods", "-w", "--show-labels"], "")?;
    watch.prints(PRIMARY)?;
    place.kubectl(&["label", "pod", PRIMARY, "changed=while-watched"])?;
    watch.prints("changed=while-watched")
}

fn logs(place: &Place) -> Result<()> {
    let last = place.kubectl(&["logs", PRIMARY, "--tail=1"])?;
    ensure!(last.lines().count() == 1, "{last}");
    let mut follow = place.start(&["logs", "-f", PRIMARY], "")?;
    follow.prints("ready to accept connections")?;
    // The text in two halves: what is looked for is not in the statement, which is logged, too.
    place.sql("do $$ begin raise log '% %', 'a line', 'that is new'; end $$")?;
    follow.prints("a line that is new")?;
    let all = place.kubectl(&["logs", PRIMARY])?;
    ensure!(all.contains("a line that is new"), "{all}");
    Ok(())
}

fn executes(place: &Place) -> Result<()> {
    let exec = ["exec", "-i", PRIMARY, "--"];
    let psql = [&exec[..], &["psql", "-XAt"]].concat();
    let answer = place.ends(&psql, "select 'from ' || 'stdin';\n")?;
    ensure!(answer.out == "from stdin\n", "{}{}", answer.out, answer.err);
    let large = "0123456789abcde\n".repeat(1 << 16);
    let counted = place.ends(&[&exec[..], &["wc", "-c"]].concat(), &large)?;
    ensure!(
        counted.out.trim() == large.len().to_string(),
        "{}",
        counted.out
    );
    for code in [0, 1, 42, 255] {
        let script = format!("echo out; echo err >&2; exit {code}");
        let ended = place.ends(&["exec", PRIMARY, "--", "sh", "-c", &script], "")?;
        ensure!(ended.code == Some(code), "{:?}: {}", ended.code, ended.err);
        ensure!(ended.out == "out\n", "{}", ended.out);
        ensure!(ended.err.starts_with("err\n"), "{}", ended.err);
    }
    Ok(())
}

fn permissions(place: &Place) -> Result<()> {
    let ask = ["auth", "can-i", "delete", "pods"];
    ensure!(place.kubectl(&ask)? == "yes\n");
    let nobody = place.ends(&[&ask[..], &["--as", "nobody"]].concat(), "")?;
    ensure!(nobody.code == Some(1), "{:?}: {}", nobody.code, nobody.err);
    ensure!(nobody.out == "no\n", "{}", nobody.out);
    let forbidden = place.ends(&["get", "pods", "--as", "nobody"], "")?;
    ensure!(forbidden.code == Some(1), "{}", forbidden.out);
    ensure!(forbidden.err.contains("(Forbidden)"), "{}", forbidden.err);
    Ok(())
}

fn patches(place: &Place) -> Result<()> {
    let patch = |object: &str, kind: &str, patch: &str| {
        place.kubectl(&["patch", object, "--type", kind, "-p", patch])
    };
    patch(CONFIG, "merge", r#"{"data": {"added": "by merge"}}"#)?;
    ensure!(place.field(CONFIG, ".data.added")? == "by merge");
    let replace = r#"[{"op": "test", "path": "/data/added", "value": "by merge"},
        {"op": "replace", "path": "/data/added", "value": "by json"}]"#;
    patch(CONFIG, "json", replace)?;
    ensure!(place.field(CONFIG, ".data.added")? == "by json");
    // Its test does not hold any more, and nothing is changed.
    let again = place.ends(&["patch", CONFIG, "--type", "json", "-p", replace], "")?;
    ensure!(again.code == Some(1), "{}", again.out);
    patch(CONFIG, "merge", r#"{"data": {"added": null}}"#)?;
    ensure!(place.field(CONFIG, ".data.added")?.is_empty());
    ensure!(!place.field(CONFIG, r".data.postgresql\.conf")?.is_empty());

    // The lists of a strategic patch are merged by name: nothing else of the container changes.
    let variables = ".spec.template.spec.containers[0].env[*].name";
    let before = place.field(STANDBYS, variables)?;
    let strategic = r#"{"spec": {"template": {"spec": {"containers":
        [{"name": "postgres", "env": [{"name": "ADDED", "value": "by strategic"}]}]}}}}"#;
    patch(STANDBYS, "strategic", strategic)?;
    let after = place.field(STANDBYS, variables)?;
    ensure!(
        before
            .split(' ')
            .all(|name| after.split(' ').any(|kept| kept == name)),
        "{before}: {after}"
    );
    // OnDelete: what was changed is for the pods that are made from now on.
    for pod in ["sandbox-postgres-replica-0", "sandbox-postgres-replica-1"] {
        renew(place, &format!("pod/{pod}"))?;
        let added = place.kubectl(&["exec", pod, "--", "printenv", "ADDED"])?;
        ensure!(added == "by strategic\n", "{pod}: {added}");
    }
    Ok(())
}

fn deletes(place: &Place) -> Result<()> {
    renew(place, "pod/sandbox-postgres-replica-1")
}

/// Deletes a pod and waits for its successor.
fn renew(place: &Place, pod: &str) -> Result<()> {
    let before = place.field(pod, ".metadata.uid")?;
    place.kubectl(&["delete", pod])?;
    let get = [
        "get",
        pod,
        "--ignore-not-found",
        "-o=jsonpath={.metadata.uid}",
    ];
    until("it comes back", || {
        let found = place.kubectl(&get)?;
        Ok(!found.is_empty() && found != before)
    })?;
    place.kubectl(&["wait", "--for=condition=Ready", pod, WAIT])?;
    Ok(())
}

/// Within the autoscaler's bounds, which would take back anything else.
fn scales(place: &Place) -> Result<()> {
    let third = "pod/sandbox-postgres-replica-2";
    place.kubectl(&["scale", STANDBYS, "--replicas=3"])?;
    let ready = "--for=jsonpath={.status.readyReplicas}=3";
    place.kubectl(&["wait", ready, STANDBYS, WAIT])?;
    place.kubectl(&["wait", "--for=condition=Ready", third, WAIT])?;
    let streaming = "select count(*) from pg_stat_replication where state = 'streaming'";
    until("three stream", || Ok(place.sql(streaming)? == "3\n"))?;
    place.kubectl(&["scale", STANDBYS, "--replicas=2"])?;
    place.kubectl(&["wait", "--for=delete", third, WAIT])?;
    ensure!(place.field(STANDBYS, ".spec.replicas")? == "2");
    Ok(())
}

fn applies(place: &Place) -> Result<()> {
    let kinds = "cm,secret,svc,sts,pdb,hpa,netpol";
    let names = "-o=custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid";
    let objects = || place.kubectl(&["get", kinds, names]);
    let before = objects()?;
    place.kubectl(&["apply", "-f", MANIFESTS])?;
    ensure!(objects()? == before, "it made other objects of them");

    // What the autoscaler and the probes write is of the status, and counts no generation.
    let specs = "-o=custom-columns=KIND:.kind,NAME:.metadata.name,GENERATION:.metadata.generation";
    let generations = || place.kubectl(&["get", kinds, specs]);
    let version = |object| place.field(object, ".metadata.resourceVersion");
    let secret = "secret/sandbox-postgres-secret";
    let (before, config, passwords) = (generations()?, version(CONFIG)?, version(secret)?);
    let again = place.kubectl(&["apply", "-f", MANIFESTS])?;
    ensure!(!again.contains("created"), "{again}");
    for object in [
        CONFIG,
        "service/sandbox-postgres-write",
        "horizontalpodautoscaler.autoscaling/sandbox-postgres-replica-hpa",
        "networkpolicy.networking.k8s.io/sandbox-postgres",
    ] {
        ensure!(again.contains(&format!("{object} unchanged\n")), "{again}");
    }
    // kubectl sends defaulted lists, selectors and stringData again each time, also to a real
    // cluster, and calls that configured: the server finds nothing to change.
    ensure!(generations()? == before, "{again}");
    ensure!(version(CONFIG)? == config, "the ConfigMap was written");
    ensure!(version(secret)? == passwords, "the Secret was written");

    // A kind that nobody has brought.
    let rule =
        "{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: rule}}";
    let ended = place.ends(&["apply", "-f", "-"], rule)?;
    let said = "no matches for kind \"PrometheusRule\" in version \"monitoring.coreos.com/v1\"\nensure CRDs are installed first";
    ensure!(
        ended.code == Some(1) && ended.err.contains(said),
        "{}",
        ended.err
    );
    Ok(())
}
