//! The file with defaults: what options are when nobody gives them, in every context of the kubeconfig or in one of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction};

use crate::cluster::nearest;

/// Names another file, or none when it is empty.
const VARIABLE: &str = "PGCTL_CONFIG";
/// The table of tables for one context each.
const CONTEXT: &str = "context";
/// What may be in it, by the long names of the options: where to look, how long to wait, what is a problem. Nothing that
/// chooses what is done, and nothing that overrules a check: that is said each time.
const OPTIONS: [&str; 21] = [
    "cluster",
    CONTEXT,
    "encrypt",
    "identity",
    "kubeconfig",
    "max-lag",
    "max-lag-bytes",
    "max-used",
    "move-timeout",
    "namespace",
    "no-color",
    "pod-timeout",
    "secret",
    "selector",
    "statement-timeout",
    "statistics-age",
    "stop-timeout",
    "store",
    "stream-timeout",
    "timeout",
    "wait-timeout",
];

/// What is written for somebody who has none.
const TEMPLATE: &str = r#"# Defaults of pgctl: options by their long names. What is typed comes first, then PGCTL_... variables, then this file.

# store = "s3://backups/staging"     # where backups are
# timeout = "10s"                    # the longest to wait for one answer
# max-lag = "30s,256MB"              # a standby that is behind by more is a problem

# Only in one context of the kubeconfig, in place of what is above:
# [context.production]
# namespace = "database"
# store = "s3://backups/production"
"#;

/// The file, as far as it says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// For every context.
    everywhere: BTreeMap<String, String>,
    /// For one of them, by its name.
    contexts: BTreeMap<String, BTreeMap<String, String>>,
}

/// What an option is when nobody gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDefault {
    /// Its long name.
    pub option: String,
    /// As it would be typed.
    pub value: String,
    /// The context for which it is said; none when it is for all.
    pub context: Option<String>,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It is there, or was named, and can't be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("{}{}: {reason}", .path.display(), .line.map(|it| format!(", line {it}")).unwrap_or_default())]
    NoToml {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: Option<usize>,
        /// What the parser says.
        reason: String,
    },
    /// Something is in it that can't be there.
    #[error("{}: {reason}", .path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// In words.
        reason: String,
    },
}

/// Where the file is, or would be; none when it is switched off, or nobody knows a home.
pub fn place(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = || {
        let set = |name: &str| {
            variable(name)
                .filter(|it| !it.is_empty())
                .map(PathBuf::from)
        };
        let own = set("XDG_CONFIG_HOME").filter(|it| it.is_absolute());
        own.or_else(|| Some(set("HOME")?.join(".config")))
    };
    match variable(VARIABLE) {
        Some(named) => (!named.is_empty()).then(|| PathBuf::from(named)),
        None => Some(folder()?.join("pgctl").join("config.toml")),
    }
}

impl ConfigFile {
    /// Reads it; none when there is none. One that was named (`PGCTL_CONFIG`) has to be there.
    ///
    /// # Errors
    /// When it can't be read, is no TOML, or has something in it that is no option, or no value of one.
    pub fn read(
        variable: &dyn Fn(&str) -> Option<OsString>,
        command: &clap::Command,
    ) -> Result<Option<Self>, ConfigFileError> {
        let Some(path) = place(variable) else {
            return Ok(None);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, &text, command).map(Some),
            Err(error) => {
                let absent = matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                );
                match absent && variable(VARIABLE).is_none() {
                    true => Ok(None),
                    false => Err(ConfigFileError::Unreadable {
                        path,
                        source: error,
                    }),
                }
            }
        }
    }

    fn parse(path: PathBuf, text: &str, command: &clap::Command) -> Result<Self, ConfigFileError> {
        let mut table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let before = error.span().and_then(|it| text.get(..it.start));
                return Err(ConfigFileError::NoToml {
                    path,
                    line: before.map(|it| it.matches('\n').count() + 1),
                    reason: error.message().to_owned(),
                });
            }
        };
        let wrong = |reason: String| ConfigFileError::Wrong {
            path: path.clone(),
            reason,
        };
        let tables = match table.remove(CONTEXT) {
            Some(toml::Value::Table(tables)) => tables,
            // The option of that name.
            Some(value) => {
                table.insert(CONTEXT.to_owned(), value);
                toml::Table::new()
            }
            None => toml::Table::new(),
        };
        let mut contexts = BTreeMap::new();
        for (context, value) in tables {
            let toml::Value::Table(own) = value else {
                let what = format!("[context.{context}] is a table of options");
                return Err(wrong(what));
            };
            if own.contains_key(CONTEXT) {
                let what =
                    format!("{CONTEXT} can't be said in [context.{context}], which is for one");
                return Err(wrong(what));
            }
            contexts.insert(context, options(own, command).map_err(wrong)?);
        }
        let everywhere = options(table, command).map_err(wrong)?;
        Ok(Self {
            path,
            everywhere,
            contexts,
        })
    }

    /// Which context is asked, as far as that makes a difference, and what holds in it. `context` and `kubeconfig` are
    /// those that were given; `current_context` reads the one of a kubeconfig.
    pub fn in_force(
        &self,
        context: Option<&str>,
        kubeconfig: Option<&Path>,
        current_context: &dyn Fn(Option<&Path>) -> Option<String>,
    ) -> (Option<String>, Vec<FileDefault>) {
        let everywhere = |name: &str| self.everywhere.get(name).map(String::as_str);
        let named = context.or_else(|| everywhere(CONTEXT)).map(str::to_owned);
        let context = named.or_else(|| {
            let own = everywhere("kubeconfig").map(Path::new);
            let matters = !self.contexts.is_empty();
            matters.then(|| current_context(kubeconfig.or(own)))?
        });
        let defaults = self.defaults(context.as_deref());
        (context, defaults)
    }

    fn defaults(&self, context: Option<&str>) -> Vec<FileDefault> {
        let own = context.and_then(|it| self.contexts.get(it));
        let everywhere = self.everywhere.iter().map(|it| (it, None));
        let own = own.into_iter().flatten().map(|it| (it, context));
        let mut found: BTreeMap<&str, FileDefault> = BTreeMap::new();
        for ((name, value), of) in everywhere.chain(own) {
            let default = FileDefault {
                option: name.clone(),
                value: value.clone(),
                context: of.map(str::to_owned),
            };
            found.insert(name, default);
        }
        found.into_values().collect()
    }
}

/// The options of a table, as they would be typed.
fn options(
    table: toml::Table,
    command: &clap::Command,
) -> Result<BTreeMap<String, String>, String> {
    let typed = table.into_iter().map(|(name, value)| {
        let value = option(&name, value, command)?;
        Ok((name, value))
    });
    typed.collect()
}

/// The value of an option, as it would be typed.
fn option(name: &str, value: toml::Value, command: &clap::Command) -> Result<String, String> {
    let Some(argument) = argument(command, name) else {
        let near =
            nearest(name, OPTIONS).map_or_else(String::new, |it| format!(" (or is it {it}?)"));
        return Err(format!("pgctl has no option --{name}{near}"));
    };
    if !OPTIONS.contains(&name) {
        return Err(format!(
            "{name} can't have a default: what is done is said each time"
        ));
    }
    let value = match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(yes) => yes.to_string(),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
            return Err(format!("{name} is a text, a number, true or false"));
        }
    };
    if matches!(argument.get_action(), ArgAction::SetTrue)
        && !["true", "false"].contains(&value.as_str())
    {
        return Err(format!("{name} is true or false"));
    }
    let same = Arg::new("option")
        .long("option")
        .action(ArgAction::Set)
        .value_parser(argument.get_value_parser().clone());
    let line = ["pgctl".to_owned(), format!("--option={value}")];
    match clap::Command::new("pgctl")
        .arg(same)
        .try_get_matches_from(line)
    {
        Ok(_) => Ok(value),
        Err(error) => {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| "true or false is wanted".to_owned());
            Err(format!("{name} = {value:?}: {why}"))
        }
    }
}

/// An option of any command.
fn argument<'a>(command: &'a clap::Command, long: &str) -> Option<&'a Arg> {
    let own = command
        .get_arguments()
        .find(|it| it.get_long() == Some(long));
    own.or_else(|| command.get_subcommands().find_map(|it| argument(it, long)))
}

/// The command line with these values where nobody gives another. An option that always has a value, which a path
/// may have as well as a flag, takes it as its default; a variable and what is typed come before it.
pub(super) fn with_defaults(command: clap::Command, defaults: &[FileDefault]) -> clap::Command {
    let command = command.mut_args(|argument| {
        let named = |it: &&FileDefault| Some(it.option.as_str()) == argument.get_long();
        match defaults.iter().find(named) {
            Some(default) => {
                let value = default.value.clone();
                argument.default_value(value)
            }
            None => argument,
        }
    });
    command.mut_subcommands(|it| with_defaults(it, defaults))
}

/// Writes the template where none is; gives whether it did.
///
/// # Errors
/// When the folder or the file can't be made.
pub fn write_template(path: &Path) -> io::Result<bool> {
    use std::io::Write as _;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(TEMPLATE.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse("config.toml".into(), text, &command()).map_err(|it| it.to_string())
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err("it can't be used")
    }

    #[test]
    fn everything_that_may_be_in_it_is_an_option() {
        for name in OPTIONS {
            assert!(argument(&command(), name).is_some(), "--{name}");
        }
    }

    #[test]
    fn the_template_can_be_used_also_with_all_of_it_in_force() {
        assert_eq!(parse(TEMPLATE).map(|it| it.defaults(None)), Ok(Vec::new()));
        let lines = TEMPLATE.lines().skip(1).filter(|it| !it.ends_with(':'));
        let in_force: String = lines
            .map(|it| it.strip_prefix("# ").unwrap_or(it).to_owned() + "\n")
            .collect();
        let file = parse(&in_force).expect("a file");
        let of = |context| -> Vec<(String, String)> {
            let all = file.defaults(context).into_iter();
            all.map(|it| (it.option, it.value)).collect()
        };
        let own = of(Some("production"));
        assert!(own.contains(&("store".to_owned(), "s3://backups/production".to_owned())));
        assert!(own.contains(&("timeout".to_owned(), "10s".to_owned())));
        assert!(
            of(Some("another")).contains(&("store".to_owned(), "s3://backups/staging".to_owned()))
        );
    }

    #[test]
    fn what_can_not_be_used_is_named_with_its_place() {
        assert!(refused("timeout = \"10s\"\nstore = s3").contains("line 2"));
        let near = refused("timeuot = \"10s\"");
        assert!(
            near.contains("timeuot") && near.contains("timeout?"),
            "{near}"
        );
        let value = refused("timeout = \"ten\"");
        assert!(
            value.contains("timeout") && value.contains("10s"),
            "{value}"
        );
        assert!(refused("timeout = [1]").contains("a text"));
        assert!(refused("no-color = \"perhaps\"").contains("no-color"));
        for by_hand in ["yes", "accept-loss", "output", "to"] {
            let why = refused(&format!("{by_hand} = \"true\""));
            assert!(why.contains("each time"), "{by_hand}: {why}");
        }
        assert!(refused("[context.a]\ncontext = \"b\"").contains("for one"));
        assert!(refused("[context]\na = 1").contains("[context.a]"));
    }

    #[test]
    fn it_is_where_such_files_are() {
        let at = |set: &[(&str, &str)]| {
            let set: BTreeMap<String, OsString> = set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
                .collect();
            place(&|name| set.get(name).cloned())
        };
        let home = at(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "")]);
        assert_eq!(home, Some("/home/ann/.config/pgctl/config.toml".into()));
        let own = at(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "/etc/ann")]);
        assert_eq!(own, Some("/etc/ann/pgctl/config.toml".into()));
        let named = at(&[("HOME", "/home/ann"), (VARIABLE, "/tmp/it")]);
        assert_eq!(named, Some("/tmp/it".into()));
        assert_eq!(at(&[("HOME", "/home/ann"), (VARIABLE, "")]), None);
        assert_eq!(at(&[]), None);
    }
}
