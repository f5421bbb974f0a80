//! What a test needs of the machine that runs it. Without it the test fails, and says what to install; who
//! knows that the machine has none of it says so, and the test is left out:
//! `PGCTL_TEST_WITHOUT=kubectl,namespaces cargo test`.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write as _;
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
}

impl Need {
    /// Its word in the variable.
    fn word(self) -> &'static str {
        match self {
            Self::Kubectl => "kubectl",
            Self::Namespaces => "namespaces",
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
        }
    }
}

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
