//! The folders that hold sandboxes, one each, and the locks that keep two commands from fighting
//! over one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Overrides where sandboxes are kept.
pub const HOME_VARIABLE: &str = "PGCTL_SANDBOX_HOME";

/// The folder with all sandboxes of a user.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// `$PGCTL_SANDBOX_HOME`, else `$XDG_STATE_HOME/pgctl-sandbox`, else
    /// `~/.local/state/pgctl-sandbox`.
    ///
    /// # Errors
    /// When none of the three variables is set.
    pub fn from_env() -> Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let root = if let Some(home) = set(HOME_VARIABLE) {
            PathBuf::from(home)
        } else if let Some(state) = set("XDG_STATE_HOME") {
            PathBuf::from(state).join("pgctl-sandbox")
        } else if let Some(home) = set("HOME") {
            PathBuf::from(home).join(".local/state/pgctl-sandbox")
        } else {
            bail!("no folder to keep sandboxes in: set HOME or {HOME_VARIABLE}");
        };
        Self::at(root)
    }

    /// Keeps sandboxes under this folder, which is made when needed.
    ///
    /// # Errors
    /// When the current directory, to which a relative path belongs, cannot be read.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = std::path::absolute(root.into()).context("finding the sandboxes' folder")?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of one sandbox, whether it exists or not.
    ///
    /// # Errors
    /// When the name could not be part of a host name.
    pub fn folder(&self, name: &str) -> Result<Folder> {
        check_name(name)?;
        Ok(Folder {
            name: name.to_owned(),
            path: self.root.join(name),
            home: self.root.clone(),
        })
    }

    /// All sandboxes with a folder here, running or not, by name.
    ///
    /// # Errors
    /// When the folder exists and cannot be read.
    pub fn folders(&self) -> Result<Vec<Folder>> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", self.root.display()));
            }
        };
        let mut folders = Vec::new();
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            if let Some(folder) = entry.file_name().to_str().and_then(|n| self.folder(n).ok()) {
                folders.push(folder);
            }
        }
        folders.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(folders)
    }
}

/// Refuses what could not be part of a host name: the sandbox's name becomes its node's name.
fn check_name(name: &str) -> Result<()> {
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: char| c != '-';
    if name.is_empty()
        || name.len() > 40
        || !name.chars().all(label)
        || !name.starts_with(edge)
        || !name.ends_with(edge)
    {
        bail!(
            "{name:?} is no name for a sandbox: use up to 40 lower-case letters, digits and \
             hyphens, with a letter or digit at both ends"
        );
    }
    Ok(())
}

/// One sandbox's folder.
#[derive(Debug, Clone)]
pub struct Folder {
    name: String,
    path: PathBuf,
    home: PathBuf,
}

/// What a running sandbox wrote down about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Process of the daemon.
    pub pid: u32,
    /// The API server's address, as in the kubeconfig.
    pub server: String,
    /// Namespace of the kubeconfig's context.
    pub namespace: String,
    /// When it was started, RFC 3339.
    pub started: String,
}

impl Folder {
    /// The sandbox's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with everything that belongs to the sandbox.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// What the daemon has to say.
    pub fn log(&self) -> PathBuf {
        self.path.join("daemon.log")
    }

    /// The socket on which the daemon takes orders.
    pub fn socket(&self) -> PathBuf {
        self.path.join("control")
    }

    fn state_file(&self) -> PathBuf {
        self.path.join("state.json")
    }

    fn alive_file(&self) -> PathBuf {
        self.path.join("alive")
    }

    /// Makes the folder, for its owner only: it holds keys and passwords.
    pub(crate) fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.home)
            .with_context(|| format!("making {}", self.home.display()))?;
        fs::DirBuilder::new()
            .mode(0o755)
            .create(&self.path)
            .with_context(|| format!("making {}", self.path.display()))
    }

    /// Whether there is a folder, of a running sandbox or of a crashed one.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether its daemon lives. The kernel answers: the daemon holds a lock as long as it lives,
    /// so that neither a crash nor a reused process id can deceive.
    pub fn is_running(&self) -> bool {
        File::open(self.alive_file())
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Taken by the daemon for its whole life.
    pub(crate) fn mark_alive(&self) -> Result<File> {
        use std::io::Write as _;
        let mut file = open_lock(&self.alive_file())?;
        file.try_lock()
            .with_context(|| format!("sandbox {} is already running", self.name))?;
        write!(file, "{}", std::process::id()).context("writing down the process id")?;
        Ok(file)
    }

    /// The process of the daemon, if it lives: its lock says that the number is still its own.
    pub(crate) fn daemon(&self) -> Option<i32> {
        let number = fs::read_to_string(self.alive_file()).ok()?.parse().ok()?;
        self.is_running().then_some(number)
    }

    /// Waits until the daemon of this folder has ended.
    pub(crate) fn wait_until_dead(&self, at_most: std::time::Duration) -> bool {
        let end = std::time::Instant::now() + at_most;
        while self.is_running() {
            if std::time::Instant::now() >= end {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        true
    }

    /// What the running (or crashed) sandbox wrote about itself.
    pub fn state(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.state_file()).ok()?).ok()
    }

    pub(crate) fn write_state(&self, state: &State) -> Result<()> {
        let draft = self.path.join("state.json.new");
        fs::write(&draft, serde_json::to_vec_pretty(state)?)
            .and_then(|()| fs::rename(&draft, self.state_file()))
            .with_context(|| format!("writing {}", self.state_file().display()))
    }

    /// Takes the name, waiting for a command that has it: making and removing a sandbox's folder
    /// happens under it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn lock(&self) -> Result<NameLock> {
        self.take(&format!(".{}.lock", self.name), File::lock)
    }

    /// Taken by a test that joins or starts a shared sandbox.
    pub(crate) fn lock_joining(&self) -> Result<NameLock> {
        self.take(&format!(".{}.join", self.name), File::lock)
    }

    /// Counts this process among the users of the sandbox for as long as the file is open.
    pub(crate) fn join_users(&self) -> Result<Users> {
        let lock = self.take(&format!(".{}.users", self.name), File::lock_shared)?;
        Ok(Users { _lock: lock })
    }

    /// Whether no process is a user now. Then none can become one until the result is dropped.
    pub(crate) fn without_users(&self) -> Option<NameLock> {
        let path = self.home.join(format!(".{}.users", self.name));
        let file = open_lock(&path).ok()?;
        file.try_lock().ok()?;
        Some(NameLock {
            path,
            home: self.home.clone(),
            file,
        })
    }

    fn take(&self, name: &str, lock: fn(&File) -> io::Result<()>) -> Result<NameLock> {
        let path = self.home.join(name);
        loop {
            fs::create_dir_all(&self.home)
                .with_context(|| format!("making {}", self.home.display()))?;
            let file = match open_lock(&path) {
                Ok(file) => file,
                // The last sandbox went, and the folder of all with it, in between.
                Err(_) if !self.home.exists() => continue,
                Err(error) => return Err(error),
            };
            lock(&file).with_context(|| format!("locking {}", path.display()))?;
            // The holder before us may have removed the file: then the lock is on nothing.
            let same = fs::metadata(&path).is_ok_and(|now| {
                file.metadata()
                    .is_ok_and(|mine| mine.ino() == now.ino() && mine.dev() == now.dev())
            });
            if same {
                return Ok(NameLock {
                    path,
                    home: self.home.clone(),
                    file,
                });
            }
        }
    }
}

/// A user of a shared sandbox.
#[derive(Debug)]
pub(crate) struct Users {
    _lock: NameLock,
}

/// Holds the name of a sandbox until dropped; leaves no file behind.
#[derive(Debug)]
pub struct NameLock {
    path: PathBuf,
    home: PathBuf,
    file: File,
}

impl NameLock {
    /// Lets go of the lock and leaves its file, for those that wait for it.
    pub(crate) fn keep_file(mut self) {
        self.path = PathBuf::new();
        self.home = PathBuf::new();
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        // One of several users (or a lock that was lost): the last one removes the file.
        if self.file.try_lock().is_err() {
            return;
        }
        // Still locked here: whoever waits for it sees that the file is gone and takes a new one.
        let _ = fs::remove_file(&self.path);
        // Goes only when empty.
        let _ = fs::remove_dir(&self.home);
    }
}

fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() -> Result<()> {
        let home = Home::at("/nowhere")?;
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "A",
            "-a",
            "a-",
            "a b",
            &"a".repeat(41),
        ] {
            assert!(home.folder(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(home.folder("demo-1")?.path(), Path::new("/nowhere/demo-1"));
        Ok(())
    }

    #[test]
    fn a_name_is_held_by_one_at_a_time_and_leaves_nothing() -> Result<()> {
        let root = tempfile::tempdir()?;
        let home = Home::at(root.path().join("home"))?;
        let folder = home.folder("demo")?;
        let first = folder.lock()?;
        let (taken, wait) = std::sync::mpsc::channel();
        let other = folder.clone();
        let second = std::thread::spawn(move || {
            let lock = other.lock();
            let _ = taken.send(());
            lock.map(drop)
        });
        assert!(wait.try_recv().is_err(), "two held the name at once");
        drop(first);
        wait.recv()?;
        second.join().expect("the thread does not panic")?;
        assert!(!home.root().exists());
        Ok(())
    }

    #[test]
    fn a_daemon_is_alive_as_long_as_it_holds_its_lock() -> Result<()> {
        let root = tempfile::tempdir()?;
        let folder = Home::at(root.path())?.folder("demo")?;
        folder.create()?;
        assert!(!folder.is_running());
        let alive = folder.mark_alive()?;
        assert!(folder.is_running());
        drop(alive);
        assert!(!folder.is_running());
        Ok(())
    }
}
