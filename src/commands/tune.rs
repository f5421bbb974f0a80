//! `pgctl tune`.

use super::asking::{self, Asking};
use super::context::Context;
use super::looking::{self, Looking};
use crate::cli::TuneArgs;
use crate::cluster::{
    DeployedConfig, PodAnswer, ServerConfig, TuneAdvice, TuneFacts, answered, silent, tune,
    tune_diff, tune_patch,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{Screen, TuneDocument, TuneView, plain, tune_screen};

/// Standbys for which there is to be room where no autoscaler says how many there may be.
const STANDBYS: u32 = 5;

pub(super) async fn run(context: &Context, args: &TuneArgs) -> Result<ExitCode, Failure> {
    let command = Tune {
        asking: Asking::connect(context, &[]).await?,
        args: args.clone(),
    };
    looking::once(context, command).await
}

struct Tune {
    asking: Asking,
    args: TuneArgs,
}

struct Seen {
    answers: Vec<PodAnswer<ServerConfig>>,
    deployed: Vec<DeployedConfig>,
    view: TuneView,
}

impl Tune {
    fn facts(&self, pod: &str) -> TuneFacts {
        let found = &self.asking.found().found;
        let autoscaler = found.autoscaler_facts();
        let volumes = found.volume_facts();
        let volume = volumes.iter().find(|it| it.pod == pod);
        TuneFacts {
            memory_bytes: found.memory_limits().get(pod).copied().flatten(),
            cpus: found.cpu_limit(pod),
            volume_bytes: volume.and_then(|it| it.capacity_bytes),
            standbys: autoscaler.map_or(STANDBYS, |it| it.max),
        }
    }
}

impl Looking for Tune {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.config().await?);
        let answers = self.asking.ask(context, question).await?;
        let found = &self.asking.found().found;
        let (deployed, unseen) = self.asking.kube.deployed_config(found).await;
        // The primary is the first.
        let first = answered(&answers).next();
        let mut view = first.map_or_else(TuneView::default, |(answer, config)| {
            let facts = self.facts(&answer.pod);
            TuneView {
                pod: answer.pod.clone(),
                facts,
                advice: tune(config, &facts, &deployed),
                unseen,
                silent: Vec::new(),
            }
        });
        let silent = silent(&answers).map(|(it, why)| (it.pod.clone(), why.to_string()));
        view.silent = silent.collect();
        Ok(Seen {
            answers,
            deployed,
            view,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        TuneDocument::new(self.asking.cluster(), &seen.view)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let advice: &[TuneAdvice] = &seen.view.advice;
        if self.args.diff {
            lines(&tune_diff(advice, &seen.deployed))
        } else if self.args.patch {
            lines(&tune_patch(advice, &seen.deployed))
        } else {
            tune_screen(&seen.view, screen)
        }
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        asking::exit(&seen.answers)
    }
}

/// A text of the cluster's, line by line, without what drives a terminal.
fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| plain(line) + "\n");
    lines.collect()
}
