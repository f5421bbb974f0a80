//! Commands that are suggested: with the options that lead to the same place as this run's.

use super::plain::plain;
use crate::cluster::suggestion::option;

/// Options that say where to look, as they were given: pasted without them, a suggestion would go to the
/// current context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// `--kubeconfig`.
    pub kubeconfig: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `-n`.
    pub namespace: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `-l`.
    pub selector: Option<String>,
    /// `--store`, of a command that has it.
    pub store: Option<String>,
    /// It was called as a plugin of kubectl: `kubectl pgctl`.
    pub plugin: bool,
}

impl Given {
    /// A suggestion as it is printed.
    pub fn suggestion(&self, text: &str) -> String {
        let text = self.added_to(&plain(text));
        plain(&match self.plugin {
            true => as_plugin(&text),
            false => text,
        })
    }

    /// All suggestions of a failure, as they are printed.
    pub(super) fn suggestions(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|it| self.suggestion(it)).collect()
    }

    /// A suggestion with those that it lacks.
    fn added_to(&self, advice: &str) -> String {
        // "or put everything back: pgctl …"
        let begin = ["pgctl ", "kubectl "].iter().find_map(|program| {
            if advice.starts_with(program) {
                return Some(program.len());
            }
            let at = advice.find(&format!(": {program}"))?;
            Some(at + 2 + program.len())
        });
        let Some(begin) = begin else {
            return advice.to_owned();
        };
        let (program, rest) = advice.split_at(begin);
        let has = |names: &[&str]| {
            let mut words = rest.split([' ', '=']);
            words.any(|word| names.contains(&word))
        };
        let mut flags = String::new();
        let mut add = |names: &[&str], value: &Option<String>| {
            if let (Some(value), false) = (value, has(names)) {
                flags += &format!("{} ", option(names[0], value));
            }
        };
        add(&["--kubeconfig"], &self.kubeconfig);
        add(&["--context"], &self.context);
        // Where kubectl needs a namespace, the suggestion has it.
        if program.ends_with("pgctl ") {
            add(&["-n", "--namespace", "-A"], &self.namespace);
            add(&["--cluster"], &self.cluster);
            add(&["-l", "--selector"], &self.selector);
        }
        let store = match &self.store {
            Some(store) if !has(&["--store"]) => store_added(rest, store),
            _ => None,
        };
        format!("{program}{flags}{}", store.as_deref().unwrap_or(rest))
    }
}

/// The commands of a text as somebody types them who calls pgctl as a plugin of kubectl.
pub fn as_plugin(text: &str) -> String {
    let mut typed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("pgctl ") {
        let (before, from) = rest.split_at(at);
        typed += before;
        // Not the end of another word, as in `/usr/bin/pgctl` and `kubectl-pgctl`; and not twice.
        let begins = !before.ends_with(|it: char| it.is_alphanumeric() || "-_/.".contains(it));
        if begins && !typed.ends_with("kubectl ") {
            typed += "kubectl ";
        }
        typed += "pgctl ";
        rest = &from["pgctl ".len()..];
    }
    typed + rest
}

/// A command about backups, in the store that this one was given.
fn store_added(command: &str, store: &str) -> Option<String> {
    const OF_BACKUP: [&str; 4] = ["list", "verify", "copy", "prune"];
    let words: Vec<&str> = command.split(' ').collect();
    // What a restore has kept aside, or made beside the cluster, is on a volume, and in no store.
    if ["--discard-old", "--discard-into"]
        .iter()
        .any(|it| words.contains(it))
    {
        return None;
    }
    let named = match words.as_slice() {
        ["backup", of, ..] if OF_BACKUP.contains(of) => 2,
        ["backup" | "restore", ..] => 1,
        _ => return None,
    };
    let (name, rest) = words.split_at(named);
    let store = option("--store", store);
    let words = name.iter().copied().chain([store.as_str()]);
    Some(
        words
            .chain(rest.iter().copied())
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_about_backups_is_about_the_store_that_was_given() {
        let given = Given {
            store: Some("/mnt/my backups".to_owned()),
            ..Given::default()
        };
        for (said, shown) in [
            ("pgctl restore --discard-old", "pgctl restore --discard-old"),
            (
                "pgctl restore --discard-into look",
                "pgctl restore --discard-into look",
            ),
            (
                "pgctl backup list",
                "pgctl backup list --store '/mnt/my backups'",
            ),
            (
                "another backup: pgctl backup list -A",
                "another backup: pgctl backup list --store '/mnt/my backups' -A",
            ),
            (
                "pgctl backup copy 3fa9 --to /mnt/b",
                "pgctl backup copy --store '/mnt/my backups' 3fa9 --to /mnt/b",
            ),
            (
                "pgctl backup --physical",
                "pgctl backup --store '/mnt/my backups' --physical",
            ),
            (
                "pgctl restore --resume --store x",
                "pgctl restore --resume --store x",
            ),
            ("pgctl status", "pgctl status"),
        ] {
            assert_eq!(given.added_to(said), shown);
        }
    }

    #[test]
    fn a_suggestion_leads_to_the_place_that_was_looked_at() {
        let given = Given {
            context: Some("prod".to_owned()),
            namespace: Some("shop".to_owned()),
            cluster: Some("main".to_owned()),
            ..Given::default()
        };
        for (said, shown) in [
            (
                "pgctl status",
                "pgctl --context prod -n shop --cluster main status",
            ),
            (
                "pgctl -n shop lag   # how far?",
                "pgctl --context prod --cluster main -n shop lag   # how far?",
            ),
            (
                "or put everything back: pgctl failover --abort -n shop --cluster main",
                "or put everything back: pgctl --context prod failover --abort -n shop --cluster main",
            ),
            (
                "kubectl -n shop describe pod x",
                "kubectl --context prod -n shop describe pod x",
            ),
            (
                "or list them: kubectl get namespaces",
                "or list them: kubectl --context prod get namespaces",
            ),
            ("add --yes to agree", "add --yes to agree"),
            (
                "free space where pgctl writes",
                "free space where pgctl writes",
            ),
        ] {
            assert_eq!(given.added_to(said), shown);
        }
    }

    #[test]
    fn a_plugin_of_kubectl_suggests_itself() {
        let given = Given {
            namespace: Some("shop".to_owned()),
            plugin: true,
            ..Given::default()
        };
        for (said, shown) in [
            ("pgctl status", "kubectl pgctl -n shop status"),
            (
                "see how far it came: pgctl history, then pgctl status",
                "see how far it came: kubectl pgctl -n shop history, then kubectl pgctl status",
            ),
            ("kubectl get pods", "kubectl get pods"),
            ("ls /usr/bin/pgctl x", "ls /usr/bin/pgctl x"),
        ] {
            assert_eq!(given.suggestion(said), shown);
        }
        assert_eq!(as_plugin("kubectl pgctl lag"), "kubectl pgctl lag");
    }

    #[test]
    fn what_was_given_is_one_word_for_the_shell() {
        let given = Given {
            kubeconfig: Some("/my files/it's".to_owned()),
            ..Given::default()
        };
        assert_eq!(
            given.added_to("pgctl status"),
            r#"pgctl --kubeconfig "/my files/it's" status"#
        );
        assert_eq!(Given::default().added_to("pgctl status"), "pgctl status");
    }
}
