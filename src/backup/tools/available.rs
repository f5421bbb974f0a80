//! What there is at the source to take a backup with.

use std::collections::{BTreeMap, BTreeSet};

use crate::backup::format::{Compression, Kind, Method};

/// The script that asks.
pub(super) const PROBE: &str = include_str!("probe.sh");

/// The tools at the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// `uname -m`.
    pub architecture: String,
    /// PostgreSQL's tools, and what `--version` says.
    versions: BTreeMap<String, String>,
    /// Others that are there.
    has: BTreeSet<String>,
}

/// The tools do not suffice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// One is missing.
    #[error("{tool} is not installed {place}{hint}")]
    Missing {
        /// The program that is missing, such as `pg_dump`.
        tool: String,
        /// "in the pod" or "on this machine".
        place: &'static str,
        /// What else could be done, beginning with a colon.
        hint: &'static str,
    },
    /// The tool is older than the server.
    #[error(
        "{tool} {place} is of version {tool_major}, older than the server ({server_major}): install the client tools of version {server_major} or newer, or leave --via port-forward away"
    )]
    TooOld {
        /// The program that is too old, such as `pg_dump`.
        tool: String,
        /// "in the pod" or "on this machine".
        place: &'static str,
        /// Its major version.
        tool_major: u32,
        /// The server's major version.
        server_major: u32,
    },
}

impl Tools {
    /// Reads what the probe printed.
    pub fn parse(text: &str) -> Self {
        let mut tools = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("machine", name)) => tools.architecture = name.trim().to_owned(),
                Some(("has", name)) => {
                    tools.has.insert(name.trim().to_owned());
                }
                Some(("tool", rest)) => {
                    if let Some((name, version)) = rest.split_once(' ') {
                        tools
                            .versions
                            .insert(name.to_owned(), version.trim().to_owned());
                    }
                }
                _ => {}
            }
        }
        tools
    }

    /// What `TOOL --version` said.
    pub fn version(&self, tool: &str) -> &str {
        self.versions.get(tool).map_or("", String::as_str)
    }

    /// The tool that a kind of backup is named after.
    pub const fn main_tool(kind: Kind) -> &'static str {
        match kind {
            Kind::Logical => "pg_dumpall",
            Kind::Database => "pg_dump",
            Kind::Physical => "pg_basebackup",
        }
    }

    /// Whether all is there, and how to compress: as asked, else zstd, else gzip.
    ///
    /// # Errors
    /// [`ToolsError`] when something is missing or too old.
    pub fn suffice(
        &self,
        kind: Kind,
        wanted: Option<Compression>,
        server_version: u32,
        place: &'static str,
    ) -> Result<Compression, ToolsError> {
        let missing = |tool: &str, hint| ToolsError::Missing {
            tool: tool.to_owned(),
            place,
            hint,
        };
        let needed: &[&str] = match kind {
            Kind::Logical => &["pg_dumpall", "pg_dump"],
            Kind::Database => &["pg_dump"],
            Kind::Physical => &["pg_basebackup"],
        };
        let server_major = server_version / 10_000;
        for tool in needed {
            let version = self.versions.get(*tool).ok_or_else(|| missing(tool, ""))?;
            let tool_major = major(version).unwrap_or(0);
            if tool_major < server_major {
                return Err(ToolsError::TooOld {
                    tool: (*tool).to_owned(),
                    place,
                    tool_major,
                    server_major,
                });
            }
        }
        for tool in ["sha256sum", "mkfifo", "mktemp", "tee", "wc", "env"] {
            if !self.has.contains(tool) {
                return Err(missing(
                    tool,
                    ": without it nobody can tell whether all arrived",
                ));
            }
        }
        let there = |method: Method| self.has.contains(method.name());
        match wanted {
            Some(wanted) if wanted.method == Method::None || there(wanted.method) => Ok(wanted),
            Some(wanted) => Err(missing(
                wanted.method.name(),
                ": choose another --compress, or leave it away",
            )),
            None => {
                let method = [Method::Zstd, Method::Gzip]
                    .into_iter()
                    .find(|method| there(*method))
                    .unwrap_or(Method::None);
                Ok(Compression {
                    method,
                    level: None,
                })
            }
        }
    }
}

/// The major version in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
pub fn major(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once("(PostgreSQL) ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "machine x86_64\ntool pg_dump pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\ntool pg_dumpall pg_dumpall (PostgreSQL) 15.18\nhas zstd\nhas gzip\nhas sha256sum\nhas mkfifo\nhas mktemp\nhas tee\nhas wc\nhas env\n";

    #[test]
    fn zstd_when_it_is_there_else_gzip() {
        let chosen =
            |text: &str| Tools::parse(text).suffice(Kind::Logical, None, 150_018, "in the pod");
        assert_eq!(chosen(DEBIAN).map(|c| c.method), Ok(Method::Zstd));
        let without = DEBIAN.replace("has zstd\n", "");
        assert_eq!(chosen(&without).map(|c| c.method), Ok(Method::Gzip));
    }

    #[test]
    fn what_was_asked_for_or_nothing() {
        let wanted = "zstd:9".parse().ok();
        let tools = Tools::parse(&DEBIAN.replace("has zstd\n", ""));
        let error = tools
            .suffice(Kind::Logical, wanted, 150_018, "in the pod")
            .expect_err("it is missing");
        assert!(
            error
                .to_string()
                .starts_with("zstd is not installed in the pod"),
            "{error}"
        );
    }

    #[test]
    fn older_tools_are_refused_and_newer_ones_not() {
        let tools = Tools::parse(DEBIAN);
        assert!(matches!(
            tools.suffice(Kind::Database, None, 160_002, "on this machine"),
            Err(ToolsError::TooOld {
                tool_major: 15,
                server_major: 16,
                ..
            })
        ));
        assert!(
            tools
                .suffice(Kind::Database, None, 140_002, "on this machine")
                .is_ok()
        );
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1"), Some(18));
    }

    #[test]
    fn missing_tools_are_named() {
        let error = Tools::parse(DEBIAN)
            .suffice(Kind::Physical, None, 150_018, "in the pod")
            .expect_err("no pg_basebackup");
        assert!(error.to_string().contains("pg_basebackup"), "{error}");
        let error = Tools::parse(&DEBIAN.replace("has sha256sum\n", ""))
            .suffice(Kind::Logical, None, 150_018, "in the pod")
            .expect_err("no sha256sum");
        assert!(error.to_string().contains("sha256sum"), "{error}");
    }
}
