//! What several kinds' cells have in common.

use serde_json::{Value, json};

use crate::store::text;

pub(super) fn name(object: &Value) -> Value {
    at(object, "/metadata/name")
}

pub(super) fn age(object: &Value) -> Value {
    json!(since(text(object, "/metadata/creationTimestamp")))
}

pub(super) fn at(object: &Value, pointer: &str) -> Value {
    json!(text(object, pointer))
}

pub(super) fn or(value: Value, fallback: &str) -> Value {
    if value == "" { json!(fallback) } else { value }
}

pub(super) fn count(object: &Value, pointer: &str) -> usize {
    match object.pointer(pointer) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    }
}

pub(super) fn list<'a>(
    object: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

pub(super) fn joined(object: &Value, pointer: &str, field: &str) -> Value {
    let all: Vec<_> = list(object, pointer)
        .map(|v| text(v, &format!("/{field}")))
        .collect();
    json!(all.join(","))
}

pub(super) fn labels(map: Option<&Value>) -> Value {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    json!(if pairs.is_empty() {
        "<none>".to_owned()
    } else {
        pairs.join(",")
    })
}

pub(super) fn int_or_text(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => json!("N/A"),
        Some(Value::String(s)) => json!(s),
        Some(other) => json!(other.to_string()),
    }
}

/// Time from then until now, as kubectl writes it.
pub(super) fn since(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(then) => human((jiff::Timestamp::now().as_second() - then.as_second()).max(0)),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// `duration.HumanDuration` of apimachinery: at most two units, coarser with age.
pub(super) fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |a: i64, x: &str, b: i64, y: &str| {
        if b == 0 {
            format!("{a}{x}")
        } else {
            format!("{a}{x}{b}{y}")
        }
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

pub(super) fn service_ports(object: &Value) -> Value {
    let ports: Vec<String> = list(object, "/spec/ports")
        .map(|p| {
            let number = |f: &str| p.get(f).and_then(Value::as_i64).unwrap_or(0);
            let node = if number("nodePort") > 0 {
                format!(":{}", number("nodePort"))
            } else {
                String::new()
            };
            format!("{}{node}/{}", number("port"), text(p, "/protocol"))
        })
        .collect();
    json!(if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    })
}

/// At most three, then how many more.
fn three(all: &[String]) -> Value {
    match all {
        [] => json!("<none>"),
        [a, b, c, rest @ ..] if !rest.is_empty() => {
            json!(format!("{a},{b},{c} + {} more...", rest.len()))
        }
        few => json!(few.join(",")),
    }
}

pub(super) fn endpoints(object: &Value) -> Value {
    let mut all = Vec::new();
    for subset in list(object, "/subsets") {
        let addresses: Vec<_> = list(subset, "/addresses").map(|a| text(a, "/ip")).collect();
        let ports: Vec<i64> = list(subset, "/ports")
            .filter_map(|p| p.get("port").and_then(Value::as_i64))
            .collect();
        if ports.is_empty() {
            all.extend(addresses.iter().map(|a| (*a).to_owned()));
        }
        for port in ports {
            all.extend(addresses.iter().map(|a| format!("{a}:{port}")));
        }
    }
    three(&all)
}

pub(super) fn slice_ports(object: &Value) -> Value {
    let ports: Vec<String> = list(object, "/ports")
        .map(|p| {
            p.get("port")
                .map_or_else(|| "*".to_owned(), ToString::to_string)
        })
        .collect();
    if ports.is_empty() {
        json!("<unset>")
    } else {
        three(&ports)
    }
}

pub(super) fn slice_endpoints(object: &Value) -> Value {
    let all: Vec<String> = list(object, "/endpoints")
        .flat_map(|e| list(e, "/addresses"))
        .map(|a| a.as_str().unwrap_or_default().to_owned())
        .collect();
    if all.is_empty() {
        json!("<unset>")
    } else {
        three(&all)
    }
}

pub(super) fn modes(value: Option<&Value>) -> Value {
    let short = |mode: &Value| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        _ => "?",
    };
    let all: Vec<_> = value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(short)
        .collect();
    json!(all.join(","))
}

/// The first of these times that an event has.
fn first_time<'a>(object: &'a Value, pointers: &[&str]) -> &'a str {
    pointers
        .iter()
        .map(|p| text(object, p))
        .find(|t| !t.is_empty())
        .unwrap_or_default()
}

pub(super) fn event_last(object: &Value) -> Value {
    let pointers = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/firstTimestamp",
    ];
    json!(since(first_time(object, &pointers)))
}

pub(super) fn event_first(object: &Value) -> Value {
    json!(since(first_time(
        object,
        &["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]
    )))
}

pub(super) fn event_count(object: &Value) -> Value {
    let number = |p: &str| object.pointer(p).and_then(Value::as_i64);
    json!(
        number("/series/count")
            .or(number("/count"))
            .or(number("/deprecatedCount"))
            .unwrap_or(1)
            .to_string()
    )
}

pub(super) fn event_object(object: &Value) -> Value {
    let field = |f: &str| {
        let core = text(object, &format!("/involvedObject/{f}"));
        if core.is_empty() {
            text(object, &format!("/regarding/{f}")).to_owned()
        } else {
            core.to_owned()
        }
    };
    json!(format!(
        "{}/{}",
        field("kind").to_lowercase(),
        field("name")
    ))
}

pub(super) fn event_source(object: &Value) -> Value {
    let component = first_time(
        object,
        &[
            "/source/component",
            "/reportingComponent",
            "/reportingController",
        ],
    );
    let host = text(object, "/source/host");
    json!(if host.is_empty() {
        component.to_owned()
    } else {
        format!("{component}, {host}")
    })
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn ages_read_as_in_kubectl() {
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (600, "10m"),
            (10_800, "3h"),
            (11_100, "3h5m"),
            (28_800, "8h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (252_288_000, "8y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text, "{seconds} seconds");
        }
    }
}
