//! The targets of an autoscaler's metrics.

use serde_json::{Value, json};

/// The metrics with another target for a resource; one that is not there yet is added.
pub(super) fn with_target(metrics: &[Value], resource: &str, percent: u32) -> Vec<Value> {
    let target = json!({"type": "Utilization", "averageUtilization": percent});
    let mut metrics = metrics.to_vec();
    let found = metrics.iter_mut().find(|metric| {
        metric["type"] == "Resource" && metric["resource"]["name"].as_str() == Some(resource)
    });
    match found {
        Some(metric) => metric["resource"]["target"] = target,
        None => metrics.push(json!({
            "type": "Resource",
            "resource": {"name": resource, "target": target},
        })),
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_target_changes_and_all_else_stays() {
        let metrics = [
            json!({"type": "Pods", "pods": {"metric": {"name": "cpu"}}}),
            json!({"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "AverageValue", "averageValue": "1"}}}),
        ];
        let changed = with_target(&metrics, "cpu", 60);
        assert_eq!(changed[0], metrics[0]);
        assert_eq!(
            changed[1]["resource"]["target"],
            json!({"type": "Utilization", "averageUtilization": 60})
        );
        let added = with_target(&metrics, "memory", 80);
        assert_eq!(added.len(), 3);
        assert_eq!(added[2]["resource"]["name"], "memory");
    }
}
