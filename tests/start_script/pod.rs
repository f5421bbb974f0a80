//! Pods without Kubernetes: the start script as PID 1 of a bubblewrap container, on loopback addresses.

use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::hash_map::DefaultHasher,
    fs::{self, File},
    hash::{Hash, Hasher},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

use crate::needs::{Need, does_without};

pub(crate) const PRIMARY: &str = "x-postgres-primary-0";
pub(crate) const REPLICA: &str = "x-postgres-replica-0";
pub(crate) const REPLICA_1: &str = "x-postgres-replica-1";
const PODS: [&str; 3] = [PRIMARY, REPLICA, REPLICA_1];
/// Passwords with everything that a shell, SQL, a passfile or a connection string might trip over.
pub(crate) const PASSWORD: &str = r#"s'e\n"c$HOME:ret"#;
const REPLICATION_PASSWORD: &str = r"r'e\\p l:";
const SESSION: &str = "-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed \
    -c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0 \
    -c search_path=public -c client_min_messages=warning -c local_preload_libraries= -c role=none";
/// How long a condition may take to come true on a busy machine. Not a promise of the script.
const PATIENCE: Duration = Duration::from_secs(240);

/// True where it is known that a pod can't be run: the tests are then skipped.
pub(crate) fn skipped() -> bool {
    does_without(Need::Namespaces)
}

fn binaries() -> Result<PathBuf> {
    pgctl_sandbox::runtime::postgres_programs()
        .context("no PostgreSQL server under /usr/lib/postgresql")
}

/// The ground the pods of one test stand on: volumes, names, topology.
pub(crate) struct Cluster {
    dir: TempDir,
    addresses: Vec<String>,
}

impl Cluster {
    /// Empty volumes, no topology.
    pub(crate) fn empty() -> Result<Self> {
        let dir = TempDir::with_prefix("pgctl-start-")?;
        let config = dir.path().join("config");
        fs::create_dir(&config)?;
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base");
        for script in fs::read_dir(base.join("scripts"))? {
            let script = script?;
            fs::copy(script.path(), config.join(script.file_name()))?;
        }
        let manifest: serde_json::Value =
            serde_saphyr::from_str(&fs::read_to_string(base.join("postgres-config.yaml"))?)?;
        for key in ["postgresql.conf", "pg_hba.conf"] {
            fs::write(
                config.join(key),
                manifest["data"][key].as_str().context(key)?,
            )?;
        }
        // The machine does not lose its power in these tests.
        fs::write(
            config.join("overlay.conf"),
            "shared_buffers = '16MB'\nmax_connections = 40\nfsync = off\nmin_wal_size = '32MB'\nmax_wal_size = '64MB'\nwal_keep_size = 0\n",
        )?;
        fs::write(
            config.join("passwd"),
            "postgres:x:999:999::/var/lib/postgresql:/bin/sh\n",
        )?;
        let cluster = Self {
            addresses: free_addresses()?,
            dir,
        };
        let hosts: String = PODS
            .iter()
            .zip(&cluster.addresses)
            .map(|(pod, address)| {
                format!(
                    "{address} {pod}.{}.ns.svc {pod}\n",
                    pod.trim_end_matches(|c: char| c.is_ascii_digit())
                        .trim_end_matches('-')
                )
            })
            .collect();
        fs::write(config.join("hosts"), hosts)?;
        fs::create_dir(cluster.dir.path().join("topology"))?;
        for pod in PODS {
            for volume in ["data", "run", "tmp", "podinfo"] {
                fs::create_dir_all(cluster.dir.path().join(pod).join(volume))?;
            }
            cluster.annotate(pod, "")?;
        }
        Ok(cluster)
    }

    /// A primary and a standby that streamed from it, both stopped cleanly. The volumes are copies of ones that the
    /// script made once.
    pub(crate) fn stopped() -> Result<Self> {
        let template = template()?;
        let cluster = Self::empty()?;
        for pod in [PRIMARY, REPLICA] {
            copy_tree(&template.join(pod), &cluster.volume(pod))?;
        }
        Ok(cluster)
    }

    /// The same, and running.
    pub(crate) fn running() -> Result<(Self, Pod, Pod)> {
        let cluster = Self::stopped()?;
        let primary = cluster.start(PRIMARY)?;
        let replica = cluster.start(REPLICA)?;
        wait_until("the standby streams", || {
            Ok(cluster.streams(PRIMARY, REPLICA))
        })?;
        Ok((cluster, primary, replica))
    }

    /// The same after an emergency: the replica was promoted, and the old primary was lost without a clean end,
    /// with a write that nobody else has.
    pub(crate) fn failed_over() -> Result<(Self, Pod)> {
        let (cluster, primary, replica) = Self::running()?;
        cluster.sql(PRIMARY, "CREATE TABLE kept AS SELECT 1 AS n")?;
        cluster.lose_primary(primary, "")?;
        cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
        Ok((cluster, replica))
    }

    /// The replica, which runs, is promoted after the primary was lost with a write that nobody else has. The names of what
    /// only one of them has end in `suffix`.
    pub(crate) fn lose_primary(&self, primary: Pod, suffix: &str) -> Result<()> {
        self.caught_up(PRIMARY, REPLICA)?;
        // A walreceiver that cannot authenticate again gets nothing more.
        self.sql(PRIMARY, "ALTER ROLE replicator NOLOGIN")?;
        self.sql(
            PRIMARY,
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_replication",
        )?;
        self.sql(
            PRIMARY,
            &format!("CREATE TABLE lost{suffix} AS SELECT 1 AS n"),
        )?;
        primary.kill()?;
        self.sql(REPLICA, "SELECT pg_promote()")?;
        // The standby may have received the first of the two last statements.
        let gained = format!("CREATE TABLE gained{suffix} AS SELECT 1 AS n");
        self.sql(REPLICA, &format!("ALTER ROLE replicator LOGIN; {gained}"))?;
        Ok(())
    }

    /// Replaces the topology that the pods see. As pgctl does, annotates them with its term; without a term it is
    /// an old one, that a kubelet has not renewed yet.
    pub(crate) fn topology(&self, keys: &[(&str, &str)]) -> Result<()> {
        if let Some((_, term)) = keys.iter().find(|(key, _)| *key == "term") {
            for pod in PODS {
                self.annotate(pod, term)?;
            }
        }
        self.stale_topology(keys)
    }

    /// A topology that nobody has annotated the pods with.
    pub(crate) fn stale_topology(&self, keys: &[(&str, &str)]) -> Result<()> {
        let dir = self.dir.path().join("topology");
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if !keys.iter().any(|(key, _)| path.ends_with(key)) {
                fs::remove_file(path)?;
            }
        }
        for (key, value) in keys {
            let new = self.dir.path().join("new-key");
            fs::write(&new, value)?;
            fs::rename(new, dir.join(key))?;
        }
        Ok(())
    }

    /// The pod's annotation `pgctl.io/term`, as the downward API shows it.
    pub(crate) fn annotate(&self, pod: &str, term: &str) -> Result<()> {
        Ok(fs::write(
            self.dir.path().join(pod).join("podinfo/term"),
            term,
        )?)
    }

    /// The annotation that says that an operation is about to stop this very pod; empty when there is none.
    pub(crate) fn mark(&self, pod: &str, mark: &str) -> Result<()> {
        Ok(fs::write(
            self.dir.path().join(pod).join("podinfo/held"),
            mark,
        )?)
    }

    /// What the Secret with its certificate has for this pod, from now on: all of it at once, as the kubelet swaps a volume.
    pub(crate) fn present(&self, pod: &str, files: &[(&str, &str)]) -> Result<()> {
        let folder = self.dir.path().join(pod).join("tls");
        fs::create_dir_all(&folder)?;
        let (data, swapped) = (folder.join("..data"), folder.join("..data_tmp"));
        let before = fs::read_link(&data).ok();
        let mut versions = (0_u32..).map(|it| format!("..{it}"));
        let version = versions.find(|it| !folder.join(it).exists());
        let version = version.context("no name is free")?;
        fs::create_dir(folder.join(&version))?;
        for (name, text) in files {
            fs::write(folder.join(&version).join(name), text)?;
            let link = folder.join(name);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(name), link)?;
            }
        }
        symlink(&version, &swapped)?;
        fs::rename(swapped, data)?;
        if let Some(before) = before {
            fs::remove_dir_all(folder.join(before))?;
        }
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/components/tls");
        let name = "pg_hba-tls.conf";
        fs::copy(rules.join(name), self.dir.path().join("config").join(name))?;
        Ok(())
    }

    /// From now on nobody knows the name of this pod.
    pub(crate) fn forget_name(&self, pod: &str) -> Result<()> {
        // In place: the containers have this very file.
        let hosts = self.dir.path().join("config/hosts");
        let all = fs::read_to_string(&hosts)?;
        let names = |line: &&str| !line.split([' ', '.']).any(|word| word == pod);
        let rest: Vec<&str> = all.lines().filter(names).collect();
        Ok(fs::write(hosts, rest.join("\n") + "\n")?)
    }

    /// What the server of a pod calls the container that it runs in.
    pub(crate) fn container_name(&self, pod: &str) -> Result<String> {
        self.sql(pod, "SELECT current_setting('pgctl.container', true)")
    }

    pub(crate) fn volume(&self, pod: &str) -> PathBuf {
        self.dir.path().join(pod).join("data")
    }

    pub(crate) fn pgdata(&self, pod: &str) -> PathBuf {
        self.volume(pod).join("pgdata")
    }

    pub(crate) fn run_dir(&self, pod: &str) -> PathBuf {
        self.dir.path().join(pod).join("run")
    }

    /// A new pod: what was in its emptyDirs is gone.
    pub(crate) fn start(&self, pod: &'static str) -> Result<Pod> {
        self.start_with(pod, &[])
    }

    pub(crate) fn start_with(&self, pod: &'static str, env: &[(&str, &str)]) -> Result<Pod> {
        fs::remove_dir_all(self.run_dir(pod))?;
        fs::create_dir(self.run_dir(pod))?;
        self.restart_with(pod, env)
    }

    /// A new container in the same pod.
    pub(crate) fn restart(&self, pod: &'static str) -> Result<Pod> {
        self.restart_with(pod, &[])
    }

    pub(crate) fn restart_with(&self, pod: &'static str, env: &[(&str, &str)]) -> Result<Pod> {
        self.run(pod, env, None)
    }

    /// In an image that lacks a program.
    pub(crate) fn start_without(&self, pod: &'static str, program: &str) -> Result<Pod> {
        self.run(pod, &[], Some((program, Path::new("/dev/null"))))
    }

    /// A new pod in an image whose program is this script instead.
    pub(crate) fn start_with_program(
        &self,
        pod: &'static str,
        program: &str,
        script: &str,
    ) -> Result<Pod> {
        let file = self.dir.path().join(format!("stub-{program}"));
        fs::write(&file, script)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        fs::remove_dir_all(self.run_dir(pod))?;
        fs::create_dir(self.run_dir(pod))?;
        self.run(pod, &[], Some((program, &file)))
    }

    fn run(
        &self,
        pod: &'static str,
        env: &[(&str, &str)],
        program: Option<(&str, &Path)>,
    ) -> Result<Pod> {
        let home = self.dir.path().join(pod);
        let log = home.join("log");
        File::create(home.join("termination-log"))?;
        let mut container = self.container(pod, env)?;
        if let Some((program, file)) = program {
            container
                .arg("--ro-bind")
                .arg(file)
                // What it is a link to, as awk is to one of several.
                .arg(std::fs::canonicalize(format!("/usr/bin/{program}"))?);
        }
        let child = container
            .args(["--as-pid-1", "--", shell(), "/etc/postgresql/start.sh"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("starting bwrap")?;
        Ok(Pod {
            name: pod,
            child,
            home,
            done: None,
        })
    }

    fn container(&self, pod: &str, env: &[(&str, &str)]) -> Result<Command> {
        let home = self.dir.path().join(pod);
        let config = self.dir.path().join("config");
        let address = self.address(pod);
        let bin = binaries()?;
        let mut command = Command::new("bwrap");
        command.args([
            "--unshare-user",
            "--uid",
            "999",
            "--gid",
            "999",
            "--unshare-pid",
            "--unshare-ipc",
            "--die-with-parent",
        ]);
        command.args([
            "--ro-bind",
            "/usr",
            "/usr",
            "--symlink",
            "usr/bin",
            "/bin",
            "--symlink",
            "usr/lib",
            "/lib",
        ]);
        command.args([
            "--symlink",
            "usr/lib64",
            "/lib64",
            "--symlink",
            "../run",
            "/var/run",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
        ]);
        command.args(["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]);
        for (from, to) in [
            (home.join("data"), "/var/lib/postgresql/data"),
            (home.join("run"), "/run/postgresql"),
            (home.join("tmp"), "/tmp"),
            (home.join("podinfo"), "/etc/podinfo"),
        ] {
            command.arg("--bind").arg(from).arg(to);
        }
        if home.join("termination-log").exists() {
            command
                .arg("--bind")
                .arg(home.join("termination-log"))
                .arg("/run/termination-log");
        }
        command.arg("--ro-bind").arg(&config).arg("/etc/postgresql");
        command
            .arg("--ro-bind")
            .arg(self.dir.path().join("topology"))
            .arg("/etc/postgresql-topology");
        if home.join("tls").exists() {
            command
                .arg("--ro-bind")
                .arg(home.join("tls"))
                .arg("/etc/postgresql-tls");
        }
        for file in ["hosts", "passwd"] {
            command
                .arg("--ro-bind")
                .arg(config.join(file))
                .arg(format!("/etc/{file}"));
        }
        if let Some(program) = std::env::var_os("PGCTL_TEST_SH") {
            command.arg("--ro-bind").arg(program).arg("/run/sh");
        }
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let annotated = fs::read_to_string(home.join("podinfo/term"))?;
        let settings = [
            ("PATH", path.as_str()),
            ("POD_NAME", pod),
            ("POD_NAMESPACE", "ns"),
            ("POD_IP", address),
            ("PG_LISTEN_ADDRESSES", address),
            ("PG_TERMINATION_LOG", "/run/termination-log"),
            ("PG_BOOTSTRAP_SETTLE", "1"),
            ("PG_LINGER_SECONDS", "0"),
            ("PG_ANNOTATED_TERM", annotated.as_str()),
            ("PG_MAX_ORDINAL", "1"),
            ("POSTGRES_USER", "postgres"),
            ("POSTGRES_PASSWORD", PASSWORD),
            ("REPLICATION_PASSWORD", REPLICATION_PASSWORD),
        ];
        command.arg("--clearenv");
        if home.join("tls").exists() {
            command.args(["--setenv", "PG_TLS_DIR", "/etc/postgresql-tls"]);
        }
        for (name, value) in settings.iter().chain(env) {
            command.args(["--setenv", name, value]);
        }
        Ok(command)
    }

    pub(crate) fn address(&self, pod: &str) -> &str {
        let index = PODS
            .iter()
            .position(|known| *known == pod)
            .unwrap_or_default();
        &self.addresses[index]
    }

    /// What `psql` prints for a query through the network, as the superuser, without alignment.
    pub(crate) fn sql(&self, pod: &str, sql: &str) -> Result<String> {
        let output = Command::new(binaries()?.join("psql"))
            .args([
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                "postgres",
                "-p",
                "5432",
                "-h",
                self.address(pod),
                "-c",
                sql,
            ])
            .env("PGPASSWORD", PASSWORD)
            .env("PGCONNECT_TIMEOUT", "5")
            // What a test sets on roles and databases is not for the test's own sessions.
            .env("PGOPTIONS", SESSION)
            .output()?;
        ensure!(
            output.status.success(),
            "{pod}: {sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    pub(crate) fn answers(&self, pod: &str, sql: &str, answer: &str) -> bool {
        self.sql(pod, sql).is_ok_and(|found| found == answer)
    }

    pub(crate) fn writable(&self, pod: &str) -> bool {
        self.answers(pod, "SELECT pg_is_in_recovery()", "f")
    }

    pub(crate) fn in_recovery(&self, pod: &str) -> bool {
        self.answers(pod, "SELECT pg_is_in_recovery()", "t")
    }

    /// `standby` streams from `primary`, under its own name and through its own slot.
    pub(crate) fn streams(&self, primary: &str, standby: &str) -> bool {
        let slot = standby.replace('-', "_");
        self.answers(
            primary,
            &format!(
                "SELECT count(*) FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
                 WHERE r.state = 'streaming' AND r.application_name = '{standby}' AND s.slot_name = '{slot}'"
            ),
            "1",
        )
    }

    /// Waits until everything that `primary` has written is replayed on `standby`.
    pub(crate) fn caught_up(&self, primary: &str, standby: &str) -> Result<()> {
        let lsn = self.sql(primary, "SELECT pg_current_wal_flush_lsn()")?;
        let query = format!("SELECT pg_last_wal_replay_lsn() >= '{lsn}'");
        wait_until("the standby has replayed all", || {
            Ok(self.answers(standby, &query, "t"))
        })
    }

    pub(crate) fn has_table(&self, pod: &str, table: &str) -> Result<bool> {
        Ok(self.sql(pod, &format!("SELECT to_regclass('{table}') IS NOT NULL"))? == "t")
    }

    /// The control file's field of a pod's data, as `pg_controldata` prints it.
    pub(crate) fn control(&self, pod: &str, field: &str) -> Result<String> {
        let output = Command::new(binaries()?.join("pg_controldata"))
            .env("LC_ALL", "C")
            .arg(self.pgdata(pod))
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let prefix = format!("{field}:");
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .with_context(|| format!("{field} in {text}"))?
            .trim()
            .to_owned())
    }

    pub(crate) fn move_aside(&self, pod: &str) -> Result<()> {
        Ok(fs::rename(
            self.volume(pod),
            self.dir.path().join(format!("{pod}.lost")),
        )
        .and_then(|()| fs::create_dir(self.volume(pod)))?)
    }
}

/// A container that runs, or ran.
pub(crate) struct Pod {
    pub(crate) name: &'static str,
    child: Child,
    home: PathBuf,
    done: Option<ExitStatus>,
}

impl Pod {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }

    /// Process 1 of the container, as this side numbers it.
    fn inner(&self) -> Result<String> {
        let outer = self.child.id();
        let mut inner = String::new();
        wait_until("the container has a process", || {
            inner = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children"))?
                .trim()
                .to_owned();
            Ok(!inner.is_empty())
        })?;
        Ok(inner)
    }

    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        ensure!(
            Command::new("kill")
                .args([signal, &self.inner()?])
                .status()?
                .success(),
            "kill {signal}"
        );
        Ok(())
    }

    /// Asks the container to stop, as the kubelet does; true when it ended with status 0.
    pub(crate) fn stop(mut self) -> Result<String> {
        self.signal("-TERM")?;
        let status = self.ended()?;
        ensure!(status.success(), "{status}\n{}", self.log());
        self.termination()
    }

    /// Ends every process of the container at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.signal("-KILL")?;
        self.ended().map(drop)
    }

    /// Waits for the container to end.
    pub(crate) fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name;
        wait_until(&format!("{name} ends"), || {
            self.done = self.child.try_wait()?;
            Ok(self.done.is_some())
        })
        .with_context(|| self.log())?;
        self.done.context("no status")
    }

    pub(crate) fn termination(&self) -> Result<String> {
        Ok(fs::read_to_string(self.home.join("termination-log"))?)
    }

    /// Waits for the pod to say that it waits, and why.
    pub(crate) fn waits_for(&mut self, reason: &str) -> Result<()> {
        let wanted = format!(r#"{{"pgctl":"waiting","reason":"{reason}","message":""#);
        wait_until(&format!("{} waits: {reason}", self.name), || {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            Ok(fs::read_to_string(self.home.join("run/pgctl-wait"))
                .is_ok_and(|text| text.starts_with(&wanted)))
        })
        .with_context(|| self.log())
    }

    /// Waits for the pod to refuse, and returns the message.
    pub(crate) fn refuses(&mut self, reason: &str) -> Result<String> {
        let status = self.ended()?;
        ensure!(status.code() == Some(1), "{status}\n{}", self.log());
        let text = self.termination()?;
        let said: serde_json::Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        ensure!(
            said["pgctl"] == "refused" && said["reason"] == reason,
            "{text}"
        );
        Ok(said["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits for a condition while the container runs; the log tells why it did not come true.
    pub(crate) fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
        wait_until(what, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            Ok(condition())
        })
        .with_context(|| self.log())
    }

    /// Runs the probe script in this pod's container; its exit status.
    pub(crate) fn probe(&self, kind: &str) -> Result<i32> {
        let mut probe = self.script("probe.sh", &[kind])?;
        probe
            .stdout(Stdio::null())
            .status()?
            .code()
            .context("killed")
    }

    /// What `linger.sh` prints in this pod's container; none when it fails.
    pub(crate) fn linger(&self, args: &[&str]) -> Result<Option<String>> {
        let output = self.script("linger.sh", args)?.output()?;
        let said = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(output.status.success().then_some(said))
    }

    /// One of the scripts, in this pod's container.
    fn script(&self, name: &str, args: &[&str]) -> Result<Command> {
        let mut command = Command::new("nsenter");
        command
            .args([
                "--preserve-credentials",
                "-U",
                "-m",
                "-p",
                "-t",
                &self.inner()?,
                "--",
                "env",
                "-i",
            ])
            .args([
                &format!("PATH={}:/usr/bin:/bin", binaries()?.display()),
                "POSTGRES_USER=postgres",
                shell(),
                &format!("/etc/postgresql/{name}"),
            ])
            .args(args);
        Ok(command)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if self.done.is_none() {
            // --die-with-parent takes the container along.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The shell that runs the scripts, as the container sees it: its `sh`, or the program that `PGCTL_TEST_SH` names, for
/// example a busybox, as in the Alpine images.
fn shell() -> &'static str {
    if std::env::var_os("PGCTL_TEST_SH").is_some() {
        "/run/sh"
    } else {
        "/bin/sh"
    }
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !condition().with_context(|| format!("waiting until {what}"))? {
        ensure!(begin.elapsed() < PATIENCE, "did not come true: {what}");
        sleep(Duration::from_millis(30));
    }
    Ok(())
}

/// Loopback addresses on which nobody uses PostgreSQL's port.
fn free_addresses() -> Result<Vec<String>> {
    let seed =
        std::process::id() ^ (std::thread::current().name().unwrap_or_default().len() as u32) << 9;
    let mut hasher = DefaultHasher::new();
    (
        seed,
        Instant::now().elapsed().subsec_nanos(),
        std::time::SystemTime::now(),
    )
        .hash(&mut hasher);
    let mut number = hasher.finish();
    for _ in 0..100 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = (64 + (number >> 40) % 32, (number >> 20) % 256);
        let all: Vec<String> = (1..=PODS.len())
            .map(|n| format!("127.{a}.{b}.{n}"))
            .collect();
        if all
            .iter()
            .all(|address| TcpListener::bind((address.as_str(), 5432)).is_ok())
        {
            return Ok(all);
        }
    }
    bail!("no free loopback addresses")
}

/// Volumes of a primary and a standby, made once for each version of the script.
fn template() -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base");
    let scripts = [
        "start.sh",
        "session.sh",
        "peers.sh",
        "copy.sh",
        "linger.sh",
        "passwords.sh",
        "settings.sh",
        "tls.sh",
    ]
    .map(|it| format!("scripts/{it}"));
    for file in scripts
        .iter()
        .map(String::as_str)
        .chain(["postgres-config.yaml"])
    {
        fs::read(base.join(file))?.hash(&mut hasher);
    }
    (PASSWORD, REPLICATION_PASSWORD, binaries()?).hash(&mut hasher);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("start-script");
    fs::create_dir_all(&home)?;
    let lock = File::create(home.join("lock"))?;
    lock.lock()?;
    let template = home.join(format!("{:016x}", hasher.finish()));
    if template.exists() {
        return Ok(template);
    }
    for entry in fs::read_dir(&home)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        }
    }
    let cluster = Cluster::empty()?;
    let primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("the first standby streams", || {
        cluster.streams(PRIMARY, REPLICA)
    })?;
    replica.stop()?;
    primary.stop()?;
    let making = home.join("making");
    fs::create_dir(&making)?;
    for pod in [PRIMARY, REPLICA] {
        fs::create_dir(making.join(pod))?;
        copy_tree(&cluster.volume(pod), &making.join(pod))?;
    }
    fs::rename(making, &template)?;
    Ok(template)
}

pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    ensure!(
        Command::new("cp")
            .arg("-a")
            .arg(from.join("."))
            .arg(to)
            .status()?
            .success(),
        "copying {}",
        from.display()
    );
    Ok(())
}

pub(crate) fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
}
