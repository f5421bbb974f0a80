//! What shells offer while somebody types: a real bash, a real zsh and the real kubectl, with the API of a sandbox
//! whose names are partly hostile; and silence, whatever is wrong.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use pgctl_sandbox::api::Identity;
use pgctl_sandbox::{Options, Sandbox};
use serde_json::json;

use super::needs::{Need, does_without};
use super::test_cluster::Terminal;

/// The newest one of these backups is the first that is offered.
const BACKUPS: [&str; 2] = [
    "shop_shop_20261123T155217Z_logical_3fa9",
    "shop_shop_20261124T155217Z_logical_07c1",
];

/// Names that a shell would take for more than names, or a terminal.
const HOSTILE: [&str; 5] = [
    "shop-$(reboot)-9",
    "shop-\u{1b}[2J",
    "-rf",
    "shop a;b",
    "shop-`id`\n-1",
];

/// An API with names, and a person's machine: programs, a kubeconfig, backups.
struct Desk {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Desk {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start(&Options {
            api_only: true,
            ..Options::default()
        })?;
        for namespace in ["shop", "shopping-list"] {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            sandbox
                .store()
                .add(&serde_json::from_value::<Namespace>(object)?)?;
        }
        for cluster in ["shop", "warehouse"] {
            let labels = json!({"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": cluster});
            let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"name": format!("{cluster}-primary"), "namespace": "shop", "labels": labels},
                "spec": {"serviceName": cluster, "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "postgres"}]}}}});
            sandbox
                .store()
                .add(&serde_json::from_value::<StatefulSet>(set)?)?;
        }
        let mut pods = vec!["shop-primary-0", "shop-replica-0", "shop-replica-1"];
        pods.extend(HOSTILE);
        for pod in pods {
            let labels =
                json!({"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": "shop"});
            let pod = json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": pod, "namespace": "shop", "labels": labels},
                "spec": {"containers": [{"name": "postgres", "image": "postgres"}]}});
            sandbox.store().add(&serde_json::from_value::<Pod>(pod)?)?;
        }
        let folder = sandbox.folder().join("desk");
        fs::create_dir_all(folder.join("bin"))?;
        let program = std::env::var_os("PGCTL_TEST_BINARY")
            .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_pgctl")));
        for name in ["pgctl", "kubectl-pgctl"] {
            symlink(&program, folder.join("bin").join(name))?;
        }
        let plugin = scripts().join("kubectl_complete-pgctl");
        symlink(plugin, folder.join("bin/kubectl_complete-pgctl"))?;
        for backup in BACKUPS {
            let backup = folder.join("backups").join(backup);
            fs::create_dir_all(&backup)?;
            fs::write(backup.join("manifest.json"), "{}")?;
        }
        fs::create_dir(folder.join("files"))?;
        fs::write(folder.join("files/only-one.yaml"), "")?;
        let desk = Self { sandbox, folder };
        desk.kubeconfig("kubeconfig", "me@shop:1", &["system:masters"])?;
        Ok(desk)
    }

    /// Writes a kubeconfig for somebody of these groups, with the namespace `shop`, and with contexts that are
    /// hostile.
    fn kubeconfig(&self, file: &str, context: &str, groups: &[&str]) -> Result<PathBuf> {
        let person = Identity::new("me", groups);
        let text = self
            .sandbox
            .server()?
            .token_kubeconfig(context, "shop", &person);
        let mut config: serde_json::Value = serde_saphyr::from_str(&text)?;
        let contexts = config["contexts"].as_array_mut().context("contexts")?;
        let first = contexts.first().context("a context")?.clone();
        for name in ["me@other:2", "me $(reboot)", "me\u{1b}[2J"] {
            contexts.push(json!({"name": name, "context": first["context"]}));
        }
        let file = self.folder.join(file);
        fs::write(&file, serde_json::to_string(&config)?)?;
        Ok(file)
    }

    fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.folder.join("bin");
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path)))?;
        let environment = [
            ("PATH", path),
            ("HOME", self.folder.clone().into()),
            ("KUBECONFIG", self.folder.join("kubeconfig").into()),
            // A busy machine is slow, and that is not what is tested.
            ("PGCTL_COMPLETION_LIMIT", "120s".into()),
        ];
        Ok(environment.into())
    }

    fn run(&self, program: &str, arguments: &[&str], more: &[(&str, &str)]) -> Result<Output> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.environment()?)
            .envs(more.iter().copied());
        let output = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output();
        output.with_context(|| format!("running {program}"))
    }

    /// What pgctl itself offers at the end of these words.
    fn offers(&self, words: &[&str]) -> Result<Vec<String>> {
        let arguments = [&["__complete", "zsh"], words].concat();
        lines(&self.run("pgctl", &arguments, &[])?)
    }

    /// What bash would show after TAB at the end of a line, and TAB again.
    fn bash_offers(&self, line: &str) -> Result<Vec<String>> {
        // As readline has it: what follows the last break is replaced.
        let replaced = line.rsplit([' ', '=', ':', '@']).next().unwrap_or_default();
        let script = "source \"$1\"; COMP_LINE=$2 COMP_POINT=${#2}; _pgctl pgctl \"$3\" ''; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let file = scripts().join("pgctl.bash");
        let file = file.to_string_lossy();
        let arguments = ["--norc", "-c", script, "bash", &file, line, replaced];
        lines(&self.run("bash", &arguments, &[])?)
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

fn lines(run: &Output) -> Result<Vec<String>> {
    ensure!(run.status.success() && run.stderr.is_empty(), "{run:?}");
    let text = String::from_utf8(run.stdout.clone())?;
    Ok(text
        .lines()
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect())
}

#[test]
fn names_are_those_of_the_cluster() -> Result<()> {
    let desk = Desk::new()?;
    let primary = ["primary-0\tshop-primary-0", "shop-primary-0"];
    assert_eq!(desk.offers(&["psql", "primary"])?, primary[..1]);
    let all = desk.offers(&["psql", ""])?;
    assert_eq!(all.len(), 6, "{all:?}");
    assert_eq!(
        desk.offers(&["--cluster", "warehouse", "psql", ""])?,
        [""; 0]
    );
    assert_eq!(desk.offers(&["-n", "shopping-list", "psql", ""])?, [""; 0]);
    assert_eq!(
        desk.offers(&["config", "reload", "replica-0", "repl"])?,
        ["replica-1\tshop-replica-1"]
    );
    assert_eq!(desk.offers(&["--cluster", ""])?, ["shop", "warehouse"]);
    assert_eq!(desk.offers(&["restore", "--to=w"])?, ["--to=warehouse"]);
    assert_eq!(
        desk.offers(&["status", "-nshop"])?,
        ["-nshop", "-nshopping-list"]
    );
    assert_eq!(
        desk.offers(&["--context", ""])?,
        ["me@other:2", "me@shop:1"]
    );
    assert_eq!(
        desk.offers(&["status", "--contexts", "me@other:2,"])?,
        ["me@other:2,all", "me@other:2,me@shop:1"]
    );
    let store = desk.folder.join("backups").to_string_lossy().into_owned();
    let newest_first = [BACKUPS[1], BACKUPS[0]];
    assert_eq!(
        desk.offers(&["restore", "--store", &store, ""])?,
        newest_first
    );
    assert_eq!(
        desk.offers(&["backup", "verify", "--store=~/backups", BACKUPS[0], ""])?,
        newest_first[..1]
    );
    Ok(())
}

#[test]
fn bash_completes_what_is_typed() -> Result<()> {
    let desk = Desk::new()?;
    for (line, offered) in [
        ("pgctl psql re", &["replica-0", "replica-1"][..]),
        (
            "pgctl -n shop psql shop-re",
            &["shop-replica-0", "shop-replica-1"],
        ),
        ("pgctl status --output=js", &["json"]),
        (
            "pgctl status -o ",
            &["table", "wide", "json", "yaml", "value="],
        ),
        ("pgctl --context me@shop:", &["1"]),
        ("pgctl --context me@", &["other:2", "shop:1"]),
        ("pgctl backup pr", &["prune"]),
        ("pgctl config set work_m", &["work_mem="]),
        ("pgctl psql nonsense", &[]),
    ] {
        assert_eq!(desk.bash_offers(line)?, offered, "{line}");
    }
    on_a_terminal(&desk, "bash --norc -i", &scripts().join("pgctl.bash"))
}

#[test]
fn zsh_completes_what_is_typed() -> Result<()> {
    let desk = Desk::new()?;
    on_a_terminal(&desk, "zsh -f -i", &scripts().join("_pgctl"))
}

/// Somebody types the beginning, presses TAB, and looks at what the line has become.
fn on_a_terminal(desk: &Desk, shell: &str, script: &Path) -> Result<()> {
    let mut environment = desk.environment()?;
    environment.push(("SCRIPT", script.into()));
    let loads = match shell.starts_with("zsh") {
        true => "bindkey -e; autoload -Uz compinit && compinit -u -D && source $SCRIPT",
        false => "source \"$SCRIPT\"",
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut terminal = Terminal::runs(shell, &environment)?;
        // Typed so, the word is not yet on the screen.
        terminal
            .types(&format!("{loads}; cd; echo loa''ded"))
            .await?;
        terminal.shows("loaded").await?;
        for (number, (typed, expected)) in [
            ("pgctl psql pri\t", "pgctl psql primary-0 "),
            ("pgctl psql shop-re\t0", "pgctl psql shop-replica-0"),
            ("pgctl -n shopp\tstat\t", "pgctl -n shopping-list status "),
            (
                "pgctl --context me@sh\tlag",
                "pgctl --context me@shop:1 lag",
            ),
            ("pgctl status --output=js\t", "pgctl status --output=json "),
            (
                "pgctl status -o val\tsummary.primary",
                "pgctl status -o value=summary.primary",
            ),
            (
                "pgctl config set work_m\t8MB",
                "pgctl config set work_mem=8MB",
            ),
            (
                "pgctl --kubeconfig files/on\tlag",
                "pgctl --kubeconfig files/only-one.yaml lag",
            ),
            (
                "pgctl restore --store files/../back\tx",
                "pgctl restore --store files/../backups/x",
            ),
            ("pgctl psql nonsense\t", "pgctl psql nonsense"),
        ]
        .into_iter()
        .enumerate()
        {
            // Ctrl-A goes to the beginning of the line.
            let keys = format!("{typed}\u{1}printf '<%s>' {number}'is' \u{5}; echo\n");
            terminal.presses(keys.as_bytes()).await?;
            let words = expected.split(' ').filter(|it| !it.is_empty());
            let line: String = words.map(|it| format!("<{it}>")).collect();
            terminal
                .shows(&format!("<{number}is>{line}"))
                .await
                .with_context(|| typed.to_owned())?;
        }
        terminal.types("exit").await?;
        terminal.ends().await.map(drop)
    })
}

#[test]
fn kubectl_completes_what_is_typed() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    let desk = Desk::new()?;
    let offers = |words: &[&str]| {
        let run = desk.run("kubectl", &[&["__complete", "pgctl"], words].concat(), &[])?;
        anyhow::Ok(String::from_utf8(run.stdout)?)
    };
    assert_eq!(
        offers(&["psql", "re"])?,
        "replica-0\tshop-replica-0\nreplica-1\tshop-replica-1\n:4\n"
    );
    assert_eq!(offers(&["status", "-n", "shopp"])?, "shopping-list\n:4\n");
    ensure!(offers(&["stat"])?.starts_with("status\t"));
    Ok(())
}

/// A kubeconfig for a server at this address, with this user.
fn far_away(address: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: far\n\
         clusters: [{{name: far, cluster: {{server: 'https://{address}', insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: me, user: {user}}}]\n\
         contexts: [{{name: far, context: {{cluster: far, user: me, namespace: here}}}}]\n"
    )
}

#[test]
fn nothing_is_said_when_there_is_nothing_to_offer() -> Result<()> {
    let desk = Desk::new()?;
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?.to_string();
    let unreachable = |user: &str| far_away(&address, user);
    let plugin = |command: &str| {
        format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, \
             command: sh, args: [-c, '{command}']}}}}"
        )
    };
    for (what, text) in [
        ("a server that hangs", unreachable("{token: t}")),
        (
            "a plugin that hangs",
            unreachable(&plugin("echo log in >&2; sleep 1000")),
        ),
        (
            "a plugin that fails",
            unreachable(&plugin("echo no >&2; echo no; exit 1")),
        ),
        ("no YAML", "{".to_owned()),
        ("nothing", String::new()),
    ] {
        let file = desk.folder.join("other");
        fs::write(&file, text)?;
        let file = file.to_string_lossy().into_owned();
        for words in [&["psql", ""][..], &["-n", ""], &["--cluster", ""]] {
            let line = format!("pgctl --kubeconfig {file} {}", words.join(" "));
            let run = desk.run(
                "pgctl",
                &["__complete", "bash", &line, ""],
                &[("PGCTL_COMPLETION_LIMIT", "300ms")],
            )?;
            ensure!(run.status.success(), "{what}: {run:?}");
            ensure!(
                run.stdout.is_empty() && run.stderr.is_empty(),
                "{what}: {words:?}: {run:?}"
            );
        }
    }
    let endpoint = format!("http://{address}");
    let bucket = [
        ("PGCTL_COMPLETION_LIMIT", "300ms"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "here"),
        ("AWS_ACCESS_KEY_ID", "me"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let arguments = ["__complete", "fish", "restore", "--store", "s3://b/p", ""];
    let run = desk.run("pgctl", &arguments, &bucket)?;
    ensure!(run.status.success(), "{run:?}");
    ensure!(run.stdout.is_empty() && run.stderr.is_empty(), "{run:?}");
    let nowhere = [("KUBECONFIG", "/nowhere/kubeconfig")];
    for arguments in [
        &["__complete", "zsh", "psql", ""][..],
        &["__complete", "zsh", "--context", ""],
        &["__complete", "zsh", "restore", "--store", "/nowhere", ""],
        &["__complete", "zsh", "restore", "--store", "ftp://x", ""],
        &["__complete", "zsh", "nonsense", ""],
        &["__complete", "tcsh", ""],
        &["__complete"],
    ] {
        let run = desk.run("pgctl", arguments, &nowhere)?;
        ensure!(
            run.status.success() && run.stdout.is_empty() && run.stderr.is_empty(),
            "{arguments:?}: {run:?}"
        );
    }
    Ok(())
}

#[test]
fn a_plugin_that_hangs_is_not_left_behind() -> Result<()> {
    let desk = Desk::new()?;
    let file = desk.folder.join("plugin");
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, \
         command: sh, args: [-c, 'echo $$ >pid; exec sleep 1000']}}";
    fs::write(&file, far_away("127.0.0.1:1", user))?;
    let file = file.to_string_lossy();
    let arguments = ["__complete", "zsh", "--kubeconfig", &file, "psql", ""];
    // On a busy machine it takes its time to begin.
    for limit in ["2s", "10s", "60s", "240s"] {
        let limit = [("PGCTL_COMPLETION_LIMIT", limit)];
        let run = desk.run("pgctl", &arguments, &limit)?;
        ensure!(run.status.success() && run.stdout.is_empty(), "{run:?}");
        if desk.folder.join("pid").exists() {
            break;
        }
    }
    let process = fs::read_to_string(desk.folder.join("pid")).context("it has not run")?;
    let process = Path::new("/proc").join(process.trim());
    // It was killed; that it is gone takes the kernel a moment.
    for _ in 0..2400 {
        let line = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        if !line.contains("sleep") {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    anyhow::bail!("{} still sleeps", process.display())
}

#[test]
fn who_may_not_list_gets_what_the_kubeconfig_has() -> Result<()> {
    let desk = Desk::new()?;
    let nobody = desk.kubeconfig("nobody", "me@shop:1", &[])?;
    let nobody = nobody.to_string_lossy();
    assert_eq!(
        desk.offers(&["--kubeconfig", &nobody, "psql", ""])?,
        [""; 0]
    );
    assert_eq!(
        desk.offers(&["--kubeconfig", &nobody, "--cluster", ""])?,
        [""; 0]
    );
    assert_eq!(desk.offers(&["--kubeconfig", &nobody, "-n", ""])?, ["shop"]);
    Ok(())
}
