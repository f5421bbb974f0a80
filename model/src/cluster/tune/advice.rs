//! What is proposed, compared with what there is.

use super::facts::TuneFacts;
use super::rules::{RULES, Rule, Sizes};
use crate::cluster::{
    DeployedConfig, DeployedSetting, ServerConfig, Setting, amount_in_bytes, deployed_setting,
    same_value, with_unit,
};

/// A setting that would fit better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuneAdvice {
    /// Its name.
    pub name: String,
    /// What the server goes by, with its unit.
    pub now: String,
    /// What is proposed, as it is written in a file.
    pub proposed: String,
    /// Why, with the figures of this cluster.
    pub reason: String,
    /// Where that is from.
    pub source: &'static str,
    /// Whether it takes a restart.
    pub restart: bool,
    /// Where the deployment has it; none when it has not.
    pub deployed: Option<DeployedSetting>,
}

/// What is nearer than that to the proposal is left alone.
const NEAR: f64 = 0.2;

/// Every setting that would fit better, in the order of the files.
pub fn tune(
    config: &ServerConfig,
    facts: &TuneFacts,
    deployed: &[DeployedConfig],
) -> Vec<TuneAdvice> {
    let sizes = Sizes::of(config, facts);
    let advice = |rule: &Rule| {
        let setting = config.setting(rule.name)?;
        let (proposed, reason) = (rule.value)(&sizes)?;
        if is_near(setting, &proposed, rule.at_least) {
            return None;
        }
        Some(TuneAdvice {
            name: rule.name.to_owned(),
            now: with_unit(&setting.value, setting.unit.as_deref()),
            proposed,
            reason,
            source: rule.source,
            restart: setting.context == "postmaster",
            deployed: deployed_setting(deployed, rule.name),
        })
    };
    RULES.iter().filter_map(advice).collect()
}

/// Whether a change is not worth it. Of what is only to be enough, more is fine.
fn is_near(setting: &Setting, proposed: &str, at_least: bool) -> bool {
    if same_value(setting, &setting.value, proposed) {
        return true;
    }
    let number = |value: &str| match amount_in_bytes(setting, value) {
        Some(bytes) => Some(bytes as f64),
        None => value.trim().parse::<f64>().ok(),
    };
    let Some((now, wanted)) = number(&setting.value).zip(number(proposed)) else {
        return false;
    };
    if at_least && now >= wanted {
        return true;
    }
    now > 0.0 && wanted > 0.0 && (now - wanted).abs() / wanted < NEAR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::setting;

    fn server(settings: &[(&str, &str, &str, Option<&str>)]) -> ServerConfig {
        let settings = settings.iter().map(|(name, value, kind, unit)| Setting {
            kind: (*kind).to_owned(),
            unit: unit.map(str::to_owned),
            ..setting(name, value)
        });
        ServerConfig {
            settings: settings.collect(),
            ..ServerConfig::default()
        }
    }

    fn facts() -> TuneFacts {
        TuneFacts {
            memory_bytes: Some(8 << 30),
            cpus: Some(4.0),
            volume_bytes: Some(100 << 30),
            standbys: 5,
        }
    }

    #[test]
    fn memory_is_shared_out_by_the_limit_of_the_container() {
        let server = server(&[
            ("shared_buffers", "16384", "integer", Some("8kB")),
            ("effective_cache_size", "524288", "integer", Some("8kB")),
            ("max_connections", "100", "integer", None),
            ("work_mem", "4096", "integer", Some("kB")),
        ]);
        let advice = tune(&server, &facts(), &[]);
        let said: Vec<_> = advice
            .iter()
            .map(|it| (it.name.as_str(), it.proposed.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("shared_buffers", "2GB"),
                ("effective_cache_size", "5461MB"),
                ("work_mem", "20MB")
            ]
        );
        assert_eq!(advice[0].now, "128MB");
        assert!(advice.iter().all(|it| it.source.starts_with("https://")));
    }

    #[test]
    fn what_is_near_and_what_is_not_known_is_left_alone() {
        let near = server(&[("shared_buffers", "250000", "integer", Some("8kB"))]);
        assert_eq!(tune(&near, &facts(), &[]), []);
        let small = server(&[("shared_buffers", "16384", "integer", Some("8kB"))]);
        assert_eq!(tune(&small, &TuneFacts::default(), &[]), []);
    }

    #[test]
    fn more_than_enough_is_enough() {
        let senders = |value| server(&[("max_wal_senders", value, "integer", None)]);
        assert_eq!(tune(&senders("32"), &facts(), &[]), []);
        assert_eq!(tune(&senders("4"), &facts(), &[])[0].proposed, "12");
    }
}
