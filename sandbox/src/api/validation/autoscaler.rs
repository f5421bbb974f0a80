use serde_json::{Value, json};

use super::mistakes::Mistakes;
use crate::store::text;

pub(super) fn check(object: &Value, found: &mut Mistakes) {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    let (least, most) = (
        number("/spec/minReplicas").unwrap_or(1),
        number("/spec/maxReplicas").unwrap_or(0),
    );
    if least < 1 {
        found.invalid(
            "spec.minReplicas",
            &least.into(),
            "must be greater than or equal to 1",
        );
    }
    if most < 1 {
        found.invalid("spec.maxReplicas", &most.into(), "must be greater than 0");
    }
    if most < least {
        found.invalid(
            "spec.maxReplicas",
            &most.into(),
            "must be greater than or equal to `minReplicas`",
        );
    }
    for field in ["kind", "name"] {
        if text(object, &format!("/spec/scaleTargetRef/{field}")).is_empty() {
            found.required(format!("spec.scaleTargetRef.{field}"), "");
        }
    }
    for (index, metric) in object
        .pointer("/spec/metrics")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let path = format!("spec.metrics[{index}]");
        match text(metric, "/type") {
            "" => found.required(format!("{path}.type"), "must specify a metric source type"),
            "Resource" => {
                if text(metric, "/resource/name").is_empty() {
                    found.required(
                        format!("{path}.resource.name"),
                        "must specify a resource name",
                    );
                }
                let percent = metric
                    .pointer("/resource/target/averageUtilization")
                    .and_then(Value::as_i64);
                if let Some(percent) = percent.filter(|p| *p < 1) {
                    found.invalid(
                        format!("{path}.resource.target.averageUtilization"),
                        &percent.into(),
                        "must be greater than 0",
                    );
                }
            }
            "ContainerResource" | "External" | "Object" | "Pods" => {}
            other => {
                let message = format!(
                    "Unsupported value: \"{other}\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\""
                );
                found.add(format!("{path}.type"), "FieldValueNotSupported", message);
            }
        }
    }
    for side in ["scaleUp", "scaleDown"] {
        let window = number(&format!("/spec/behavior/{side}/stabilizationWindowSeconds"));
        let path = format!("spec.behavior.{side}.stabilizationWindowSeconds");
        if let Some(window) = window.filter(|w| *w < 0) {
            found.invalid(
                path,
                &window.into(),
                "must be greater than or equal to zero",
            );
        } else if let Some(window) = window.filter(|w| *w > 3600) {
            found.invalid(path, &json!(window), "must be less than or equal to 3600");
        }
    }
}
