//! Values with their units: as they are shown, and as they are compared.

use super::facts::Setting;

/// Units of memory in bytes, as PostgreSQL spells them, the largest first.
const MEMORY: [(&str, i128); 5] = [
    ("TB", 1 << 40),
    ("GB", 1 << 30),
    ("MB", 1 << 20),
    ("kB", 1 << 10),
    ("B", 1),
];

/// Units of time in microseconds.
const TIME: [(&str, i128); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// What so much of a base unit (`8kB`, `ms`) is, in the smallest unit of its kind; with the units of that kind.
pub(super) fn base(unit: &str) -> Option<(i128, &'static [(&'static str, i128)])> {
    let digits = unit.find(|c: char| !c.is_ascii_digit())?;
    let (factor, unit) = unit.split_at(digits);
    let factor: i128 = match factor {
        "" => 1,
        factor => factor.parse().ok()?,
    };
    [&MEMORY[..], &TIME[..]].into_iter().find_map(|units| {
        let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
        Some((size * factor, units))
    })
}

/// A value of `pg_settings` with its unit as `SHOW` says it: 16384 of `8kB` is `128MB`. What turns something off (-1, 0)
/// stays a number.
pub fn with_unit(value: &str, unit: Option<&str>) -> String {
    let number = value.parse::<i128>().ok().filter(|it| *it > 0);
    let base = unit.and_then(base);
    let (Some(number), Some((size, units))) = (number, base) else {
        let unit = unit.filter(|_| value.parse::<f64>().is_ok_and(|it| it > 0.0));
        return format!("{value}{}", unit.unwrap_or_default());
    };
    let all = number * size;
    let largest = units.iter().find(|(_, unit)| all % unit == 0);
    largest.map_or_else(
        || value.to_owned(),
        |(name, unit)| format!("{}{name}", all / unit),
    )
}

/// A value in the one form in which it can be compared: `on`, `true` and `yes` are the same, and so are `1GB` and
/// `1024MB`. `kind` is `vartype`, `unit` that of the setting.
fn canonical(value: &str, kind: &str, unit: Option<&str>) -> String {
    let value = value.trim();
    match kind {
        "bool" => match value.to_lowercase().as_str() {
            "on" | "true" | "yes" | "1" | "t" | "y" => "on".to_owned(),
            "off" | "false" | "no" | "0" | "f" | "n" | "of" => "off".to_owned(),
            other => other.to_owned(),
        },
        "enum" => of_enum(&value.to_lowercase()).to_owned(),
        "integer" | "real" => amount(value, unit).unwrap_or_else(|| value.to_owned()),
        _ => value.to_owned(),
    }
}

/// What the server shows for a word of an enumeration that stands for another one (`config_enum_entry` in PostgreSQL's
/// guc_tables.c, those that are hidden).
pub(super) fn of_enum(word: &str) -> &str {
    match word {
        "true" | "yes" | "1" => "on",
        "false" | "no" | "0" => "off",
        // Levels of messages.
        "debug" => "debug2",
        // wal_level.
        "archive" | "hot_standby" => "replica",
        other => other,
    }
}

/// Whether two values of a setting mean the same, as they are written in files or shown.
pub fn same_value(setting: &Setting, one: &str, other: &str) -> bool {
    let unit = setting.unit.as_deref();
    let form = |value| {
        let value = canonical(value, &setting.kind, unit);
        // `on` is a method by itself, and shown as that; before PostgreSQL 15 the setting was no enumeration.
        match (&*setting.name, &*setting.kind, &*value) {
            ("wal_compression", "enum", "on") => "pglz".to_owned(),
            _ => value,
        }
    };
    form(one) == form(other)
}

/// A number in the smallest unit of its kind.
#[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
fn amount(value: &str, unit: Option<&str>) -> Option<String> {
    let (size, units) = unit
        .and_then(base)
        .map_or((1, &[][..]), |(size, units)| (size, units));
    let (number, suffix) = value.split_at(number_end(value));
    let number = number.trim();
    let number: f64 = match number.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()? as f64,
        None => number.parse().ok()?,
    };
    let factor = match suffix.trim() {
        "" => size,
        suffix => units.iter().find(|(name, _)| *name == suffix)?.1,
    };
    // Below 0 it turns something off, and has no unit.
    let all = if number < 0.0 {
        number
    } else {
        number * factor as f64
    };
    Some(format!("{all}"))
}

/// Where the number of a value ends, and its unit begins. Of a hexadecimal number letters are digits.
pub(super) fn number_end(value: &str) -> usize {
    let end = match value.strip_prefix("0x") {
        Some(hex) => hex.find(|c: char| !c.is_ascii_hexdigit()).map(|at| at + 2),
        None => value.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E'),
    };
    end.unwrap_or(value.len())
}

/// A value as it is written in a file (`4MB`) as a number of the setting's unit, which is what `pg_settings` has.
pub fn in_unit(value: &str, kind: &str, unit: Option<&str>) -> String {
    let size = unit.and_then(base).map(|(size, _)| size);
    let (Some(size), "integer") = (size, kind) else {
        return value.to_owned();
    };
    let number = amount(value, unit).and_then(|it| it.parse::<f64>().ok());
    match number {
        Some(number) if number >= 0.0 => {
            let size = i32::try_from(size).map_or(1.0, f64::from);
            format!("{}", (number / size).round())
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_postgresql_shows_it() {
        for (value, unit, shown) in [
            ("16384", Some("8kB"), "128MB"),
            ("65536", Some("8kB"), "512MB"),
            ("1024", Some("MB"), "1GB"),
            ("300", Some("s"), "5min"),
            ("250", Some("ms"), "250ms"),
            ("-1", Some("kB"), "-1"),
            ("0", Some("ms"), "0"),
            ("0.5", Some("ms"), "0.5ms"),
            ("200", None, "200"),
            ("on", None, "on"),
        ] {
            assert_eq!(with_unit(value, unit), shown, "{value} {unit:?}");
        }
    }

    #[test]
    fn the_same_is_the_same_however_it_is_written() {
        for (kind, unit, a, b) in [
            ("integer", Some("8kB"), "512MB", "65536"),
            ("integer", Some("MB"), "1GB", "1024MB"),
            ("integer", Some("s"), "5min", "300"),
            ("integer", Some("ms"), "10min", "600000"),
            ("integer", Some("ms"), "10 min", "600s"),
            ("integer", None, "0x10", "16"),
            ("integer", None, "0xff", "255"),
            ("integer", None, "0xC0DE", "49374"),
            ("integer", Some("8kB"), "0xffkB", "255kB"),
            ("real", None, "0.90", "0.9"),
            ("real", None, "1e1", "10"),
            ("bool", None, "YES", "on"),
            ("enum", None, "Replica", "replica"),
            ("enum", None, "hot_standby", "replica"),
            ("enum", None, "TRUE", "on"),
            ("enum", None, "debug", "debug2"),
        ] {
            assert_eq!(
                canonical(a, kind, unit),
                canonical(b, kind, unit),
                "{a} {b}"
            );
        }
        for (kind, unit, a, b) in [
            ("integer", Some("8kB"), "512MB", "512kB"),
            ("integer", Some("kB"), "-1", "1"),
            ("string", None, "A", "a"),
            ("integer", Some("ms"), "10 parsecs", "10"),
        ] {
            assert_ne!(
                canonical(a, kind, unit),
                canonical(b, kind, unit),
                "{a} {b}"
            );
        }
    }
}
