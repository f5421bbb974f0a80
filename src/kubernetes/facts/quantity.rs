//! Quantities of Kubernetes: bytes (`10Gi`, `1500M`, `1e9`), and processors (`1.5`, `500m`).

/// Bytes of a quantity, rounded to whole ones; none when it is no positive quantity.
pub(crate) fn bytes(quantity: &str) -> Option<u64> {
    // 2^53 bytes are 9 petabytes: above that the last bytes don't matter.
    amount(quantity).map(|it| it.round() as u64)
}

/// Cores of a quantity of processors; none when it is none.
pub(crate) fn cores(quantity: &str) -> Option<f64> {
    amount(quantity)
}

/// Whether two quantities are the same, however they are written: to thousandths, which is the least
/// that there is of a processor.
pub(crate) fn same_amount(one: &str, other: &str) -> bool {
    let thousandths = |quantity| amount(quantity).map(|it| (it * 1000.0).round());
    let one = thousandths(one);
    one.is_some() && one == thousandths(other)
}

/// The number that a quantity is; none when it is not one, or negative.
///
/// Suffixes: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
fn amount(quantity: &str) -> Option<f64> {
    let split = quantity
        .find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))
        .or_else(|| quantity.strip_suffix('E').map(str::len))
        .unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at(split);
    // "2Ei" was split before the i.
    let (number, suffix) = match (number.strip_suffix('E'), suffix) {
        (Some(number), "i") => (number, "Ei"),
        _ => (number, suffix),
    };
    let factor: f64 = match suffix {
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Pi" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Ei" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * factor;
    (value.is_finite() && value >= 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_spellings() {
        for (text, expected) in [
            ("10Gi", Some(10 << 30)),
            ("512Mi", Some(512 << 20)),
            ("1Ki", Some(1024)),
            ("2Ei", Some(2 << 60)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("1500M", Some(1_500_000_000)),
            ("1e9", Some(1_000_000_000)),
            ("1E9", Some(1_000_000_000)),
            ("1.5Gi", Some(3 << 29)),
            ("1024", Some(1024)),
            ("2000m", Some(2)),
            ("", None),
            ("Gi", None),
            ("-1Gi", None),
            ("1Qi", None),
            ("NaN", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn the_same_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("0.1", "100m"),
            ("1", "1000m"),
            ("2Gi", "2048Mi"),
            ("1e3", "1k"),
        ] {
            assert!(same_amount(one, other), "{one} and {other}");
            assert!(same_amount(other, one), "{other} and {one}");
        }
        for (one, other) in [
            ("0.5", "501m"),
            ("1", "1m"),
            ("1Gi", "1G"),
            ("x", "x"),
            ("-1", "-1"),
        ] {
            assert!(!same_amount(one, other), "{one} and {other}");
        }
    }
}
