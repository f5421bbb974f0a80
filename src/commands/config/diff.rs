//! `pgctl config diff`.

use super::super::asking::{self, Asking};
use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::unknown::unknown;
use crate::cli::ConfigDiffArgs;
use crate::cluster::{
    ConfigDifference, PodAnswer, ServerConfig, SettingSelection, config_differences, setting_rows,
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
        match (asking::exit(&seen.answers), seen.differences.is_empty()) {
            (ExitCode::Done, false) => ExitCode::Unhealthy,
            (exit, _) => exit,
        }
    }
}
