//! Keeps a scale target's replicas inside the bounds and near what the metrics ask for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus, MetricStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::behavior::Memory;
use super::events::{EventType, Recorder};
use super::metrics::{Unavailable, Usage, propose};
use super::worker::{Controller, Key};
use crate::store::{Event, LabelSelector, Resource, Selector, Store, StoreError, of, text};

/// `--horizontal-pod-autoscaler-sync-period` of the controller manager.
const PERIOD: Duration = Duration::from_secs(15);

/// How soon to look again when the pods have not been measured yet.
const FIRST_FIGURES: Duration = Duration::from_secs(2);

/// The controller.
pub(in crate::controllers) struct Autoscalers {
    events: Recorder,
    usage: Arc<dyn Usage>,
    memories: BTreeMap<Key, Memory>,
}

impl Autoscalers {
    pub(in crate::controllers) fn new(store: &Store, usage: Arc<dyn Usage>) -> Self {
        Self {
            events: Recorder::new(store, "horizontal-pod-autoscaler"),
            usage,
            memories: BTreeMap::new(),
        }
    }
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<HorizontalPodAutoscaler>(), of::<StatefulSet>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        let spec = |object: &serde_json::Value| object.get("spec").cloned();
        // Its own status, and how the target is doing, are looked at every period.
        let previous = event.previous.as_ref().map(|previous| spec(previous));
        if previous == Some(spec(&event.object)) {
            return Vec::new();
        }
        if resource == of::<HorizontalPodAutoscaler>() {
            return vec![key];
        }
        let scalers = store
            .list(of::<HorizontalPodAutoscaler>(), Some(&key.namespace))
            .items;
        let number = |object: &serde_json::Value, pointer| {
            object
                .pointer(pointer)
                .and_then(serde_json::Value::as_i64)
                .unwrap_or(1)
        };
        // A number outside of the bounds is seen at once; all else has time.
        let replicas = number(&event.object, "/spec/replicas");
        let scales = |scaler: &&Arc<serde_json::Value>| {
            text(scaler, "/spec/scaleTargetRef/kind") == "StatefulSet"
                && text(scaler, "/spec/scaleTargetRef/name") == key.name
                && (replicas < number(scaler, "/spec/minReplicas")
                    || replicas > number(scaler, "/spec/maxReplicas"))
        };
        let scalers = scalers.iter().filter(scales);
        scalers
            .map(|s| Key::new(&key.namespace, text(s, "/metadata/name")))
            .collect()
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let scaler = store.read_opt::<HorizontalPodAutoscaler>(&key.namespace, &key.name)?;
        let Some(scaler) = scaler.filter(|s| s.metadata.deletion_timestamp.is_none()) else {
            self.memories.remove(key);
            return Ok(None);
        };
        let status = self.look(store, key, &scaler)?;
        store.modify::<HorizontalPodAutoscaler>(&key.namespace, &key.name, |now| {
            now.status = Some(status.clone());
        })?;
        // Until there are figures, which takes a second or two: nobody wants to wait for them.
        let measured = status.current_metrics.is_some();
        Ok(Some(if measured { PERIOD } else { FIRST_FIGURES }))
    }
}

/// A status being written.
struct NewStatus {
    status: HorizontalPodAutoscalerStatus,
}

impl NewStatus {
    fn condition(&mut self, kind: &str, is: bool, reason: &str, message: &str) {
        let status = if is { "True" } else { "False" };
        let list = self.status.conditions.get_or_insert_default();
        let at = list.iter().position(|c| c.type_ == kind);
        let at = at.unwrap_or_else(|| {
            list.push(HorizontalPodAutoscalerCondition {
                type_: kind.to_owned(),
                ..HorizontalPodAutoscalerCondition::default()
            });
            list.len() - 1
        });
        let condition = &mut list[at];
        if condition.status != status {
            condition.last_transition_time = Some(Time(Timestamp::now()));
        }
        condition.status = status.to_owned();
        condition.reason = Some(reason.to_owned());
        condition.message = Some(message.to_owned());
    }
}

impl Autoscalers {
    fn look(
        &mut self,
        store: &Store,
        key: &Key,
        scaler: &HorizontalPodAutoscaler,
    ) -> Result<HorizontalPodAutoscalerStatus, StoreError> {
        let spec = scaler.spec.clone().unwrap_or_default();
        let mut draft = NewStatus {
            status: scaler.status.clone().unwrap_or_default(),
        };
        let reference = &spec.scale_target_ref;
        let target = if reference.kind == "StatefulSet" {
            store
                .read::<StatefulSet>(&key.namespace, &reference.name)
                .map_err(|e| e.to_string())
        } else {
            Err(format!(
                "the sandbox scales StatefulSets only, not {}",
                reference.kind
            ))
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => {
                self.warn(scaler, "FailedGetScale", &error);
                let message = format!(
                    "the HPA controller was unable to get the target's current scale: {error}"
                );
                draft.condition("AbleToScale", false, "FailedGetScale", &message);
                return Ok(draft.status);
            }
        };
        draft.condition(
            "AbleToScale",
            true,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        let now = Timestamp::now();
        let target_spec = target.spec.clone().unwrap_or_default();
        let current = target_spec.replicas.unwrap_or(1);
        let least = spec.min_replicas.unwrap_or(1);
        let memory = self.memories.entry(key.clone()).or_default();
        memory.begin(current, now);
        draft.status.current_replicas = Some(current);
        draft.status.observed_generation = scaler.metadata.generation;

        let (desired, reason) = if current == 0 && least != 0 {
            draft.condition(
                "ScalingActive",
                false,
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            );
            draft.status.desired_replicas = 0;
            draft.status.current_metrics = None;
            return Ok(draft.status);
        } else if current > spec.max_replicas {
            let reason = "Current number of replicas above Spec.MaxReplicas";
            (spec.max_replicas, reason.to_owned())
        } else if current < least {
            (
                least,
                "Current number of replicas below Spec.MinReplicas".to_owned(),
            )
        } else {
            let selector = LabelSelector::from_object(&target_spec.selector)?;
            let mut pods = store
                .read_all::<Pod>(Some(&key.namespace), &Selector::everything())?
                .items;
            pods.retain(|pod| selector.matches_labels(pod.metadata.labels.as_ref()));
            match self.ask(scaler, &spec, &pods, current, &mut draft) {
                Some((asked, name)) => {
                    let memory = self.memories.entry(key.clone()).or_default();
                    let decision = memory.decide(&spec, current, asked, now);
                    let (reason, message) = decision.able;
                    draft.condition("AbleToScale", true, reason, message);
                    let (limited, reason, message) = decision.limited;
                    draft.condition("ScalingLimited", limited, reason, message);
                    let why = if asked > current {
                        format!("{name} above target")
                    } else {
                        "All metrics below target".to_owned()
                    };
                    (decision.replicas, why)
                }
                None => return Ok(draft.status),
            }
        };
        draft.status.desired_replicas = desired;
        if desired != current {
            self.rescale(
                store,
                key,
                scaler,
                &spec,
                (current, desired),
                &reason,
                &mut draft,
            )?;
        }
        Ok(draft.status)
    }

    /// Asks every metric; the greatest answer counts. `None` when there is no safe answer.
    fn ask(
        &self,
        scaler: &HorizontalPodAutoscaler,
        spec: &HorizontalPodAutoscalerSpec,
        pods: &[Pod],
        current: i32,
        draft: &mut NewStatus,
    ) -> Option<(i32, String)> {
        let mut best: Option<(i32, String)> = None;
        let mut statuses: Vec<MetricStatus> = Vec::new();
        let mut failed: Option<Unavailable> = None;
        for metric in spec.metrics.iter().flatten() {
            match propose(metric, pods, current, self.usage.as_ref()) {
                Ok(proposal) => {
                    statuses.push(proposal.status);
                    if best
                        .as_ref()
                        .is_none_or(|(replicas, _)| proposal.replicas > *replicas)
                    {
                        best = Some((proposal.replicas, proposal.name));
                    }
                }
                Err(error) => {
                    self.warn(scaler, error.reason, &error.message);
                    failed.get_or_insert(error);
                }
            }
        }
        // Growing on half of the figures is safe, shrinking is not.
        let safe = best.filter(|(replicas, _)| failed.is_none() || *replicas >= current);
        let Some((replicas, name)) = safe else {
            let error = failed.unwrap_or(Unavailable {
                reason: "InvalidMetricSourceType",
                message: "no metrics to scale by".to_owned(),
            });
            let message = format!(
                "the HPA was unable to compute the replica count: {}",
                error.message
            );
            draft.condition("ScalingActive", false, error.reason, &message);
            if !statuses.is_empty() {
                draft.status.current_metrics = Some(statuses);
            }
            return None;
        };
        draft.status.current_metrics = Some(statuses);
        draft.condition(
            "ScalingActive",
            true,
            "ValidMetricFound",
            &format!("the HPA was able to successfully calculate a replica count from {name}"),
        );
        Some((replicas, name))
    }

    #[expect(clippy::too_many_arguments, reason = "the pieces of one decision")]
    fn rescale(
        &mut self,
        store: &Store,
        key: &Key,
        scaler: &HorizontalPodAutoscaler,
        spec: &HorizontalPodAutoscalerSpec,
        (current, desired): (i32, i32),
        reason: &str,
        draft: &mut NewStatus,
    ) -> Result<(), StoreError> {
        let done =
            store.modify::<StatefulSet>(&key.namespace, &spec.scale_target_ref.name, |set| {
                set.spec.get_or_insert_default().replicas = Some(desired);
            });
        if let Err(error) = done {
            let text = format!("New size: {desired}; reason: {reason}; error: {error}");
            self.warn(scaler, "FailedRescale", &text);
            let message =
                format!("the HPA controller was unable to update the target scale: {error}");
            draft.condition("AbleToScale", false, "FailedUpdateScale", &message);
            return Ok(());
        }
        let message =
            format!("the HPA controller was able to update the target scale to {desired}");
        draft.condition("AbleToScale", true, "SucceededRescale", &message);
        let text = format!("New size: {desired}; reason: {reason}");
        self.events.event(
            &json!(scaler),
            EventType::Normal,
            "SuccessfulRescale",
            &text,
        );
        draft.status.last_scale_time = Some(Time(Timestamp::now()));
        let memory = self.memories.entry(key.clone()).or_default();
        memory.scaled(spec, current, desired, Timestamp::now());
        Ok(())
    }

    fn warn(&self, scaler: &HorizontalPodAutoscaler, reason: &str, message: &str) {
        self.events
            .event(&json!(scaler), EventType::Warning, reason, message);
    }
}
