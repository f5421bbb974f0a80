//! What `pgctl` says about input that can't work: each time the documented exit code, the object,
//! the reason and what to type next; never a secret, a panic or a backtrace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::config::Kubeconfig;
use pgctl_sandbox::api::Identity;
use pgctl_sandbox::store::Selector;
use pgctl_sandbox::{Options, Sandbox};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// Stands for a secret wherever one can be put.
const SECRET: &str = "correct-horse-battery";

/// Key of the superuser's password.
const KEY: &str = "postgres-password";

/// How `pgctl` ended and what it printed.
#[derive(Debug)]
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn with_code(&self, code: i32) {
        assert_eq!(self.code, code, "{self:#?}");
    }

    #[track_caller]
    fn stdout_has(&self, part: &str) {
        assert!(self.stdout.contains(part), "{part}: {self:#?}");
    }

    #[track_caller]
    fn stderr_has(&self, part: &str) {
        assert!(self.stderr.contains(part), "{part}: {self:#?}");
    }
}

/// Runs `pgctl` in an environment of these variables only, where `HOME` is nowhere.
#[track_caller]
fn pgctl(variables: &[(&str, &Path)], arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent/home")
        .env("RUST_BACKTRACE", "1")
        .envs(variables.iter().copied())
        .output()
        .expect("pgctl runs");
    let ended = Ended {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    };
    for printed in [&ended.stdout, &ended.stderr] {
        assert!(!printed.contains(SECRET), "{ended:#?}");
        for sign in ["panicked", "backtrace", "RUST_", ".rs:"] {
            assert!(!printed.contains(sign), "{sign}: {ended:#?}");
        }
    }
    ended
}

/// Runs `pgctl` with a kubeconfig, none of whose secrets may show.
#[track_caller]
fn with(kubeconfig: &Path, arguments: &[&str]) -> Ended {
    let ended = pgctl(&[("KUBECONFIG", kubeconfig)], arguments);
    let users = Kubeconfig::read_from(kubeconfig).map_or_else(|_| Vec::new(), |it| it.auth_infos);
    for user in users.into_iter().filter_map(|user| user.auth_info) {
        for secret in [user.token, user.client_key_data, user.password] {
            let shows =
                |secret: &str| ended.stdout.contains(secret) || ended.stderr.contains(secret);
            assert!(!secret.is_some_and(|it| shows(it.expose_secret())));
        }
    }
    ended
}

/// An error in words, and nothing on stdout; with `-o json` the same as a document.
#[track_caller]
fn fails(kubeconfig: &Path, line: &str, code: i32, told: &[&str], next: &str) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let ended = with(kubeconfig, &arguments);
    ended.with_code(code);
    ended.stderr_has("error: ");
    for part in told {
        ended.stderr_has(part);
    }
    let mut lines = ended.stderr.lines().map(str::trim);
    let advice = lines.find_map(|line| line.strip_prefix("next: "));
    let advice = advice.unwrap_or_else(|| panic!("no advice: {ended:#?}"));
    assert!(advice.contains(next), "{next}: {ended:#?}");
    assert_eq!(ended.stdout, "");
    let document = is_document(kubeconfig, &arguments, code);
    assert_eq!(document["next"][0], advice);
}

/// With `-o json` stdout gets `kind: Error`.
#[track_caller]
fn is_document(kubeconfig: &Path, arguments: &[&str], code: i32) -> Value {
    let ended = with(kubeconfig, &[arguments, &["-o", "json"]].concat());
    ended.with_code(code);
    let document: Value = serde_json::from_str(&ended.stdout).expect("a document");
    assert_eq!(document["apiVersion"], "pgctl/v1");
    assert_eq!(document["kind"], "Error");
    assert_eq!(document["exitCode"], code);
    let what = words(document["what"].as_str().expect("a sentence"));
    assert!(words(&ended.stderr).contains(&what), "{ended:#?}");
    document
}

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An API server with an empty namespace `here`.
fn api() -> Sandbox {
    let sandbox = Sandbox::start(&Options {
        api_only: true,
        ..Options::default()
    })
    .expect("the API server starts");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}});
    let namespace: Namespace = serde_json::from_value(namespace).expect("a Namespace");
    sandbox.store().add(&namespace).expect("stored");
    sandbox
}

fn cluster(sandbox: &Sandbox, name: &str) {
    let labels = json!({"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "primary"});
    let spec = json!({"containers": [{"name": "postgres", "image": "postgres:17"}]});
    let set: StatefulSet = serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": format!("{name}-primary"), "namespace": "here", "labels": labels},
        "spec": {"serviceName": "p", "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec}}}))
    .expect("a StatefulSet");
    sandbox.store().add(&set).expect("stored");
}

/// A file of this text in a sandbox's folder.
fn file(folder: &Path, text: impl AsRef<[u8]>) -> PathBuf {
    let file = folder.join("other-kubeconfig");
    std::fs::write(&file, text).expect("the folder is ours");
    file
}

#[test]
fn without_a_kubeconfig_it_says_where_it_looked() {
    let ended = pgctl(&[], &["status"]);
    ended.with_code(2);
    let told = "error: no kubeconfig found: ~/.kube/config does not exist";
    assert!(ended.stderr.starts_with(told), "{ended:#?}");
    let next = "  next: set KUBECONFIG, or give --kubeconfig FILE";
    assert!(ended.stderr.lines().any(|line| line == next), "{ended:#?}");
    assert_eq!(ended.stdout, "");
    let missing = Path::new("/nonexistent/kubeconfig");
    for ended in [
        with(missing, &["status"]),
        pgctl(&[], &["lag", "--kubeconfig", "/nonexistent/kubeconfig"]),
        pgctl(&[("PGCTL_KUBECONFIG", missing)], &["lag"]),
    ] {
        ended.with_code(2);
        ended.stderr_has("error: ");
        ended.stderr_has("/nonexistent/kubeconfig");
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_kubeconfig_of_nonsense_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let user = format!("{{name: u, user: {{token: {SECRET}}}}}");
    let rest = "contexts: [{name: c, context: {cluster: k, user: u}}]";
    let none_chosen = format!("users: [{user}]\n{rest}");
    let no_cluster = format!("current-context: c\n{none_chosen}");
    let no_address = format!("clusters: [{{name: k, cluster: {{server: 'a b'}}}}]\n{no_cluster}");
    // The mistake is right below the token: the parser's own words would quote it.
    let cut_short = format!("users:\n- name: u\n  user:\n    token: {SECRET}\ncontexts: [");
    let texts: [(&[u8], &str); 7] = [
        (b"", "it sets no current-context"),
        (cut_short.as_bytes(), "is not what a kubeconfig has there"),
        (b"hello, world", "line 1 is not what a kubeconfig has there"),
        (&[0xff, 0x00, 0xfe, 0x80], "Invalid UTF-8"),
        (none_chosen.as_bytes(), "--context: c"),
        (no_cluster.as_bytes(), "the cluster of context: k"),
        (no_address.as_bytes(), "invalid uri character"),
    ];
    for (text, reason) in texts {
        let broken = file(folder.path(), text);
        let ended = with(&broken, &["status"]);
        ended.with_code(2);
        ended.stderr_has("error: ");
        ended.stderr_has(&format!("{} can't be used: ", broken.display()));
        ended.stderr_has(reason);
        assert_eq!(ended.stdout, "");
        is_document(&broken, &["status"], 2);
    }
}

#[test]
fn a_context_that_is_not_there_is_said_with_those_that_are() {
    let sandbox = api();
    let line = "status --context elsewhere";
    let known = Kubeconfig::read_from(sandbox.kubeconfig()).expect("a kubeconfig");
    let told = ["has no context \"elsewhere\"", &known.contexts[0].name];
    fails(&sandbox.kubeconfig(), line, 2, &told, "--context NAME");
}

#[test]
fn an_api_server_that_is_not_there_is_unreachable() {
    let sandbox = api();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let text = std::fs::read_to_string(sandbox.kubeconfig()).expect("a kubeconfig");
    let url = sandbox.server().expect("it runs").url();
    let nobody = format!("https://127.0.0.1:{port}");
    let closed = file(sandbox.folder(), text.replace(&url, &nobody));
    let told = [nobody.as_str(), "can't be reached", "refused", "context"];
    for command in ["status", "lag", "failover", "history"] {
        fails(&closed, command, 7, &told, "kubectl cluster-info");
    }
}

#[test]
fn an_expired_client_certificate_is_called_that() {
    let sandbox = api();
    let server = sandbox.server().expect("it runs");
    let text = server
        .certificate_kubeconfig("old", "here", &Identity::admin(), true)
        .expect("a certificate");
    let expired = file(sandbox.folder(), text);
    let url = server.url();
    let told = ["client certificate for", &url, "expired at", "context old"];
    fails(&expired, "status", 7, &told, "log in again");
}

#[test]
fn credentials_that_the_api_does_not_know_are_called_that() {
    let sandbox = api();
    let server = sandbox.server().expect("it runs");
    let text = server.token_kubeconfig("strange", "here", &Identity::new("bob", &[]));
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).expect("YAML");
    kubeconfig["users"][0]["user"]["token"] = SECRET.into();
    let strange = file(sandbox.folder(), kubeconfig.to_string());
    let told = ["does not accept your credentials", "context strange"];
    fails(&strange, "status", 7, &told, "log in again");
}

#[test]
fn who_may_not_look_is_told_which_role_to_ask_for() {
    let sandbox = api();
    cluster(&sandbox, "one");
    let server = sandbox.server().expect("it runs");
    let text = server.token_kubeconfig("c", "here", &Identity::new("bob", &[]));
    let bob = file(sandbox.folder(), text);
    let told = ["list statefulsets.apps in namespace \"here\"", "bob"];
    for command in ["status", "lag"] {
        fails(&bob, command, 3, &told, "Role pgctl-viewer");
    }
    let told = ["list statefulsets.apps in all namespaces", "bob"];
    fails(&bob, "status -A", 3, &told, "pgctl-viewer");
}

#[test]
fn what_is_not_there_is_said_with_what_was_looked_for() {
    let sandbox = api();
    let admin = sandbox.kubeconfig();
    let url = sandbox.server().expect("it runs").url();
    let told = ["there is no namespace \"nowhere\"", &url];
    fails(
        &admin,
        "status -n nowhere",
        2,
        &told,
        "kubectl get namespaces",
    );
    let looked = "no PostgreSQL cluster found: looked for StatefulSets labelled";
    let told = [
        looked,
        "app.kubernetes.io/name=postgres in namespace \"here\"",
    ];
    for line in ["status -n here", "lag -n here", "failover -n here"] {
        fails(&admin, line, 2, &told, "-n NAMESPACE or -A");
    }
    let told = [looked, "in all namespaces"];
    fails(&admin, "status -A", 2, &told, "--selector");
    let line = "status -n here -l team=blue";
    fails(&admin, line, 2, &[looked, "team=blue"], "--selector");
}

#[test]
fn several_clusters_are_listed_to_choose_from() {
    let sandbox = api();
    cluster(&sandbox, "one");
    cluster(&sandbox, "two");
    let admin = sandbox.kubeconfig();
    let told = ["several PostgreSQL clusters found: here/one, here/two"];
    for line in ["status -n here", "lag -n here", "failover -n here"] {
        fails(&admin, line, 2, &told, "--cluster NAME");
    }
    // A wrong name lists those that there are, and the command that is told is one that works.
    let told = ["there is no cluster \"tow\" in namespace \"here\"; there are: here/two, here/one"];
    let next = "pgctl -n here --cluster two status";
    for line in [
        "status",
        "lag",
        "logs",
        "doctor",
        "query values(1)",
        "failover",
    ] {
        let line = format!("{line} -n here --cluster tow");
        fails(&admin, &line, 2, &told, next);
    }
    let told = ["there is no cluster \"tow\" in all namespaces; there are: here/two"];
    for line in ["status", "doctor", "query values(1)"] {
        fails(&admin, &format!("{line} -A --cluster tow"), 2, &told, next);
    }
}

#[test]
fn what_can_not_be_parsed_is_usage() {
    let cases: [(&[&str], &str); 10] = [
        (&[], "Usage: pgctl"),
        (&["dance"], "'dance'"),
        (&["status", "--dance"], "'--dance'"),
        (&["status", "extra"], "'extra'"),
        (
            &["status", "-o", "xml"],
            "values: table, wide, json, yaml, value=FIELD]",
        ),
        (&["status", "--timeout", "0"], "it must be more than 0"),
        (&["status", "--timeout", "10"], "such as 10s"),
        (
            &["status", "--timeout", "2562047788015215h"],
            "a year at most",
        ),
        (&["lag", "--max-lag", "much"], "--max-lag"),
        (&["status", "-n"], "--namespace <NAME>"),
    ];
    for (arguments, told) in cases {
        let ended = pgctl(&[], arguments);
        ended.with_code(2);
        ended.stderr_has(told);
        ended.stderr_has("--help");
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_variable_that_says_no_stands_for_nothing() {
    let no = Path::new("0");
    for (variable, arguments) in [
        ("PGCTL_RESUME", ["scale", "--yes"].as_slice()),
        ("PGCTL_ABORT", &["scale", "--yes"]),
        ("PGCTL_RESUME", &["failover", "--yes", "--to"]),
    ] {
        let ended = pgctl(&[(variable, no)], arguments);
        ended.with_code(2);
        assert_eq!(ended.stdout, "");
    }
    // What it would conflict with can be given.
    let missing = Path::new("/nowhere/kubeconfig");
    let variables = [("PGCTL_PIN", no), ("PGCTL_KUBECONFIG", missing)];
    let ended = pgctl(&variables, &["scale", "3", "--temporary"]);
    ended.with_code(2);
    ended.stderr_has("/nowhere/kubeconfig");
}

/// Changes the Secret that holds the superuser's password; gives its name.
fn change(sandbox: &Sandbox, change: impl Fn(&mut BTreeMap<String, ByteString>)) -> String {
    let (store, namespace) = (sandbox.store(), sandbox.namespace());
    let secrets = store.read_all::<Secret>(Some(namespace), &Selector::everything());
    let mut secrets = secrets.expect("Secrets").items.into_iter();
    let secret = secrets.find(|secret| secret.data.iter().any(|data| data.contains_key(KEY)));
    let name = secret.and_then(|secret| secret.metadata.name);
    let name = name.expect("there is one");
    let change = |secret: &mut Secret| change(secret.data.get_or_insert_default());
    store.modify(namespace, &name, change).expect("it changes");
    name
}

#[test]
fn a_wrong_password_is_told_with_its_secret_and_key() {
    let sandbox = Sandbox::start(&Options {
        replicas: Some(1),
        ..Options::default()
    })
    .expect("a sandbox");
    let kubeconfig = sandbox.kubeconfig();
    let secret = change(&sandbox, |data| {
        data.insert(KEY.to_owned(), ByteString(SECRET.into()));
    });
    let reason = format!("(from Secret {secret}, key {KEY})");
    let status = with(&kubeconfig, &["status"]);
    status.with_code(7);
    status.stdout_has("wrong password for user");
    status.stdout_has(&reason);
    let json = with(&kubeconfig, &["status", "-o", "json"]);
    json.with_code(7);
    let document: Value = serde_json::from_str(&json.stdout).expect("a document");
    assert_eq!(document["kind"], "ClusterStatus");
    for instance in document["instances"].as_array().expect("instances") {
        let told = instance["reason"].as_str().expect("a reason");
        assert!(told.ends_with(&reason), "{told}");
    }
    let edit = format!("edit secret {secret}");
    status.stdout_has(&edit);
    let lag = with(&kubeconfig, &["lag", "--sample", "0"]);
    lag.with_code(7);
    lag.stdout_has(&reason);
    let failover = with(&kubeconfig, &["failover"]);
    failover.with_code(3);
    failover.stderr_has(&reason);
    failover.stderr_has("nothing was changed");
    change(&sandbox, |data| {
        data.remove(KEY);
    });
    let status = with(&kubeconfig, &["status"]);
    status.with_code(7);
    status.stdout_has(&format!("the Secret \"{secret}\" in namespace"));
    status.stdout_has(&format!("has no key \"{KEY}\""));
    let other = with(&kubeconfig, &["status", "--secret", "nobody"]);
    other.with_code(7);
    other.stdout_has("Secret \"nobody\"");
    other.stdout_has("does not exist");
}

/// A kubeconfig whose user logs in with this shell script, which counts how often it is run.
fn with_plugin(sandbox: &Sandbox, script: &str) -> PathBuf {
    let runs = sandbox.folder().join("runs");
    let _ = std::fs::remove_file(&runs);
    let script = format!("echo run >> '{}'\n{script}", runs.display());
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "args": ["-c", script], "interactiveMode": "IfAvailable",
        "installHint": "brew install corporate-login"}});
    with_user(sandbox, user)
}

/// The sandbox's kubeconfig with another user.
fn with_user(sandbox: &Sandbox, user: Value) -> PathBuf {
    let server = sandbox.server().expect("it runs");
    let text = server.token_kubeconfig("c", "here", &Identity::new("bob", &[]));
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).expect("YAML");
    kubeconfig["users"][0]["user"] = user;
    file(sandbox.folder(), kubeconfig.to_string())
}

fn runs(sandbox: &Sandbox) -> usize {
    let runs = std::fs::read_to_string(sandbox.folder().join("runs"));
    runs.unwrap_or_default().lines().count()
}

/// A token that the API server takes for an administrator's.
fn admin_token(sandbox: &Sandbox) -> String {
    let server = sandbox.server().expect("it runs");
    let text = server.token_kubeconfig("c", "here", &Identity::admin());
    let kubeconfig: Value = serde_saphyr::from_str(&text).expect("YAML");
    let token = &kubeconfig["users"][0]["user"]["token"];
    token.as_str().expect("a token").to_owned()
}

#[test]
fn a_login_that_fails_is_called_that_and_shows_no_credential() {
    let sandbox = api();
    let script = format!(
        "echo '{{\"status\": {{\"token\": \"{SECRET}\"}}}}'\n\
         printf '\\033[31mthe session of {SECRET} has expired\\033[0m\\n' >&2\nexit 3"
    );
    let kubeconfig = with_plugin(&sandbox, &script);
    for line in ["status", "failover --dry-run"] {
        let ended = with(&kubeconfig, &line.split(' ').collect::<Vec<_>>());
        ended.with_code(7);
        let said = words(&ended.stderr);
        for part in [
            "error: the login to ",
            "plugin sh failed with exit status 3",
            "has expired",
            "brew install corporate-login",
            "log in again",
        ] {
            assert!(said.contains(part), "{part}: {ended:#?}");
        }
        assert!(!said.contains("mend the file"), "{ended:#?}");
        assert!(!ended.stderr.contains('\u{1b}'), "{ended:#?}");
        is_document(&kubeconfig, &line.split(' ').collect::<Vec<_>>(), 7);
    }
    assert_eq!(runs(&sandbox), 4, "once for each command");
}

#[test]
fn a_plugin_is_asked_once_and_its_token_is_used() {
    let sandbox = api();
    let token = admin_token(&sandbox);
    for expires in ["", ", \"expirationTimestamp\": \"2001-01-01T00:00:00Z\""] {
        let script = format!("echo '{{\"status\": {{\"token\": \"{token}\"{expires}}}}}'");
        let kubeconfig = with_plugin(&sandbox, &script);
        let ended = with(&kubeconfig, &["status"]);
        ended.with_code(2);
        ended.stderr_has("no PostgreSQL cluster found");
        assert_eq!(runs(&sandbox), 1, "{expires}");
    }
}

#[test]
fn a_token_with_a_line_break_is_refused_unless_a_file_ends_with_it() {
    let sandbox = api();
    let token = admin_token(&sandbox);
    let inline = with_user(&sandbox, json!({"token": format!("{token}\n")}));
    let ended = with(&inline, &["status"]);
    ended.with_code(2);
    let said = words(&ended.stderr);
    assert!(said.contains("token has a line break in it"), "{ended:#?}");
    let script = format!("printf '%s' '{{\"status\": {{\"token\": \"{token}\\n\"}}}}'");
    let ended = with(&with_plugin(&sandbox, &script), &["status"]);
    ended.with_code(7);
    let said = words(&ended.stderr);
    assert!(
        said.contains("gave a token that has a line break"),
        "{ended:#?}"
    );
    let tokens = sandbox.folder().join("token");
    std::fs::write(&tokens, format!("{token}\n")).expect("written");
    let ended = with(
        &with_user(&sandbox, json!({"tokenFile": tokens})),
        &["status"],
    );
    ended.with_code(2);
    ended.stderr_has("no PostgreSQL cluster found");
    std::fs::write(&tokens, "\n").expect("written");
    let ended = with(
        &with_user(&sandbox, json!({"tokenFile": tokens})),
        &["status"],
    );
    ended.with_code(2);
    ended.stderr_has("is empty");
}

#[test]
fn a_plugin_that_hangs_ends_with_the_time_limit_or_a_signal() {
    let sandbox = api();
    let kubeconfig = with_plugin(&sandbox, "sleep 600");
    for line in [
        "status --timeout 1s",
        "failover --dry-run --timeout 1s",
        "history --timeout 1s",
    ] {
        let ended = with(&kubeconfig, &line.split(' ').collect::<Vec<_>>());
        ended.with_code(7);
        let said = words(&ended.stderr);
        assert!(said.contains("gave no answer within 1 s"), "{ended:#?}");
        assert!(said.contains("--timeout 2m"), "{ended:#?}");
    }
    assert_eq!(runs(&sandbox), 3);
    for (command, signal) in [
        ("status", "-TERM"),
        ("failover", "-INT"),
        ("history", "-TERM"),
    ] {
        let before = runs(&sandbox);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pgctl"))
            .args([command, "--timeout", "10m"])
            .env("KUBECONFIG", &kubeconfig)
            .env("PGCTL_CONFIG", "")
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("pgctl runs");
        while runs(&sandbox) == before {
            assert!(child.try_wait().expect("ours").is_none(), "{command}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let id = child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill runs").success());
        let ended = child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(130), "{command} {signal}");
    }
}

#[test]
fn an_address_without_a_scheme_is_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    for (server, code) in [
        ("127.0.0.1:1", 7),
        ("https://bob:correct-horse-battery@127.0.0.1:1", 7),
        ("/just/a/path", 2),
        ("https://", 2),
        ("ftp://127.0.0.1:1", 7),
        ("", 2),
    ] {
        let text = format!(
            "clusters: [{{name: k, cluster: {{server: '{server}'}}}}]\n\
             contexts: [{{name: c, context: {{cluster: k}}}}]\ncurrent-context: c\n"
        );
        let ended = with(&file(folder.path(), text), &["status"]);
        ended.with_code(code);
        ended.stderr_has("next: ");
    }
}

#[test]
fn without_credentials_for_a_bucket_it_says_where_it_looked() {
    let list = ["backup", "list", "--store", "s3://backups/p"];
    // Where nobody listens.
    let nobody = Path::new("http://127.0.0.1:1");
    let ended = pgctl(&[("AWS_METADATA_ENDPOINT", nobody)], &list);
    ended.with_code(1);
    let said = words(&ended.stderr);
    for part in [
        "no credentials were found for s3://backups",
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "the metadata service of this machine gives none",
        "next: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(said.contains(part), "{part}: {ended:#?}");
    }
}

/// A machine's role that may not be asked for, in place of no machine that has one.
#[test]
fn a_metadata_service_that_says_no_is_told_with_its_code() {
    use std::io::{BufRead as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = listener.local_addr().expect("it has one");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // The head of a request ends with an empty line; whoever asks may be gone.
            let head = std::io::BufReader::new(&stream).lines();
            let head = head.map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).count();
            let answer =
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nforbidden";
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    let endpoint = format!("http://{address}");
    let list = ["backup", "list", "--store", "s3://backups/p"];
    let ended = pgctl(&[("AWS_METADATA_ENDPOINT", Path::new(&endpoint))], &list);
    ended.with_code(1);
    let said = words(&ended.stderr);
    for part in [
        "no credentials were found for s3://backups",
        "AWS_ACCESS_KEY_ID",
        "the metadata service of this machine gives none (it answers 403 Forbidden)",
        "next: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(said.contains(part), "{part}: {ended:#?}");
    }
}

#[test]
fn what_no_header_can_carry_is_refused_for_a_bucket_too() {
    let list = ["backup", "list", "--store", "s3://backups/p"];
    let broken = format!("{SECRET}\n");
    let (good, bad) = (Path::new("AKIAEXAMPLE"), Path::new(&broken));
    for name in [
        "AWS_SESSION_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
    ] {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", good),
            ("AWS_SECRET_ACCESS_KEY", good),
            ("AWS_ENDPOINT_URL", Path::new("http://127.0.0.1:1")),
        ];
        variables.retain(|(known, _)| *known != name);
        variables.push((name, bad));
        let ended = pgctl(&variables, &list);
        ended.with_code(2);
        let said = words(&ended.stderr);
        let told = format!("{name} has a line break in it");
        assert!(said.contains(&told), "{ended:#?}");
        ended.stderr_has("next: ");
    }
}

#[test]
fn what_a_code_means_is_said_without_a_cluster() {
    let ended = pgctl(&[], &["explain", "standby-behind"]);
    ended.with_code(0);
    assert!(
        ended.stdout.starts_with("standby-behind (finding)\n"),
        "{ended:#?}"
    );
    let ended = pgctl(&[], &["explain", "standby-behin"]);
    ended.with_code(2);
    ended.stderr_has("no finding, check or exit code is called \"standby-behin\"");
    ended.stderr_has("next: pgctl explain standby-behind");
    assert_eq!(ended.stdout, "");
    let ended = pgctl(&[], &["explain", "17"]);
    ended.with_code(2);
    ended.stderr_has("next: pgctl explain\n");
}

/// A result that is not there must not look like one, and another look would not help.
#[test]
fn a_result_that_can_not_be_written_is_a_failure_and_says_what_helps() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("a device that is always full");
    let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .arg("explain")
        .env_clear()
        .env("HOME", "/nonexistent/home")
        .stdout(full)
        .output()
        .expect("pgctl runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stderr).expect("text");
    for part in [
        "the result can't be written to stdout",
        "next: free space where it is written, or write elsewhere",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
