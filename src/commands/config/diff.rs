//! `pgctl config diff`.

use super::super::asking::{self, Asking};
use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::unknown::unknown;
use crate::cli::ConfigDiffArgs;
use crate::cluster::{
    ConfigDifference, PodAnswer, ServerConfig, SettingSelection, config_differences, setting_rows,
    silent,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{ConfigDiffDocument, Deployed, Screen, config_diff_screen};

pub(super) async fn run(context: &Context, args: &ConfigDiffArgs) -> Result<ExitCode, Failure> {
    let diff = Diff {
        asking: Asking::connect(context, &args.pod).await?,
        selection: SettingSelection {
            names: args.names.clone(),
            all: true,
        },
    };
    looking::once(context, diff).await
}

struct Diff {
    asking: Asking,
    selection: SettingSelection,
}

struct Seen {
    answers: Vec<PodAnswer<ServerConfig>>,
    deployed: Deployed,
    differences: Vec<ConfigDifference>,
}

impl Looking for Diff {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.config().await?);
        let answers = self.asking.ask(context, question).await?;
        let rows = setting_rows(&answers, &self.selection);
        let rows = rows.map_err(|error| unknown(&error, "diff"))?;
        let names: Vec<String> = rows.iter().map(|it| it.setting.name.clone()).collect();
        let (files, unseen) = self
            .asking
            .kube
            .deployed_config(&self.asking.found().found)
            .await;
        let mut differences = config_differences(&answers, &files);
        if !self.selection.names.is_empty() {
            differences.retain(|it| names.contains(&it.name));
        }
        let mut config_maps: Vec<String> = files.into_iter().map(|it| it.config_map).collect();
        config_maps.dedup();
        Ok(Seen {
            answers,
            deployed: Deployed {
                config_maps,
                unseen,
            },
            differences,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        let cluster = self.asking.cluster();
        ConfigDiffDocument::new(cluster, &seen.answers, &seen.deployed, &seen.differences)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        config_diff_screen(&seen.answers, &seen.deployed, &seen.differences, screen)
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        exit(&seen.answers, &seen.differences)
    }
}

/// That nothing differs is known only when every server that runs was seen.
fn exit(answers: &[PodAnswer<ServerConfig>], differences: &[ConfigDifference]) -> ExitCode {
    let unseen = silent(answers).any(|(_, why)| !why.nothing_runs());
    match differences {
        [] if unseen => ExitCode::Unreachable,
        [] => asking::exit(answers),
        _ => ExitCode::Unhealthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::server_config;
    use crate::cluster::{NoAnswer, Role};

    fn ends(answers: &[PodAnswer<ServerConfig>]) -> ExitCode {
        exit(answers, &config_differences(answers, &[]))
    }

    #[test]
    fn a_server_that_nobody_has_seen_does_not_pass() {
        let of = |work_mem| server_config("a", &[("work_mem", work_mem)]);
        let without = |why| PodAnswer {
            pod: "b".to_owned(),
            role: Role::Unknown,
            answer: Err(why),
        };
        let hangs = || without(NoAnswer::Silent("no answer within 10 s".to_owned()));
        let refuses = || without(NoAnswer::Refused("too many clients already".to_owned()));
        let stopped = || without(NoAnswer::NotRunning);
        assert_eq!(ends(&[of("4096"), of("4096")]), ExitCode::Done);
        assert_eq!(ends(&[of("4096"), stopped()]), ExitCode::Done);
        assert_eq!(ends(&[of("4096"), hangs()]), ExitCode::Unreachable);
        assert_eq!(ends(&[of("4096"), refuses()]), ExitCode::Unreachable);
        assert_eq!(ends(&[stopped()]), ExitCode::Unreachable);
        let differ = [of("4096"), of("8192"), hangs()];
        assert_eq!(ends(&differ), ExitCode::Unhealthy);
    }
}
