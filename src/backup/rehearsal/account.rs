//! Whom the throw-away server runs as: PostgreSQL refuses to run as root.

use std::io;
use std::path::Path;

use tokio::process::Command;

use super::RehearsalError;

/// Who runs the throw-away server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    /// User and group; none: whoever we are.
    other: Option<(u32, u32)>,
}

impl Account {
    /// Ourselves, or `postgres` when we are root.
    pub(super) fn find() -> Result<Self, RehearsalError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let users = std::fs::read_to_string("/etc/passwd")
            .map_err(RehearsalError::machine("reading /etc/passwd"))?;
        ids_of("postgres", &users)
            .map(|ids| Self { other: Some(ids) })
            .ok_or(RehearsalError::Root)
    }

    /// Lets a command run as this user.
    pub(super) fn runs(self, command: &mut Command) {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
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
}
