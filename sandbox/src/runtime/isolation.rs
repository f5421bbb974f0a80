//! How containers are kept apart on this machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The environment variable that overrides the choice: `bubblewrap` or `proot`.
pub const RUNTIME_VARIABLE: &str = "PGCTL_SANDBOX_RUNTIME";

/// What keeps a container's files and processes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// User, mount, PID, UTS and IPC namespaces, made by bubblewrap.
    Bubblewrap,
    /// Path mapping through ptrace, for machines that forbid namespaces. Processes of all
    /// containers see each other, the host name is the machine's, and nothing is read-only.
    Proot,
}

/// Why no container can run on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IsolationError(String);

/// The choice, and the programs that it takes.
#[derive(Debug, Clone)]
pub struct Tools {
    /// What was chosen.
    pub isolation: Isolation,
    /// Why bubblewrap was not taken, to be shown to the user.
    pub notice: Option<String>,
    pub(super) program: PathBuf,
    pub(super) nsenter: PathBuf,
    pub(super) setpriv: PathBuf,
    pub(super) setsid: PathBuf,
}

impl Isolation {
    /// Takes the wish of [`RUNTIME_VARIABLE`], else bubblewrap where the machine lets it work,
    /// else proot.
    ///
    /// # Errors
    /// When neither can be used; the text says what to install.
    pub async fn detect() -> Result<Tools, IsolationError> {
        match std::env::var(RUNTIME_VARIABLE).as_deref() {
            Ok("bubblewrap") => Self::Bubblewrap.tools(None).await,
            Ok("proot") => Self::Proot.tools(None).await,
            Ok("") | Err(_) => Self::choose().await,
            Ok(other) => Err(IsolationError(format!(
                "{RUNTIME_VARIABLE}={other:?} is neither \"bubblewrap\" nor \"proot\""
            ))),
        }
    }

    async fn choose() -> Result<Tools, IsolationError> {
        match Self::Bubblewrap.tools(None).await {
            Ok(tools) => Ok(tools),
            Err(why) => {
                let notice = format!(
                    "{why}; containers run under proot instead: slower, and with no process or \
                     host name of their own"
                );
                Self::Proot.tools(Some(notice)).await.map_err(|e| {
                    IsolationError(format!("{why}; and {e}. Install bubblewrap or proot."))
                })
            }
        }
    }

    /// Finds the programs of this kind of isolation and tries it out.
    ///
    /// # Errors
    /// When a program is missing or the machine forbids what it does.
    pub async fn tools(self, notice: Option<String>) -> Result<Tools, IsolationError> {
        let name = match self {
            Self::Bubblewrap => "bwrap",
            Self::Proot => "proot",
        };
        let tools = Tools {
            isolation: self,
            notice,
            program: find(name)?,
            nsenter: find("nsenter")?,
            setpriv: find("setpriv")?,
            setsid: find("setsid")?,
        };
        tools.try_out().await?;
        Ok(tools)
    }
}

impl Tools {
    async fn try_out(&self) -> Result<(), IsolationError> {
        let mut command = Command::new(&self.program);
        if self.isolation == Isolation::Bubblewrap {
            command.args([
                "--unshare-user",
                "--unshare-pid",
                "--unshare-uts",
                "--unshare-ipc",
                "--uid",
                "999",
                "--gid",
                "999",
                "--hostname",
                "probe",
                "--ro-bind",
                "/",
                "/",
                "--proc",
                "/proc",
                "--as-pid-1",
            ]);
        }
        let output = command
            .arg("/bin/true")
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|e| {
                IsolationError(format!("{} does not start: {e}", self.program.display()))
            })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(IsolationError(format!(
            "{} does not work here: {}",
            self.program.display(),
            said.lines().next().unwrap_or("no reason given")
        )))
    }
}

/// Finds a program in PATH and in the places that a plain user's PATH may lack.
fn find(name: &str) -> Result<PathBuf, IsolationError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_program(file))
        .ok_or_else(|| IsolationError(format!("{name} is not installed")))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}
