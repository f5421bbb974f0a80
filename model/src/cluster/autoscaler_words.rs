//! An autoscaler's conditions in words: what it is doing, and why it does not scale.

use super::{Autoscaler, AutoscalerCondition};

/// How far use may be from its target before anything is scaled
/// (`--horizontal-pod-autoscaler-tolerance` of the controller manager), in %.
const TOLERANCE: u32 = 10;

/// A condition in words. The reasons are those of `pkg/controller/podautoscaler/horizontal.go`; one
/// that is not known here is told in the controller's own words.
pub fn condition_words(condition: &AutoscalerCondition) -> String {
    let words = match (condition.kind.as_str(), condition.reason.as_str()) {
        ("AbleToScale", "SucceededGetScale" | "ReadyForNewScale") => "it can scale",
        ("AbleToScale", "SucceededRescale") => "it has just scaled",
        ("AbleToScale", "ScaleDownStabilized") => {
            "it would scale down, and waits whether the load comes back"
        }
        ("AbleToScale", "ScaleUpStabilized") => {
            "it would scale up, and waits whether the load stays"
        }
        ("AbleToScale", "FailedGetScale") => "it does not find what it is to scale",
        ("AbleToScale", "FailedUpdateScale") => "it may not change the number of pods",
        ("ScalingActive", "ValidMetricFound") => "it has figures to go by",
        ("ScalingActive", "ScalingDisabled") => "it rests: the StatefulSet is scaled to 0",
        ("ScalingActive", "FailedGetResourceMetric" | "FailedGetContainerResourceMetric") => {
            "it has no figures of what the pods use (is the metrics-server there, and do all containers request what is measured?)"
        }
        ("ScalingActive", "AmbiguousSelector") => "another autoscaler governs the same pods",
        ("ScalingLimited", "DesiredWithinRange") => "the number it wants is within its bounds",
        ("ScalingLimited", "TooManyReplicas") => "it wants more pods than its maximum",
        ("ScalingLimited", "TooFewReplicas") => "it wants fewer pods than its minimum",
        ("ScalingLimited", "ScaleUpLimit") => "it wants more pods than it may add at a time",
        ("ScalingLimited", "ScaleDownLimit") => "it wants fewer pods than it may leave at a time",
        _ => return condition.message.clone(),
    };
    words.to_owned()
}

/// Why it does not scale, the weightiest first; empty while it does.
pub fn why_not_scaling(autoscaler: &Autoscaler) -> Vec<String> {
    let condition = |kind: &str| autoscaler.conditions.iter().find(|it| it.kind == kind);
    let mut reasons = Vec::new();
    for kind in ["AbleToScale", "ScalingActive"] {
        if let Some(found) = condition(kind).filter(|it| !it.holds) {
            reasons.push(condition_words(found));
        }
    }
    if autoscaler.conditions.is_empty() {
        reasons.push("its controller has not looked at it yet".to_owned());
    }
    if autoscaler.min == autoscaler.max {
        reasons.push(format!("both bounds are {}", autoscaler.min));
    }
    if !reasons.is_empty() || autoscaler.desired != autoscaler.current {
        return reasons;
    }
    if let Some(stabilised) =
        condition("AbleToScale").filter(|it| it.reason.ends_with("Stabilized"))
    {
        reasons.push(format!(
            "{} ({} s before it scales down)",
            condition_words(stabilised),
            autoscaler.down_window_seconds
        ));
    } else if let Some(limited) = condition("ScalingLimited").filter(|it| it.holds) {
        reasons.push(condition_words(limited));
    } else {
        reasons.push(near_target(autoscaler));
    }
    reasons
}

fn near_target(autoscaler: &Autoscaler) -> String {
    let near = autoscaler.metrics.iter().any(|metric| {
        match (metric.current_percent, metric.target_percent) {
            (Some(now), Some(target)) => {
                now.abs_diff(target).saturating_mul(100) <= target.saturating_mul(TOLERANCE)
            }
            _ => false,
        }
    });
    if near {
        format!("use is within {TOLERANCE} % of a target")
    } else {
        format!("{} pods are what the load asks for", autoscaler.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::healthy;

    fn with(conditions: &[(&str, bool, &str)]) -> Autoscaler {
        let mut autoscaler = healthy(3).autoscaler.expect("the fixture has one");
        autoscaler.conditions = conditions
            .iter()
            .map(|(kind, holds, reason)| AutoscalerCondition {
                kind: (*kind).to_owned(),
                holds: *holds,
                reason: (*reason).to_owned(),
                message: "in its own words".to_owned(),
            })
            .collect();
        autoscaler
    }

    #[test]
    fn what_keeps_it_comes_first() {
        let blind = with(&[
            ("AbleToScale", true, "SucceededGetScale"),
            ("ScalingActive", false, "FailedGetResourceMetric"),
        ]);
        assert!(why_not_scaling(&blind)[0].contains("metrics-server"));
        let waits = with(&[("AbleToScale", true, "ScaleDownStabilized")]);
        assert!(why_not_scaling(&waits)[0].contains("300 s"));
        let full = with(&[("ScalingLimited", true, "TooManyReplicas")]);
        assert!(why_not_scaling(&full)[0].contains("maximum"));
        let mut paused = full;
        paused.max = paused.min;
        assert_eq!(why_not_scaling(&paused), ["both bounds are 2"]);
    }

    #[test]
    fn one_that_scales_has_no_reason_not_to() {
        let mut scaling = with(&[("AbleToScale", true, "SucceededRescale")]);
        scaling.desired = 4;
        assert!(why_not_scaling(&scaling).is_empty());
        scaling.desired = scaling.current;
        assert_eq!(
            why_not_scaling(&scaling),
            ["3 pods are what the load asks for"]
        );
        scaling.metrics[0].current_percent = Some(66);
        assert_eq!(
            why_not_scaling(&scaling),
            ["use is within 10 % of a target"]
        );
    }

    #[test]
    fn an_unknown_reason_is_told_in_the_controllers_words() {
        let strange = with(&[("ScalingActive", false, "SomethingNew")]);
        assert_eq!(condition_words(&strange.conditions[0]), "in its own words");
    }
}
