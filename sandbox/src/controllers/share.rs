//! A number, or a percentage of a total.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The number, or the share of the total, rounded up or down
/// (`GetScaledValueFromIntOrPercent` of apimachinery).
pub(super) fn scaled(value: &IntOrString, total: i32, round_up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|p| p.parse::<i32>().ok());
            let hundredths = total * percent.unwrap_or(0);
            (hundredths + if round_up { 99 } else { 0 }) / 100
        }
    }
}
