//! What is told while a step is waited for.

use std::collections::BTreeMap;

use tokio::sync::Mutex;

use crate::events::{RunEvent, StandbyStage};
use crate::plan::Plan;

/// Who is told how pods come along that are waited for.
pub type Listener = Box<dyn Fn(&Plan, &RunEvent) + Send + Sync>;

/// Tells it, and nothing twice.
#[derive(Default)]
pub(super) struct Reporting {
    listener: Option<Listener>,
    /// Where each pod was when that was last told.
    last_reported: Mutex<BTreeMap<String, StandbyStage>>,
}

impl Reporting {
    pub(super) fn to(listener: Listener) -> Self {
        Self {
            listener: Some(listener),
            last_reported: Mutex::default(),
        }
    }

    pub(super) fn say(&self, plan: &Plan, notice: &RunEvent) {
        if let Some(listener) = &self.listener {
            listener(plan, notice);
        }
    }

    /// Tells where each pod is that is somewhere else than when that was last told.
    pub(super) async fn stages(&self, plan: &Plan, stages: &BTreeMap<String, StandbyStage>) {
        let mut last = self.last_reported.lock().await;
        for (pod, stage) in stages {
            if last.get(pod).is_none_or(|before| before.is_news(stage)) {
                last.insert(pod.clone(), stage.clone());
                self.say(
                    plan,
                    &RunEvent::StandbyProgress {
                        pod: pod.clone(),
                        stage: stage.clone(),
                    },
                );
            }
        }
    }
}
