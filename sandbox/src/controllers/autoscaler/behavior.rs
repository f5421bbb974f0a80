//! How fast an autoscaler may go: stabilisation windows and policies of `autoscaling/v2`, by the
//! rules of `pkg/controller/podautoscaler/horizontal.go`. Pure: time is an argument.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec,
};

/// What an autoscaler remembers between two looks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    recommendations: Vec<(Timestamp, i32)>,
    ups: Vec<(Timestamp, i32)>,
    downs: Vec<(Timestamp, i32)>,
}

/// A number of replicas, and what the conditions say about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) replicas: i32,
    /// Reason and message of `AbleToScale`.
    pub(super) able: (&'static str, &'static str),
    /// Status, reason and message of `ScalingLimited`.
    pub(super) limited: (bool, &'static str, &'static str),
}

struct Rules {
    window: SignedDuration,
    select: Select,
    policies: Vec<HPAScalingPolicy>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Select {
    Max,
    Min,
    Disabled,
}

impl Rules {
    /// The rules given, completed with the API server's defaults.
    fn new(given: Option<&HPAScalingRules>, window: i64, policies: Vec<HPAScalingPolicy>) -> Self {
        let own = given.and_then(|rules| rules.policies.clone());
        Self {
            window: SignedDuration::from_secs(
                given
                    .and_then(|rules| rules.stabilization_window_seconds)
                    .map_or(window, i64::from),
            ),
            select: match given.and_then(|rules| rules.select_policy.as_deref()) {
                Some("Min") => Select::Min,
                Some("Disabled") => Select::Disabled,
                _ => Select::Max,
            },
            policies: own.filter(|own| !own.is_empty()).unwrap_or(policies),
        }
    }

    fn up(spec: &HorizontalPodAutoscalerSpec) -> Self {
        let given = spec.behavior.as_ref().and_then(|b| b.scale_up.as_ref());
        Self::new(given, 0, vec![policy("Pods", 4), policy("Percent", 100)])
    }

    fn down(spec: &HorizontalPodAutoscalerSpec) -> Self {
        let given = spec.behavior.as_ref().and_then(|b| b.scale_down.as_ref());
        Self::new(given, 300, vec![policy("Percent", 100)])
    }

    fn longest_period(&self) -> SignedDuration {
        let seconds = self.policies.iter().map(|p| p.period_seconds).max();
        SignedDuration::from_secs(i64::from(seconds.unwrap_or(0)))
    }
}

fn policy(kind: &str, value: i32) -> HPAScalingPolicy {
    HPAScalingPolicy {
        type_: kind.to_owned(),
        value,
        period_seconds: 15,
    }
}

fn changed_within(events: &[(Timestamp, i32)], seconds: i32, now: Timestamp) -> i32 {
    let cutoff = now - SignedDuration::from_secs(i64::from(seconds));
    events
        .iter()
        .filter(|(at, _)| *at > cutoff)
        .map(|(_, change)| change)
        .sum()
}

impl Memory {
    /// The first look counts as a recommendation of the number that is there.
    pub(super) fn begin(&mut self, current: i32, now: Timestamp) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Remembers that the target was scaled.
    pub(super) fn scaled(
        &mut self,
        spec: &HorizontalPodAutoscalerSpec,
        from: i32,
        to: i32,
        now: Timestamp,
    ) {
        let (events, period) = if to > from {
            (&mut self.ups, Rules::up(spec).longest_period())
        } else {
            (&mut self.downs, Rules::down(spec).longest_period())
        };
        events.retain(|(at, _)| *at >= now - period);
        events.push((now, (to - from).abs()));
    }

    /// What becomes of the number that the metrics ask for.
    pub(super) fn decide(
        &mut self,
        spec: &HorizontalPodAutoscalerSpec,
        current: i32,
        asked: i32,
        now: Timestamp,
    ) -> Decision {
        let (up, down) = (Rules::up(spec), Rules::down(spec));
        let steady = self.stabilise(&up, &down, current, asked, now);
        let able = if steady == asked {
            ("ReadyForNewScale", "recommended size matches current size")
        } else if asked >= current {
            (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent \
                 recommendation",
            )
        } else {
            (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent \
                 recommendation",
            )
        };
        let (replicas, limited) = self.limit(spec, &up, &down, current, steady, now);
        Decision {
            replicas,
            able,
            limited: (replicas != steady, limited.0, limited.1),
        }
    }

    fn stabilise(
        &mut self,
        up: &Rules,
        down: &Rules,
        current: i32,
        asked: i32,
        now: Timestamp,
    ) -> i32 {
        let rising = asked >= current;
        let window = if rising { up.window } else { down.window };
        let steady = self
            .recommendations
            .iter()
            .filter(|(at, _)| *at > now - window)
            .fold(asked, |best, (_, number)| {
                if rising {
                    best.min(*number)
                } else {
                    best.max(*number)
                }
            });
        let obsolete = now - up.window.max(down.window);
        self.recommendations.retain(|(at, _)| *at >= obsolete);
        self.recommendations.push((now, asked));
        steady
    }

    fn limit(
        &self,
        spec: &HorizontalPodAutoscalerSpec,
        up: &Rules,
        down: &Rules,
        current: i32,
        desired: i32,
        now: Timestamp,
    ) -> (i32, (&'static str, &'static str)) {
        if desired > current {
            let rate = self.up_limit(up, current, now).max(current);
            let (most, why) = if spec.max_replicas > rate {
                let why =
                    "the desired replica count is increasing faster than the maximum scale rate";
                (rate, ("ScaleUpLimit", why))
            } else {
                let why = "the desired replica count is more than the maximum replica count";
                (spec.max_replicas, ("TooManyReplicas", why))
            };
            if desired > most {
                return (most, why);
            }
        } else if desired < current {
            let rate = self.down_limit(down, current, now).min(current);
            let least = spec.min_replicas.unwrap_or(1);
            let (least, why) = if least < rate {
                let why =
                    "the desired replica count is decreasing faster than the maximum scale rate";
                (rate, ("ScaleDownLimit", why))
            } else {
                let why = "the desired replica count is less than the minimum replica count";
                (least, ("TooFewReplicas", why))
            };
            if desired < least {
                return (least, why);
            }
        }
        let why = "the desired count is within the acceptable range";
        (desired, ("DesiredWithinRange", why))
    }

    fn up_limit(&self, rules: &Rules, current: i32, now: Timestamp) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let start = current - changed_within(&self.ups, policy.period_seconds, now);
            if policy.type_ == "Pods" {
                start.saturating_add(policy.value)
            } else {
                // Rounded up, or one pod could never become two.
                let percent = i64::from(start) * (100 + i64::from(policy.value));
                i32::try_from((percent + 99).div_euclid(100)).unwrap_or(i32::MAX)
            }
        });
        match rules.select {
            Select::Disabled => current,
            Select::Min => limits.min().unwrap_or(current),
            Select::Max => limits.max().unwrap_or(current),
        }
    }

    fn down_limit(&self, rules: &Rules, current: i32, now: Timestamp) -> i32 {
        let limits = rules.policies.iter().map(|policy| {
            let start = current + changed_within(&self.downs, policy.period_seconds, now);
            if policy.type_ == "Pods" {
                start.saturating_sub(policy.value)
            } else {
                let percent = i64::from(start) * (100 - i64::from(policy.value));
                i32::try_from(percent.div_euclid(100)).unwrap_or(0)
            }
        });
        match rules.select {
            Select::Disabled => current,
            // The "minimum" is the smallest change, so the highest number that stays.
            Select::Min => limits.max().unwrap_or(current),
            Select::Max => limits.min().unwrap_or(current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> HorizontalPodAutoscalerSpec {
        serde_json::from_value(json).expect("a valid autoscaler")
    }

    /// The figures of the deployment's own autoscaler.
    fn ours() -> HorizontalPodAutoscalerSpec {
        spec(serde_json::json!({
            "scaleTargetRef": {"kind": "StatefulSet", "name": "postgres-replica"},
            "minReplicas": 2, "maxReplicas": 5,
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [
                    {"type": "Percent", "value": 100, "periodSeconds": 30},
                    {"type": "Pods", "value": 2, "periodSeconds": 30}]},
                "scaleDown": {"stabilizationWindowSeconds": 300, "policies": [
                    {"type": "Percent", "value": 50, "periodSeconds": 60},
                    {"type": "Pods", "value": 1, "periodSeconds": 60}]}
            }
        }))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn a_rise_has_to_last_for_the_window() {
        let mut memory = Memory::default();
        memory.begin(2, at(0));
        let early = memory.decide(&ours(), 2, 4, at(15));
        assert_eq!((early.replicas, early.able.0), (2, "ScaleUpStabilized"));
        let later = memory.decide(&ours(), 2, 4, at(31));
        assert_eq!((later.replicas, later.able.0), (4, "ReadyForNewScale"));
    }

    #[test]
    fn a_fall_takes_the_highest_of_five_minutes() {
        let mut memory = Memory::default();
        memory.begin(5, at(0));
        assert_eq!(memory.decide(&ours(), 5, 2, at(299)).replicas, 5);
        let after = memory.decide(&ours(), 5, 2, at(301));
        // The faster of 50 % and one pod: 5 -> 2.
        assert_eq!(after.replicas, 2);
    }

    #[test]
    fn what_was_added_in_the_period_counts() {
        let mut memory = Memory::default();
        memory.scaled(&ours(), 2, 4, at(0));
        let decision = memory.decide(&ours(), 4, 9, at(10));
        assert_eq!(decision.replicas, 4);
        assert_eq!(decision.limited.1, "ScaleUpLimit");
        let decision = memory.decide(&ours(), 4, 9, at(31));
        assert_eq!(decision.replicas, 5);
        assert_eq!(
            decision.limited,
            (true, "TooManyReplicas", decision.limited.2)
        );
    }

    #[test]
    fn disabled_means_never() {
        let mut spec = ours();
        let behavior = spec.behavior.as_mut().expect("has one");
        let down = behavior.scale_down.as_mut().expect("has one");
        down.select_policy = Some("Disabled".to_owned());
        assert_eq!(Memory::default().decide(&spec, 4, 2, at(0)).replicas, 4);
    }

    #[test]
    fn one_pod_can_double() {
        let spec = spec(serde_json::json!({
            "scaleTargetRef": {"kind": "StatefulSet", "name": "x"},
            "minReplicas": 1, "maxReplicas": 5,
            "behavior": {"scaleUp": {"policies": [
                {"type": "Percent", "value": 10, "periodSeconds": 15}]}}
        }));
        assert_eq!(Memory::default().decide(&spec, 1, 3, at(0)).replicas, 2);
    }

    #[test]
    fn the_minimum_holds() {
        let decision = Memory::default().decide(&ours(), 3, 1, at(0));
        assert_eq!(decision.replicas, 2);
        assert_eq!(decision.limited.1, "TooFewReplicas");
    }
}
