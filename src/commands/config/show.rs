//! `pgctl config show`.

use super::super::asking::{self, Asking};
use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::unknown::unknown;
use crate::cli::ConfigShowArgs;
use crate::cluster::{PodAnswer, ServerConfig, SettingSelection, setting_rows};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{ConfigDocument, Screen, config_screen};

pub(super) async fn run(context: &Context, args: &ConfigShowArgs) -> Result<ExitCode, Failure> {
    let show = Show {
        asking: Asking::connect(context, &args.pod).await?,
        selection: SettingSelection {
            names: args.names.clone(),
            all: args.all,
        },
    };
    looking::once(context, show).await
}

struct Show {
    asking: Asking,
    selection: SettingSelection,
}

impl Looking for Show {
    type Seen = Vec<PodAnswer<ServerConfig>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.config().await?);
        let answers = self.asking.ask(context, question).await?;
        setting_rows(&answers, &self.selection).map_err(|error| unknown(&error, "show"))?;
        Ok(answers)
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        ConfigDocument::new(self.asking.cluster(), seen, &self.selection)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        config_screen(seen, &self.selection, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        asking::exit(seen)
    }
}
