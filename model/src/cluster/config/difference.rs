//! How servers differ from each other, and from the deployment's files.

use std::collections::BTreeSet;

use super::facts::{DeployedConfig, FileEntry, ServerConfig, Setting};
use super::file::{ConfigLine, parse_config};
use super::secret::shown_value;
use super::value::{same_value, with_unit};
use crate::cluster::{PodAnswer, answered};

/// A setting that is not as it ought to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDifference {
    /// The setting; empty for a line that can't be read.
    pub name: String,
    /// The pod of the server; none when it is about servers among each other.
    pub pod: Option<String>,
    /// In what way.
    pub kind: DifferenceKind,
    /// What ought to be: the deployment's value, or that of the primary. As it may be shown, like all here.
    pub expected: Option<String>,
    /// What the server goes by.
    pub actual: Option<String>,
    /// Where that is from, and why, in words.
    pub why: String,
}

/// In what way a setting is not as it ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The server can't use what its file says.
    Wrong,
    /// It takes a restart.
    PendingRestart,
    /// The file says so, and the server has not read it again.
    NotReloaded,
    /// `postgresql.auto.conf`, the command line, or a later line says something else.
    Overridden,
    /// The pod's file is not yet, or not any more, that of the ConfigMap.
    NotInPod,
    /// `ALTER SYSTEM` has set it here, and the deployment does not know.
    OnlyHere,
    /// Servers go by different values.
    Between,
}

impl DifferenceKind {
    /// The word in documents; it never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::PendingRestart => "pending-restart",
            Self::NotReloaded => "not-reloaded",
            Self::Overridden => "overridden",
            Self::NotInPod => "not-in-pod",
            Self::OnlyHere => "only-here",
            Self::Between => "between",
        }
    }
}

/// What servers of a cluster are to have each for itself, or what says what a server is and not how it is set.
const EACH_ITS_OWN: [&str; 8] = [
    "cluster_name",
    "primary_conninfo",
    "primary_slot_name",
    "synchronous_standby_names",
    "in_hot_standby",
    "transaction_read_only",
    "application_name",
    "listen_addresses",
];

/// What pgctl and the start script keep in `postgresql.auto.conf`.
const OURS: [&str; 5] = [
    "primary_conninfo",
    "primary_slot_name",
    "synchronous_standby_names",
    "restore_command",
    "recovery_min_apply_delay",
];

/// Everything that differs, by name.
pub fn config_differences(
    answers: &[PodAnswer<ServerConfig>],
    deployed: &[DeployedConfig],
) -> Vec<ConfigDifference> {
    let deployed: Vec<DeployedLines<'_>> = deployed.iter().map(DeployedLines::of).collect();
    let mut found = between(answers);
    for (answer, config) in answered(answers) {
        found.extend(wrong(&answer.pod, config));
        found.extend(against_deployment(&answer.pod, config, &deployed));
        found.extend(pending(&answer.pod, config));
        found.extend(only_here(&answer.pod, config, &deployed));
    }
    found.sort_by(|a, b| (&a.name, &a.pod, a.kind).cmp(&(&b.name, &b.pod, b.kind)));
    // What is wrong, or waits, is said once: it comes first of what is said of a setting of a server.
    found.dedup_by(|it, before| {
        let same = before.name == it.name && before.pod == it.pod && !it.name.is_empty();
        same && before.kind <= DifferenceKind::PendingRestart
    });
    found
}

/// A file of the deployment, and what it sets.
struct DeployedLines<'a> {
    file: &'a DeployedConfig,
    lines: Vec<ConfigLine>,
}

impl<'a> DeployedLines<'a> {
    fn of(file: &'a DeployedConfig) -> Self {
        Self {
            file,
            lines: parse_config(&file.text),
        }
    }
}

fn between(answers: &[PodAnswer<ServerConfig>]) -> Vec<ConfigDifference> {
    let servers: Vec<_> = answered(answers).collect();
    let Some(((first, reference), others)) = servers.split_first() else {
        return Vec::new();
    };
    let name = |it: &Setting| it.name.to_lowercase();
    let known: BTreeSet<String> = reference.settings.iter().map(name).collect();
    let of_others = others.iter().flat_map(|(_, config)| &config.settings);
    let of_others: BTreeSet<String> = of_others.map(name).collect();
    let mut found = Vec::new();
    for name in known.union(&of_others) {
        if EACH_ITS_OWN.contains(&name.as_str()) {
            continue;
        }
        let setting = reference.setting(name);
        let differ: Vec<(&str, Option<&Setting>)> = others
            .iter()
            .map(|(answer, config)| (answer.pod.as_str(), config.setting(name)))
            .filter(|(_, other)| match (setting, other) {
                (Some(setting), Some(other)) => other.value != setting.value,
                // Another version of PostgreSQL has other settings of its own.
                (Some(_), None) | (None, Some(_)) => name.contains('.'),
                (None, None) => false,
            })
            .collect();
        let Some((_, actual)) = differ.first() else {
            continue;
        };
        let value = |it: Option<&Setting>| it.map_or_else(|| "not set".to_owned(), shown);
        let said: Vec<String> = differ
            .iter()
            .map(|(pod, it)| match it {
                Some(it) => format!("{} on {pod} ({})", shown(it), setting_place(it)),
                None => format!("not set on {pod}"),
            })
            .collect();
        let named = setting.or(*actual).map(|it| it.name.clone());
        found.push(ConfigDifference {
            name: named.unwrap_or_else(|| name.clone()),
            pod: None,
            kind: DifferenceKind::Between,
            expected: setting.map(shown),
            actual: actual.map(shown),
            why: format!(
                "{} on {}, and {}",
                value(setting),
                first.pod,
                said.join(", ")
            ),
        });
    }
    found
}

fn wrong(pod: &str, config: &ServerConfig) -> Vec<ConfigDifference> {
    let entries = config.files.iter().flatten();
    let found = entries.filter_map(|entry| {
        let error = entry.error.as_ref()?;
        let name = entry.name.clone().unwrap_or_default();
        let setting = config.setting(&name);
        // What takes a restart is told as what can't be applied.
        if setting.is_some_and(|it| it.pending_restart) {
            return None;
        }
        let restart = setting.is_some_and(|it| it.context == "postmaster")
            && error.contains("could not be applied");
        Some(ConfigDifference {
            pod: Some(pod.to_owned()),
            kind: match restart {
                true => DifferenceKind::PendingRestart,
                false => DifferenceKind::Wrong,
            },
            expected: shown_entry(&name, entry),
            actual: setting.map(shown),
            why: match restart {
                true => format!("{} takes effect with a restart", entry.place()),
                false => format!("{}: {error}", entry.place()),
            },
            name,
        })
    });
    found.collect()
}

fn pending(pod: &str, config: &ServerConfig) -> Vec<ConfigDifference> {
    let waits = config.settings.iter().filter(|it| it.pending_restart);
    waits
        .map(|setting| {
            let mut entries = config.files.iter().flatten();
            let new = entries.rfind(|it| it.name.as_ref() == Some(&setting.name));
            ConfigDifference {
                name: setting.name.clone(),
                pod: Some(pod.to_owned()),
                kind: DifferenceKind::PendingRestart,
                expected: new.and_then(|it| shown_entry(&setting.name, it)),
                actual: Some(shown(setting)),
                why: match new {
                    Some(entry) => format!("{} takes effect with a restart", entry.place()),
                    None => "it was taken out of the files, which takes effect with a restart"
                        .to_owned(),
                },
            }
        })
        .collect()
}

fn against_deployment(
    pod: &str,
    config: &ServerConfig,
    deployed: &[DeployedLines<'_>],
) -> Vec<ConfigDifference> {
    let Some(entries) = &config.files else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (number, DeployedLines { file, lines }) in deployed.iter().enumerate() {
        for (at, line) in lines.iter().enumerate() {
            // The last one counts: of this file, and of those that an overlay adds to it.
            let later = deployed[number + 1..].iter().flat_map(|it| &it.lines);
            let mut after = lines[at + 1..].iter().chain(later);
            if after.any(|it| it.name == line.name) {
                continue;
            }
            let setting = config.setting(&line.name);
            let difference = |kind, why: String| ConfigDifference {
                name: setting.map_or(&line.name, |it| &it.name).clone(),
                pod: Some(pod.to_owned()),
                kind,
                expected: Some(shown_value(&line.name, &line.value)),
                actual: setting.map(shown),
                why,
            };
            let named = |it: &&FileEntry| {
                it.name
                    .as_ref()
                    .is_some_and(|name| name.eq_ignore_ascii_case(&line.name))
            };
            let here = entries
                .iter()
                .filter(named)
                .rfind(|it| it.file_name() == file.key);
            let like = |value: &str| match setting {
                Some(it) => same_value(it, value, &line.value),
                None => value == line.value,
            };
            let in_pod = here.and_then(|it| it.value.as_deref());
            if !in_pod.is_some_and(like) {
                let says = match in_pod {
                    Some(value) => {
                        format!(
                            "the file in the pod says {}",
                            shown_value(&line.name, value)
                        )
                    }
                    None => "the file in the pod does not have it".to_owned(),
                };
                found.push(difference(
                    DifferenceKind::NotInPod,
                    format!(
                        "{says}; ConfigMap {} line {} has it",
                        file.config_map, line.line
                    ),
                ));
                continue;
            }
            let Some(setting) = setting else { continue };
            if like(&setting.value) {
                continue;
            }
            let last = entries.iter().rfind(named);
            let overruled = last.filter(|last| !last.value.as_deref().is_some_and(like));
            if let Some(last) = overruled {
                let why = format!("{} overrules it", last.place());
                found.push(difference(DifferenceKind::Overridden, why));
            } else if setting.source == "command line" {
                let why = "the command line overrules it".to_owned();
                found.push(difference(DifferenceKind::Overridden, why));
            } else {
                let why = "the server has not read its files again".to_owned();
                found.push(difference(DifferenceKind::NotReloaded, why));
            }
        }
    }
    found
}

fn only_here(
    pod: &str,
    config: &ServerConfig,
    deployed: &[DeployedLines<'_>],
) -> Vec<ConfigDifference> {
    let known: BTreeSet<&str> = deployed
        .iter()
        .flat_map(|it| &it.lines)
        .map(|it| it.name.as_str())
        .collect();
    let entries = config.files.iter().flatten();
    let found = entries.filter_map(|entry| {
        let name = entry.name.as_ref()?;
        let ours = OURS.contains(&name.as_str()) || known.contains(&*name.to_lowercase());
        if !entry.is_of_alter_system() || ours || entry.error.is_some() {
            return None;
        }
        let setting = config.setting(name);
        Some(ConfigDifference {
            name: name.clone(),
            pod: Some(pod.to_owned()),
            kind: DifferenceKind::OnlyHere,
            expected: None,
            actual: setting.map(shown),
            why: format!("ALTER SYSTEM has set it here ({})", entry.place()),
        })
    });
    found.collect()
}

/// As it may be shown: what says why must not tell a secret, either.
fn shown(setting: &Setting) -> String {
    let value = with_unit(&setting.value, setting.unit.as_deref());
    shown_value(&setting.name, &value)
}

/// The value of a line of a file, as it may be shown.
fn shown_entry(name: &str, entry: &FileEntry) -> Option<String> {
    let value = entry.value.as_deref()?;
    Some(shown_value(name, value))
}

/// Where a setting is from: file and line, or what else it is.
pub fn setting_place(setting: &Setting) -> String {
    match (&setting.file, setting.line) {
        (Some(file), Some(line)) => format!("{}:{line}", last_part(file)),
        _ => setting.source.clone(),
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{server_config, setting};

    fn entry(file: &str, line: u32, name: &str, value: &str) -> FileEntry {
        FileEntry {
            file: Some(format!("/etc/{file}")),
            line: Some(line),
            name: Some(name.to_owned()),
            value: Some(value.to_owned()),
            applied: true,
            error: None,
        }
    }

    fn deployed(text: &str) -> [DeployedConfig; 1] {
        [DeployedConfig {
            config_map: "postgres-config".to_owned(),
            key: "postgresql.conf".to_owned(),
            text: text.to_owned(),
        }]
    }

    fn kinds(config: ServerConfig, text: &str) -> Vec<DifferenceKind> {
        let mut answer = server_config("a", &[]);
        answer.answer = Ok(config);
        let found = config_differences(&[answer], &deployed(text));
        found.iter().map(|it| it.kind).collect()
    }

    /// A server that goes by 4 MB, with these lines in its files.
    fn server(files: Vec<FileEntry>) -> ServerConfig {
        ServerConfig {
            settings: vec![setting("work_mem", "4096")],
            files: Some(files),
            ..ServerConfig::default()
        }
    }

    const CONF: &str = "postgresql.conf";
    const AUTO: &str = "postgresql.auto.conf";

    #[test]
    fn a_word_that_the_server_shows_as_another_is_no_difference() {
        let mut server = server(vec![entry(CONF, 1, "wal_compression", "on")]);
        server.settings = vec![setting("wal_compression", "pglz")];
        server.settings[0].kind = "enum".to_owned();
        server.settings[0].unit = None;
        assert_eq!(kinds(server.clone(), "wal_compression = on"), []);
        server.settings[0].value = "off".to_owned();
        assert_eq!(
            kinds(server, "wal_compression = on"),
            [DifferenceKind::NotReloaded]
        );
    }

    #[test]
    fn what_is_the_same_is_no_difference() {
        let server = server(vec![entry(CONF, 1, "work_mem", "4096kB")]);
        assert_eq!(kinds(server, "work_mem = '4MB'"), []);
    }

    #[test]
    fn each_way_to_differ_is_told_from_the_others() {
        let file = |value| vec![entry(CONF, 1, "work_mem", value)];
        let text = "work_mem = 8MB";
        assert_eq!(kinds(server(Vec::new()), text), [DifferenceKind::NotInPod]);
        assert_eq!(kinds(server(file("4MB")), text), [DifferenceKind::NotInPod]);
        assert_eq!(
            kinds(server(file("8MB")), text),
            [DifferenceKind::NotReloaded]
        );
        let mut both = file("8MB");
        both.push(entry(AUTO, 3, "work_mem", "4MB"));
        assert_eq!(kinds(server(both), text), [DifferenceKind::Overridden]);
        let mut wrong = file("8 parsecs");
        wrong[0].error = Some("setting could not be applied".to_owned());
        assert_eq!(
            kinds(server(wrong), "work_mem = '8 parsecs'"),
            [DifferenceKind::Wrong]
        );
        let mut waits = server(file("8MB"));
        waits.settings[0].pending_restart = true;
        assert_eq!(kinds(waits, text), [DifferenceKind::PendingRestart]);
        let only = server(vec![entry(AUTO, 3, "work_mem", "4MB")]);
        assert_eq!(kinds(only, ""), [DifferenceKind::OnlyHere]);
    }

    #[test]
    fn no_secret_of_a_file_is_told() {
        let mut line = entry(CONF, 1, "archive_command", "push --token hunter2");
        line.error = Some("setting could not be applied".to_owned());
        let wrong = server(vec![line.clone()]);
        let mut waits = server(vec![line]);
        waits.settings = vec![setting("archive_command", "")];
        waits.settings[0].pending_restart = true;
        for config in [wrong, waits] {
            let mut answer = server_config("a", &[]);
            answer.answer = Ok(config);
            let found = config_differences(&[answer], &[]);
            assert_eq!(found[0].expected.as_deref(), Some("push --token ***"));
        }
    }

    #[test]
    fn what_an_overlay_sets_is_what_the_deployment_says() {
        let mut overlay = deployed("work_mem = 8MB")[0].clone();
        overlay.key = "overlay.conf".to_owned();
        let both = [deployed("work_mem = 4MB")[0].clone(), overlay];
        let mut answer = server_config("a", &[]);
        let mut config = server(vec![
            entry(CONF, 1, "work_mem", "4MB"),
            entry("overlay.conf", 1, "work_mem", "8MB"),
        ]);
        config.settings[0].value = "8192".to_owned();
        answer.answer = Ok(config);
        assert_eq!(config_differences(&[answer], &both), []);
    }

    #[test]
    fn what_only_another_server_has_is_between_them() {
        let answers = [
            server_config("a", &[("work_mem", "4096"), ("app.one", "1")]),
            server_config(
                "b",
                &[("work_mem", "4096"), ("app.two", "2"), ("new_in_18", "x")],
            ),
        ];
        let found = config_differences(&answers, &[]);
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    it.name.as_str(),
                    it.expected.as_deref(),
                    it.actual.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [("app.one", Some("1"), None), ("app.two", None, Some("2"))]
        );
    }

    #[test]
    fn servers_differ_from_each_other() {
        let answers = [
            server_config("a", &[("work_mem", "4096"), ("cluster_name", "a")]),
            server_config("b", &[("work_mem", "8192"), ("cluster_name", "b")]),
        ];
        let found = config_differences(&answers, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, DifferenceKind::Between);
        assert!(found[0].why.starts_with("4MB on a, and 8MB on b"));
    }
}
