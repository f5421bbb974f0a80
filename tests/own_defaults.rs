//! `pgctl config init` and `where`, and what the file with defaults does: what is typed comes first, then variables, then the file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A home of its own, with nothing in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn says(&self, text: &str) -> &Self {
        self.write(".config/pgctl/config.toml", text);
        self
    }

    fn pgctl(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pgctl"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .envs(variables.iter().copied())
            .output()
            .expect("pgctl runs")
    }

    /// What `config where` has in force.
    #[track_caller]
    fn in_force(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Value {
        let line = [&["config", "where", "-o", "json"], arguments].concat();
        let output = self.pgctl(variables, &line);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        serde_json::from_slice(&output.stdout).expect("a document")
    }
}

fn told(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn value<'a>(document: &'a Value, option: &str) -> Option<&'a str> {
    let mut defaults = document["defaults"].as_array()?.iter();
    defaults.find(|it| it["option"] == option)?["value"].as_str()
}

#[test]
fn it_is_made_once_and_stays_as_it_is() {
    let home = Home::new();
    let none = home.pgctl(&[], &["config", "where"]);
    assert_eq!(none.status.code(), Some(0), "{}", told(&none));
    assert!(
        told(&none).contains("next: pgctl config init"),
        "{}",
        told(&none)
    );
    let made = home.pgctl(&[], &["config", "init"]);
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    let path = home.path().join(".config/pgctl/config.toml");
    assert!(
        told(&made).contains(&path.display().to_string()),
        "{}",
        told(&made)
    );
    fs::write(&path, "timeout = \"3s\"\n").expect("it is ours");
    let again = home.pgctl(&[], &["config", "init"]);
    assert_eq!(again.status.code(), Some(3), "{}", told(&again));
    assert_eq!(
        fs::read_to_string(&path).expect("it is there"),
        "timeout = \"3s\"\n"
    );
}

#[test]
fn what_is_typed_comes_first_then_variables_then_the_file() {
    let home = Home::new();
    home.says("kubeconfig = \"/nowhere/of-the-file\"\n");
    let asks = |variables: &[(&str, &str)], arguments: &[&str], which: &str| {
        let output = home.pgctl(variables, &[&["status"], arguments].concat());
        let told = told(&output);
        assert!(
            told.contains(&format!("/nowhere/{which}")),
            "{which}: {told}"
        );
    };
    let variable = [("PGCTL_KUBECONFIG", "/nowhere/of-the-variable")];
    asks(&[], &[], "of-the-file");
    asks(&variable, &[], "of-the-variable");
    asks(&variable, &["--kubeconfig", "/nowhere/typed"], "typed");
    // Another file, and none.
    home.write("another.toml", "kubeconfig = \"/nowhere/of-another\"\n");
    let another = home.path().join("another.toml").display().to_string();
    asks(&[("PGCTL_CONFIG", &another)], &[], "of-another");
    let without = home.pgctl(&[("PGCTL_CONFIG", "")], &["status"]);
    assert!(!told(&without).contains("/nowhere/"), "{}", told(&without));
    let document = home.in_force(&variable, &[]);
    assert_eq!(document["defaults"][0]["overruledBy"], "PGCTL_KUBECONFIG");
}

#[test]
fn a_context_has_its_own_defaults() {
    let home = Home::new();
    home.says(
        "namespace = \"all\"\ntimeout = \"7s\"\n[context.prod]\nnamespace = \"shop\"\n[context.test]\nnamespace = \"try\"\n",
    );
    home.write(
        ".kube/config",
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\ncontexts: []\nclusters: []\nusers: []\n",
    );
    let current = home.in_force(&[], &[]);
    assert_eq!(current["context"], "prod");
    assert_eq!(value(&current, "namespace"), Some("shop"));
    assert_eq!(value(&current, "timeout"), Some("7s"));
    assert_eq!(
        value(&home.in_force(&[], &["--context", "test"]), "namespace"),
        Some("try")
    );
    assert_eq!(
        value(
            &home.in_force(&[("PGCTL_CONTEXT", "test")], &[]),
            "namespace"
        ),
        Some("try")
    );
    assert_eq!(
        value(&home.in_force(&[], &["--context", "dev"]), "namespace"),
        Some("all")
    );
    let screen = told(&home.pgctl(&[], &["config", "where"]));
    assert!(
        screen.contains("--namespace") && screen.contains("prod"),
        "{screen}"
    );
}

#[test]
fn a_file_that_can_not_be_used_is_named_with_the_line_and_help_works_all_the_same() {
    let home = Home::new();
    home.says("timeout = \"7s\"\nstore = s3://b\n");
    for line in [&["status"][..], &["config", "where"], &["config"]] {
        let output = home.pgctl(&[], line);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {told}");
        assert!(told.contains("config.toml, line 2"), "{line:?}: {told}");
        assert!(told.contains("next: "), "{line:?}: {told}");
    }
    let help = home.pgctl(&[], &["status", "--help"]);
    assert_eq!(help.status.code(), Some(0), "{}", told(&help));
    // What overrules a check is said each time.
    home.says("accept-loss = true\n");
    let output = home.pgctl(&[], &["failover", "--to", "replica-0"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("each time"), "{}", told(&output));
}
