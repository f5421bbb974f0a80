//! Numbers that come as text: as such where JSON keeps all their digits.

use serde_json::Value;

/// A number of which no digit is lost; none when it would be, or when it is no number of JSON (NaN).
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>()
        && whole.to_string() == text
    {
        return Some(Value::from(whole));
    }
    if let Ok(whole) = text.parse::<u64>()
        && whole.to_string() == text
    {
        return Some(Value::from(whole));
    }
    // Nothing of PostgreSQL's has a plus before it.
    if text.starts_with('+') {
        return None;
    }
    let double: f64 = text.parse().ok().filter(|it: &f64| it.is_finite())?;
    let value = Value::from(double);
    // The digits that are printed have to be those that came.
    (Decimal::of(text)? == Decimal::of(&value.to_string())?).then_some(value)
}

/// The same JSON, with a string in place of each number that would lose digits.
pub(super) fn with_exact_numbers(json: &str) -> String {
    let mut exact = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => {
                let ends = |c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9');
                rest.find(ends).unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let is_number = matches!(first, '-' | '0'..='9');
        if is_number && number(token).is_none() {
            exact.extend(["\"", token, "\""]);
        } else {
            exact.push_str(token);
        }
        rest = after;
    }
    exact
}

/// How long the string is that a text begins with, its quotes among it.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The value of a decimal number, however it is written.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros at either end.
    digits: String,
    /// Of the power of ten that the digits, with a point before the first, are multiplied by.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let begun = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - begun.len()).ok()?;
        let before_point = i64::try_from(whole.len()).ok()?;
        let digits = begun.trim_end_matches('0').to_owned();
        let exponent = match digits.is_empty() {
            true => 0,
            false => exponent.checked_add(before_point - zeros)?,
        };
        Some(Self {
            negative,
            digits,
            exponent,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_keeps_all_its_digits_or_is_none() {
        for (text, kept) in [
            ("4711", Some(json!(4711))),
            ("-4711", Some(json!(-4711))),
            ("0", Some(json!(0))),
            ("18446744073709551615", Some(json!(u64::MAX))),
            ("18446744073709551616", None),
            // 16 and 17 digits: with a point it depends.
            ("9007199254740993", Some(json!(9_007_199_254_740_993_i64))),
            ("90071992547409.31", Some(json!(90_071_992_547_409.31))),
            ("9007199254740993.5", None),
            ("1764494216.123456", Some(json!(1_764_494_216.123_456))),
            ("0.30000000000000004", Some(json!(0.1 + 0.2))),
            ("0.12345678901234567", None),
            ("0.12345678901234568123", None),
            ("12.50", Some(json!(12.5))),
            ("1e+25", Some(json!(1e25))),
            ("1e-400", None),
            ("1e400", None),
            ("NaN", None),
            ("Infinity", None),
            ("-0", Some(json!(-0.0))),
            ("", None),
            ("+1", None),
            ("1.2.3", None),
        ] {
            assert_eq!(number(text), kept, "{text}");
        }
    }

    #[test]
    fn within_json_only_numbers_are_looked_at() {
        for (json, exact) in [
            (
                r#"{"9007199254740993.5": [9007199254740993.5, 1.0, "a\\"]}"#,
                r#"{"9007199254740993.5": ["9007199254740993.5", 1.0, "a\\"]}"#,
            ),
            (
                r#"["\" 1e999 ", 1e999, true, null]"#,
                r#"["\" 1e999 ", "1e999", true, null]"#,
            ),
            ("123456789012345678901", "\"123456789012345678901\""),
            ("\"ends", "\"ends"),
        ] {
            assert_eq!(with_exact_numbers(json), exact);
        }
    }

    proptest! {
        #[test]
        fn a_double_is_always_a_number(double in any::<f64>().prop_filter("finite", |it| it.is_finite())) {
            // As PostgreSQL writes it (Ryu). Of two that are as short and as near, the standard library may take the other.
            let text = Value::from(double).to_string();
            let read = number(&text).and_then(|it| it.as_f64());
            prop_assert_eq!(read, Some(double));
        }
    }
}
