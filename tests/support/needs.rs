//! What a test needs of the machine that runs it. Without it the test fails, and says what to install; who
//! knows that the machine has none of it says so, and the test is left out:
//! `PGCTL_TEST_WITHOUT=kubectl,namespaces cargo test`.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

const VARIABLE: &str = "PGCTL_TEST_WITHOUT";

/// The oldest kubectl that knows what the tests ask of it: 1.31.
const OLDEST_MINOR: u32 = 31;

/// Something that `make test` can't install everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Kubectl,
    /// bubblewrap, on a machine that lets it make namespaces.
    Namespaces,
    /// What the example applications of this language need: psycopg2, psycopg 3 and its pool.
    Python,
    /// Node.js with pg.
    Node,
    /// A JDK with PostgreSQL's driver and HikariCP.
    Java,
    /// Go with pgx and gofrs/uuid.
    Go,
}

impl Need {
    /// Its word in the variable.
    fn word(self) -> &'static str {
        match self {
            Self::Kubectl => "kubectl",
            Self::Namespaces => "namespaces",
            Self::Python => "python",
            Self::Node => "node",
            Self::Java => "java",
            Self::Go => "go",
        }
    }

    /// Why it can't be used here; none when it can.
    fn lacks(self) -> Option<String> {
        match self {
            Self::Kubectl => match kubectl_minor() {
                Some(OLDEST_MINOR..) => None,
                Some(minor) => Some(format!(
                    "kubectl 1.{minor} is too old: install 1.{OLDEST_MINOR} or newer \
                     (https://kubernetes.io/docs/tasks/tools)"
                )),
                None => Some(format!(
                    "kubectl is not on the PATH: install 1.{OLDEST_MINOR} or newer \
                     (https://kubernetes.io/docs/tasks/tools)"
                )),
            },
            Self::Namespaces => {
                let rest = ["--unshare-pid", "--ro-bind", "/", "/", "true"];
                let mut run = Command::new("bwrap");
                match run.arg("--unshare-user").args(rest).output() {
                    Ok(output) if output.status.success() => None,
                    Ok(output) => Some(format!(
                        "bubblewrap may not make namespaces here: {}",
                        String::from_utf8_lossy(&output.stderr).trim()
                    )),
                    Err(_) => Some(
                        "bubblewrap is not installed: sandbox/requirements.sh installs it"
                            .to_owned(),
                    ),
                }
            }
            Self::Python => match python() {
                Some(_) => None,
                None => lacking(
                    "Python's psycopg, psycopg_pool and psycopg2 are",
                    " --tests",
                ),
            },
            Self::Node => {
                let mut run = Command::new("node");
                let run = run.args(["-e", "require('pg')"]);
                let has = works(run.env("NODE_PATH", node_path()));
                // One that is too old can't read the example.
                match has && works(Command::new("node").arg("--check").arg(NODE_EXAMPLE)) {
                    true => None,
                    false => Some(
                        "there is no Node.js 16 or newer with pg: sandbox/requirements.sh --tests installs it for Debian's own, \
                         `npm install --global pg` for another"
                            .to_owned(),
                    ),
                }
            }
            Self::Java => {
                // Starting from source takes the compiler.
                let jars = class_path().split(':').all(|it| Path::new(it).exists());
                match jars && works(Command::new("javac").arg("-version")) {
                    true => None,
                    false => lacking("a JDK, JDBC's driver or HikariCP is", " --drivers"),
                }
            }
            Self::Go => {
                let sources = Path::new(GO_SOURCES).join("src/github.com");
                let mut used = ["jackc/pgx/v4", "gofrs/uuid"].into_iter();
                let has = used.all(|it| sources.join(it).exists());
                match has && works(Command::new("go").arg("version")) {
                    true => None,
                    false => lacking("Go, pgx or gofrs/uuid is", " --drivers"),
                }
            }
        }
    }
}

fn lacking(what: &str, flag: &str) -> Option<String> {
    let how = format!("sandbox/requirements.sh{flag} installs it");
    Some(format!("{what} not installed: {how}"))
}

fn works(run: &mut Command) -> bool {
    run.output().is_ok_and(|output| output.status.success())
}

/// The Python that has the drivers: Debian's need not be the first.
pub(crate) fn python() -> Option<&'static str> {
    let has = |python: &&str| {
        works(Command::new(python).args(["-c", "import psycopg, psycopg_pool, psycopg2"]))
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has)
}

/// Where pg may be: what is set here, Debian's folder, and those of `npm install --global`.
pub(crate) fn node_path() -> String {
    let set = std::env::var("NODE_PATH").unwrap_or_default();
    format!("{set}:/usr/share/nodejs:/usr/lib/node_modules:/usr/local/lib/node_modules")
}

/// Debian's jars.
pub(crate) fn class_path() -> String {
    ["postgresql", "HikariCP", "slf4j-api", "slf4j-jdk14"]
        .map(|it| format!("/usr/share/java/{it}.jar"))
        .join(":")
}

const NODE_EXAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/applications/node/app.js"
);

/// Where Debian's packages of Go libraries are.
pub(crate) const GO_SOURCES: &str = "/usr/share/gocode";

/// True, and said by the test's name, when the machine lacks it and whoever runs the tests knows.
///
/// # Panics
/// When it is lacking and nobody has said so.
pub(crate) fn does_without(need: Need) -> bool {
    let Some(why) = need.lacks() else {
        return false;
    };
    let known = std::env::var(VARIABLE).unwrap_or_default();
    assert!(
        known.split(',').any(|word| word.trim() == need.word()),
        "{why}\n(to leave out every test that needs it: {VARIABLE}={})",
        need.word()
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln`: the output of a test that passes is thrown away.
    let line = format!("SKIPPED without {}: {test}: {why}\n", need.word());
    drop(std::io::stderr().write_all(line.as_bytes()));
    true
}

fn kubectl_minor() -> Option<u32> {
    let output = Command::new("kubectl")
        .args(["version", "--client", "-o", "json"])
        .output()
        .ok()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version.pointer("/clientVersion/minor")?.as_str()?;
    minor.trim_end_matches('+').parse().ok()
}
