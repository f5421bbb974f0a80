//! Whether a server would take a value, by what it says of the setting (`vartype`, `unit`, `min_val`, `max_val`,
//! `enumvals`).

use super::alter::list_elements;
use super::facts::Setting;
use super::value::{base, number_end, of_enum, with_unit};
use crate::cluster::nearest;

/// Why a value is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAValue {
    /// In words, which begin with what was given.
    pub why: String,
    /// One that was probably meant.
    pub meant: Option<String>,
}

/// Why a server would not take this value; none when nothing speaks against it, which only the server knows for
/// sure.
pub fn not_a_value(setting: &Setting, value: &str) -> Option<NotAValue> {
    if value.contains('\0') {
        return problem("it has a character zero".to_owned());
    }
    match setting.kind.as_str() {
        "bool" if !is_bool(value) => problem(format!("{value:?} is neither on nor off")),
        "enum" => of_words(setting, value),
        "integer" | "real" => {
            number(setting, value).map_or_else(Some, |it| range(setting, value, it))
        }
        "string" => list(setting, value),
        _ => None,
    }
}

fn problem(why: String) -> Option<NotAValue> {
    Some(NotAValue { why, meant: None })
}

/// As `parse_bool_with_len` in PostgreSQL's bool.c: a beginning that is not ambiguous will do.
fn is_bool(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    begins("true", 1)
        || begins("false", 1)
        || begins("yes", 1)
        || begins("no", 1)
        || begins("on", 2)
        || begins("off", 2)
        || value == "1"
        || value == "0"
}

fn of_words(setting: &Setting, value: &str) -> Option<NotAValue> {
    let word = value.trim().to_lowercase();
    let words = || setting.words.iter().map(String::as_str);
    let known = |word: &str| words().any(|it| it.eq_ignore_ascii_case(word));
    if setting.words.is_empty() || known(&word) || known(of_enum(&word)) {
        return None;
    }
    Some(NotAValue {
        why: format!("{value:?} is none of {}", setting.words.join(", ")),
        meant: nearest(&word, words()).map(str::to_owned),
    })
}

fn list(setting: &Setting, value: &str) -> Option<NotAValue> {
    let name = setting.name.as_str();
    // Of any other setting everything is one.
    list_elements(name, "")?;
    match list_elements(name, value) {
        None => problem(format!(
            "{value:?} is no list: names with commas between them"
        )),
        // It would be a list of one library without a name, with which the server does not start.
        Some(names) if names.is_empty() && name.ends_with("_libraries") => {
            problem("an empty list would be one library without a name".to_owned())
        }
        Some(_) => None,
    }
}

/// A number in the setting's own unit.
fn number(setting: &Setting, value: &str) -> Result<f64, NotAValue> {
    let name = &setting.name;
    let text = value.trim();
    let (digits, suffix) = text.split_at(number_end(text));
    let (digits, suffix) = (digits.trim(), suffix.trim());
    let parsed = match digits.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok().map(f64::from),
        None => digits.parse::<f64>().ok().filter(|it| it.is_finite()),
    };
    let Some(parsed) = parsed else {
        let why = format!("{value:?} is no number");
        return Err(NotAValue { why, meant: None });
    };
    if suffix.is_empty() {
        return Ok(parsed);
    }
    let Some((size, units)) = setting.unit.as_deref().and_then(base) else {
        let why = format!("{value:?}: {name} takes a number without a unit");
        let meant = Some(digits.to_owned());
        return Err(NotAValue { why, meant });
    };
    match units.iter().find(|(unit, _)| *unit == suffix) {
        Some((_, factor)) => Ok(parsed * ratio(*factor, size)),
        None => {
            let names: Vec<&str> = units.iter().rev().map(|(unit, _)| *unit).collect();
            let meant = meant_unit(suffix, &names).map(|unit| format!("{digits}{unit}"));
            let why = format!("{suffix:?} is no unit of {name}: {}", names.join(", "));
            Err(NotAValue { why, meant })
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "units are far below 2^53")]
fn ratio(factor: i128, size: i128) -> f64 {
    factor as f64 / size as f64
}

/// `mb` is MB, `G` is GB, `min` is what `minutes` begins with.
fn meant_unit<'a>(suffix: &str, units: &[&'a str]) -> Option<&'a str> {
    let suffix = suffix.to_lowercase();
    let like = |fits: &dyn Fn(&str) -> bool| {
        let mut units = units.iter().rev();
        units.find(|it| fits(&it.to_lowercase())).copied()
    };
    like(&|unit| unit == suffix)
        .or_else(|| like(&|unit| unit.strip_suffix('b').is_some_and(|it| it == suffix)))
        .or_else(|| like(&|unit| format!("{}ib", unit.trim_end_matches('b')) == suffix))
        .or_else(|| {
            let mut units: Vec<&&str> = units.iter().collect();
            units.sort_by_key(|it| std::cmp::Reverse(it.len()));
            let begins = units
                .into_iter()
                .find(|it| suffix.starts_with(&it.to_lowercase()));
            begins.copied()
        })
}

fn range(setting: &Setting, value: &str, number: f64) -> Option<NotAValue> {
    let unit = setting.unit.as_deref();
    let number = match setting.kind.as_str() {
        "integer" => number.round(),
        _ => number,
    };
    let bound = |it: &Option<String>| it.as_deref().and_then(|it| it.parse::<f64>().ok());
    let in_words = |bound: &Option<String>| with_unit(bound.as_deref().unwrap_or_default(), unit);
    let said = match (unit, value.trim().parse::<f64>()) {
        (Some(unit), Ok(plain)) if plain > 0.0 => {
            format!(
                "{value} without a unit is {}",
                with_unit(value.trim(), Some(unit))
            )
        }
        _ => value.to_owned(),
    };
    if bound(&setting.min).is_some_and(|min| number < min) {
        let why = format!("{said}, and the least is {}", in_words(&setting.min));
        return problem(why);
    }
    if bound(&setting.max).is_some_and(|max| number > max) {
        let why = format!("{said}, and the most is {}", in_words(&setting.max));
        return problem(why);
    }
    None
}

/// How many bytes the value of a setting of memory is; none for what is no amount of bytes, and for what turns it
/// off (-1).
pub fn amount_in_bytes(setting: &Setting, value: &str) -> Option<u64> {
    let (size, units) = base(setting.unit.as_deref()?)?;
    if units.first()?.0 != "TB" {
        return None;
    }
    let number = number(setting, value).ok().filter(|it| *it >= 0.0)?;
    let bytes = number * ratio(size, 1);
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::setting;

    fn of(kind: &str, unit: Option<&str>, min: &str, max: &str) -> Setting {
        Setting {
            kind: kind.to_owned(),
            unit: unit.map(str::to_owned),
            min: Some(min.to_owned()),
            max: Some(max.to_owned()),
            ..setting("it", "1")
        }
    }

    #[test]
    fn what_the_server_takes_is_let_through() {
        let kb = of("integer", Some("kB"), "64", "2147483647");
        let buffers = of("integer", Some("8kB"), "16", "1073741823");
        let ms = of("integer", Some("ms"), "-1", "2147483647");
        let real = of("real", None, "0", "1");
        for (setting, values) in [
            (&kb, &["4MB", "64", "1GB", "0.5 GB", "65536B", "0x100"][..]),
            (&buffers, &["128kB", "16", "8GB"]),
            (&ms, &["-1", "10min", "0", "1.5s", "1d"]),
            (&real, &["0.9", "1", "5e-1"]),
            (&of("bool", None, "", ""), &["on", "OFF", "t", "yes", "0"]),
        ] {
            for value in values {
                assert_eq!(not_a_value(setting, value), None, "{value}");
            }
        }
    }

    #[test]
    fn a_wrong_value_is_told_why_and_what_was_meant() {
        let kb = of("integer", Some("kB"), "64", "2147483647");
        let ms = of("integer", Some("ms"), "0", "1000000");
        let plain = of("integer", None, "1", "262143");
        for (setting, value, why, meant) in [
            (
                &kb,
                "8",
                "8 without a unit is 8kB, and the least is 64kB",
                None,
            ),
            (
                &kb,
                "8mb",
                "\"mb\" is no unit of it: B, kB, MB, GB, TB",
                Some("8MB"),
            ),
            (
                &kb,
                "2G",
                "\"G\" is no unit of it: B, kB, MB, GB, TB",
                Some("2GB"),
            ),
            (
                &kb,
                "2GiB",
                "\"GiB\" is no unit of it: B, kB, MB, GB, TB",
                Some("2GB"),
            ),
            (&kb, "much", "\"much\" is no number", None),
            (
                &ms,
                "5 minutes",
                "\"minutes\" is no unit of it: us, ms, s, min, h, d",
                Some("5min"),
            ),
            (&ms, "1h", "1h, and the most is 1000s", None),
            (
                &plain,
                "4MB",
                "\"4MB\": it takes a number without a unit",
                Some("4"),
            ),
            (&plain, "0", "0, and the least is 1", None),
            (
                &of("bool", None, "", ""),
                "o",
                "\"o\" is neither on nor off",
                None,
            ),
        ] {
            let found = not_a_value(setting, value).expect("it is none");
            assert_eq!(
                (&*found.why, found.meant.as_deref()),
                (why, meant),
                "{value}"
            );
        }
    }

    #[test]
    fn a_word_is_one_of_those_that_there_are() {
        let mut level = of("enum", None, "", "");
        level.words = ["minimal", "replica", "logical"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(not_a_value(&level, "Logical"), None);
        // It stands for another one.
        assert_eq!(not_a_value(&level, "hot_standby"), None);
        let found = not_a_value(&level, "logicl").expect("it is none");
        assert_eq!(found.why, "\"logicl\" is none of minimal, replica, logical");
        assert_eq!(found.meant.as_deref(), Some("logical"));
    }

    #[test]
    fn a_list_of_libraries_is_never_empty() {
        let mut libraries = setting("shared_preload_libraries", "");
        assert!(not_a_value(&libraries, "").is_some());
        assert!(not_a_value(&libraries, "a,,b").is_some());
        assert_eq!(not_a_value(&libraries, "a, b"), None);
        libraries.name = "search_path".to_owned();
        assert_eq!(not_a_value(&libraries, ""), None);
    }

    #[test]
    fn only_memory_is_an_amount_of_bytes() {
        let kb = of("integer", Some("kB"), "64", "2147483647");
        let buffers = of("integer", Some("8kB"), "16", "1073741823");
        let ms = of("integer", Some("ms"), "0", "1000000");
        assert_eq!(amount_in_bytes(&kb, "4MB"), Some(4 << 20));
        assert_eq!(amount_in_bytes(&buffers, "16384"), Some(128 << 20));
        assert_eq!(amount_in_bytes(&kb, "-1"), None);
        assert_eq!(amount_in_bytes(&ms, "4s"), None);
    }
}
