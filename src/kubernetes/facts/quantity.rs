//! Quantities of Kubernetes (`10Gi`, `1500M`, `1e9`) in bytes.

/// Bytes of a quantity; none when it is not one, or not a whole positive number of bytes.
///
/// Suffixes: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
pub(crate) fn bytes(quantity: &str) -> Option<u64> {
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
    // 2^53 bytes are 9 petabytes: above that the last bytes don't matter.
    (value.is_finite() && value >= 0.0).then_some(value.round() as u64)
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
}
