//! Which settings are shown, and of which servers.

use super::facts::{RoleSetting, ServerConfig, Setting};
use crate::cluster::{PodAnswer, answered, nearest};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingSelection {
    /// Names, or patterns with `*`; none for what is set somewhere.
    pub names: Vec<String>,
    /// Every setting, also what nobody has set.
    pub all: bool,
}

/// A name that no server knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no setting is called {given:?}")]
pub struct UnknownSetting {
    /// What was typed.
    pub given: String,
    /// The nearest that there is.
    pub nearest: Option<String>,
}

/// A setting, and the servers that have it alike.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingRow<'a> {
    /// The setting.
    pub setting: &'a Setting,
    /// The pods; none for all that answered.
    pub pods: Option<Vec<&'a str>>,
}

impl SettingSelection {
    fn takes(&self, setting: &Setting) -> bool {
        if self.names.is_empty() {
            // What the server has worked out itself nobody has set.
            let set = !matches!(setting.source.as_str(), "default" | "override");
            return self.all || set || setting.pending_restart;
        }
        self.named(&setting.name)
    }

    /// Whether what is set for a database or a role is shown: somebody has set all of it.
    pub fn takes_own(&self, own: &RoleSetting) -> bool {
        self.names.is_empty() || self.named(&own.name)
    }

    fn named(&self, setting: &str) -> bool {
        self.names.iter().any(|name| fits(name, setting))
    }
}

/// Whether a name fits a pattern, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let name = name.to_lowercase();
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts = tail.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// The settings that were asked for, by name. Servers that have one alike share a row. What is set only for
/// databases and roles has none: see [`SettingSelection::takes_own`].
///
/// # Errors
/// When a name is known to no server that answered.
pub fn setting_rows<'a>(
    answers: &'a [PodAnswer<ServerConfig>],
    selection: &SettingSelection,
) -> Result<Vec<SettingRow<'a>>, UnknownSetting> {
    let servers: Vec<_> = answered(answers).collect();
    let known = || servers.iter().flat_map(|(_, config)| &config.settings);
    // A name that somebody has made up may be set for a role and on no server.
    let own = || servers.iter().flat_map(|(_, config)| &config.roles);
    let all_names = || {
        let names = known().map(|it| it.name.as_str());
        names.chain(own().map(|it| it.name.as_str()))
    };
    for given in &selection.names {
        if !servers.is_empty() && !all_names().any(|it| fits(given, it)) {
            return Err(UnknownSetting {
                given: given.clone(),
                nearest: nearest(&given.to_lowercase(), all_names()).map(str::to_owned),
            });
        }
    }
    let mut names: Vec<&str> = known()
        .filter(|it| selection.takes(it))
        .map(|it| it.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut rows: Vec<SettingRow<'_>> = Vec::new();
    for name in names {
        let begin = rows.len();
        for (answer, config) in &servers {
            let Some(setting) = config.setting(name) else {
                continue;
            };
            let alike = rows[begin..]
                .iter_mut()
                .find(|it| same(it.setting, setting));
            match alike {
                Some(SettingRow { pods, .. }) => {
                    pods.iter_mut().for_each(|it| it.push(&answer.pod))
                }
                None => rows.push(SettingRow {
                    setting,
                    pods: Some(vec![&answer.pod]),
                }),
            }
        }
        for row in &mut rows[begin..] {
            if row
                .pods
                .as_ref()
                .is_some_and(|it| it.len() == servers.len())
            {
                row.pods = None;
            }
        }
    }
    Ok(rows)
}

fn same(a: &Setting, b: &Setting) -> bool {
    let of = |it: &Setting| {
        let place = (it.source.clone(), it.file.clone(), it.line);
        (it.value.clone(), place, it.pending_restart)
    };
    of(a) == of(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{server_config, setting};

    #[test]
    fn a_pattern_fits_what_it_says() {
        for (pattern, name, yes) in [
            ("work_mem", "work_mem", true),
            ("WORK_MEM", "work_mem", true),
            ("*mem", "work_mem", true),
            ("log_*_statement", "log_min_duration_statement", true),
            ("log_*", "work_mem", false),
            ("work", "work_mem", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), yes, "{pattern} {name}");
        }
    }

    #[test]
    fn servers_that_differ_have_a_row_each() {
        let answers = [
            server_config("a", &[("work_mem", "4096"), ("fsync", "on")]),
            server_config("b", &[("work_mem", "8192"), ("fsync", "on")]),
        ];
        let rows = setting_rows(&answers, &SettingSelection::default()).expect("they are known");
        let said: Vec<_> = rows
            .iter()
            .map(|it| (it.setting.name.as_str(), it.pods.clone()))
            .collect();
        assert_eq!(
            said,
            [
                ("fsync", None),
                ("work_mem", Some(vec!["a"])),
                ("work_mem", Some(vec!["b"])),
            ]
        );
    }

    #[test]
    fn a_wrong_name_leads_to_the_nearest() {
        let answers = [server_config("a", &[("work_mem", "4096"), ("fsync", "on")])];
        let selection = SettingSelection {
            names: vec!["wrok_mem".to_owned()],
            all: false,
        };
        let error = setting_rows(&answers, &selection).expect_err("it is unknown");
        assert_eq!(error.nearest.as_deref(), Some("work_mem"));
    }

    #[test]
    fn what_nobody_has_set_is_shown_when_it_is_asked_for() {
        let mut answers = [server_config("a", &[("work_mem", "4096")])];
        let quiet = Setting {
            source: "default".to_owned(),
            ..setting("port", "5432")
        };
        if let Ok(config) = &mut answers[0].answer {
            config.settings.push(quiet);
        }
        let count = |names: &[&str], all| {
            let names = names.iter().map(|it| (*it).to_owned()).collect();
            let rows = setting_rows(&answers, &SettingSelection { names, all });
            rows.expect("they are known").len()
        };
        assert_eq!(count(&[], false), 1);
        assert_eq!(count(&[], true), 2);
        assert_eq!(count(&["port"], false), 1);
    }

    #[test]
    fn what_roles_have_is_all_shown_and_of_names_what_fits() {
        let own = |name: &str| RoleSetting {
            role: Some("rtl".to_owned()),
            database: None,
            name: name.to_owned(),
            value: "x".to_owned(),
        };
        let select = |names: &[&str]| SettingSelection {
            names: names.iter().map(|it| (*it).to_owned()).collect(),
            all: false,
        };
        assert!(select(&[]).takes_own(&own("search_path")));
        assert!(select(&["SEARCH_*"]).takes_own(&own("search_path")));
        assert!(!select(&["work_mem"]).takes_own(&own("search_path")));

        let mut answers = [server_config("a", &[("work_mem", "4096")])];
        if let Ok(config) = &mut answers[0].answer {
            config.roles.push(own("app.tenant"));
        }
        let rows = setting_rows(&answers, &select(&["app.tenant"]));
        assert_eq!(rows, Ok(Vec::new()));
        let error = setting_rows(&answers, &select(&["app.tennant"])).expect_err("it is unknown");
        assert_eq!(error.nearest.as_deref(), Some("app.tenant"));
    }
}
