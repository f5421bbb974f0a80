//! Whom the throw-away server runs as: PostgreSQL refuses to run as root.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::RestoreTestError;
use super::last_lines::last_lines;

/// Who runs the throw-away server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    /// User and group; none: whoever we are.
    other: Option<(u32, u32)>,
}

impl Account {
    /// Ourselves, or `postgres` when we are root.
    pub(super) fn find() -> Result<Self, RestoreTestError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let users = std::fs::read_to_string("/etc/passwd")
            .map_err(RestoreTestError::machine("reading /etc/passwd"))?;
        ids_of("postgres", &users)
            .map(|ids| Self { other: Some(ids) })
            .ok_or(RestoreTestError::Root)
    }

    /// Lets a command run as this user.
    pub(super) fn runs(self, command: &mut Command) {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
    }

    /// Whether this user can make a folder there, and remove it again, as `cleanup.sh`
    /// does at the end.
    pub(super) async fn can_use(self, parent: &Path) -> Result<(), RestoreTestError> {
        let trial = parent.join(format!(
            "pgctl-restore-test.try-{:08x}",
            rand::random::<u32>()
        ));
        let mut trying = Command::new("sh");
        self.runs(&mut trying);
        let tried = trying
            .args(["-c", "mkdir -m 700 \"$1\" && rmdir \"$1\"", "pgctl"])
            .arg(&trial)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(RestoreTestError::machine("starting sh"))?;
        if tried.status.success() {
            return Ok(());
        }
        let folder = parent.to_owned();
        let said = last_lines(&tried.stderr);
        Err(match self.other {
            Some(_) => RestoreTestError::NotOurs { folder, said },
            None => RestoreTestError::machine(format!("making a folder in {}", folder.display()))(
                io::Error::other(said),
            ),
        })
    }

    /// Gives a file or folder to this user.
    pub(super) fn owns(self, path: &Path) -> io::Result<()> {
        match self.other {
            Some((user, group)) => std::os::unix::fs::lchown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

/// User and group of a name in the text of /etc/passwd.
fn ids_of(name: &str, users: &str) -> Option<(u32, u32)> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_ids_of_a_user() {
        let users =
            "root:x:0:0::/:/bin/sh\npostgres-x:x:1:1::/:\npostgres:x:105:107:a:/var:/bin/bash\n";
        assert_eq!(ids_of("postgres", users), Some((105, 107)));
        assert_eq!(ids_of("postgre", users), None);
    }

    #[tokio::test]
    async fn a_folder_that_the_server_can_not_use_is_refused_before_anything_is_made() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        // Traversed by everybody, and written to by root alone.
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("it is ours");
        let nobody = Account {
            other: Some((65534, 65534)),
        };
        let error = nobody.can_use(folder.path()).await.expect_err("it can't");
        assert!(error.is_refusal(), "{error}");
        assert!(error.to_string().contains("set TMPDIR"), "{error}");
        let left = std::fs::read_dir(folder.path()).expect("it is there");
        assert_eq!(left.count(), 0);
        assert!(nobody.can_use(Path::new("/tmp")).await.is_ok());
    }
}
