//! Amounts in words: the same on every screen and in every finding.

use std::borrow::Borrow;

use humansize::{BINARY, FormatSizeOptions, format_size};

/// Letters by name, and nothing to be seen (Unicode, Default_Ignorable_Code_Point).
const BLANK_LETTERS: [char; 4] = ['\u{115F}', '\u{1160}', '\u{3164}', '\u{FFA0}'];

/// Whether a character moves the cursor, changes the direction of writing or is invisible.
pub fn unsafe_to_print(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Zero-width characters and directional marks (Unicode "Cf" that terminals act on).
            '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// A word as it is typed in bash, zsh or ksh: in quotes when it has to be. What no screen prints is written as its bytes:
/// left out, it would make another name of it. A NUL, which no argument can hold, goes.
///
/// For people who paste it. A plain `sh` does not know `$'...'`.
pub fn shell_word(word: &str) -> String {
    let word = word.replace('\0', "");
    let blank = |c: char| c.is_whitespace() || BLANK_LETTERS.contains(&c);
    let shown = |c: char| c == ' ' || !(unsafe_to_print(c) || blank(c));
    if word.chars().all(shown) {
        return shlex::try_quote(&word).map_or_else(|_| String::new(), Into::into);
    }
    let mut typed = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' => typed.extend(['\\', c]),
            c if shown(c) => typed.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Always three digits: a digit behind them is none of it. Of `\x` some shells read more than two.
                    typed += &format!("\\{byte:03o}");
                }
            }
        }
    }
    typed + "'"
}

/// In UTC, as it can be typed again: to the second, or as exactly as PostgreSQL keeps it.
pub fn moment(time: jiff::Timestamp) -> String {
    let micros = time.subsec_nanosecond() / 1000;
    let seconds = time.strftime("%Y-%m-%d %H:%M:%S");
    match micros {
        0 => format!("{seconds}Z"),
        micros => {
            let fraction = format!("{micros:06}");
            format!("{seconds}.{}Z", fraction.trim_end_matches('0'))
        }
    }
}

/// That several pods are primary: nobody knows which is right.
pub fn several_primaries<S: Borrow<str>>(names: &[S]) -> String {
    format!("several pods accept writes: {}", names.join(", "))
}

/// `1 segment`, `12 segments`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Bytes in binary units, short enough for a column: `0 B`, `16 MiB`, `1.5 GiB`.
pub fn bytes(bytes: u64) -> String {
    let options = FormatSizeOptions::from(BINARY).decimal_places(1);
    // 252.0 GiB is said when it is not exactly 252: the figure is rounded anyway.
    format_size(bytes, options).replacen(".0 ", " ", 1)
}

/// Bytes per second.
pub fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(bytes_per_second.max(0.0) as u64))
}

/// As many whole characters from the start as fit into so many bytes.
pub fn shortened(text: &str, bytes: usize) -> &str {
    let end = text
        .char_indices()
        .map(|(start, c)| start + c.len_utf8())
        .take_while(|end| *end <= bytes)
        .last()
        .unwrap_or(0);
    &text[..end]
}

/// A measured time: `0s`, `12ms`, `3.4s`, `5m12s`, `2h`.
pub fn seconds(seconds: f64) -> String {
    if seconds <= 0.0 {
        "0s".to_owned()
    } else if seconds < 0.001 {
        "<1ms".to_owned()
    } else if seconds < 0.9995 {
        format!("{:.0}ms", seconds * 1000.0)
    } else if seconds < 10.0 {
        format!("{seconds:.1}s")
    } else {
        age(seconds.round() as i64)
    }
}

/// An age as `kubectl` prints it: `45s`, `5m12s`, `23m`, `3h5m`, `12h`, `2d4h`, `12d`, `3y10d`.
/// The thresholds are those of `HumanDuration` in k8s.io/apimachinery/pkg/util/duration.
pub fn age(seconds: i64) -> String {
    let two = |big: i64, big_unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{big}{big_unit}")
        } else {
            format!("{big}{big_unit}{small}{small_unit}")
        }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        _ if hours < 3 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, 'd', hours % 24, 'h'),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

/// `server_version_num` as people say it: `15.18`.
pub fn server_version(number: u32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_it_holds_it_is_one_word() {
        for (name, typed) in [
            ("shop", "shop"),
            ("", "''"),
            ("my shop", "'my shop'"),
            ("$(x)`y`", "'$(x)`y`'"),
            ("Grüße", "'Grüße'"),
            ("5 € … 🐘", "'5 € … 🐘'"),
            ("a\0b", "ab"),
        ] {
            assert_eq!(shell_word(name), typed);
        }
    }

    #[test]
    fn what_no_screen_prints_is_typed_as_its_bytes() {
        for (name, typed) in [
            ("\u{1b}[31mred", r"$'\033[31mred'"),
            ("a\u{202e}b", r"$'a\342\200\256b'"),
            ("it's\\\n", r"$'it\'s\\\012'"),
            // The digit is the name's own.
            ("\u{1}7", r"$'\0017'"),
            ("\0\t", r"$'\011'"),
            ("a\u{a0}b", r"$'a\302\240b'"),
            ("\u{3164}", r"$'\343\205\244'"),
        ] {
            assert_eq!(shell_word(name), typed);
        }
    }

    #[test]
    fn sizes_are_short() {
        let said = [0, 1023, 1024, (16 << 20) + 9, 1_610_612_736, u64::MAX].map(bytes);
        assert_eq!(
            said,
            ["0 B", "1023 B", "1 KiB", "16 MiB", "1.5 GiB", "16 EiB"]
        );
    }

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (312, "5m12s"),
            (1380, "23m"),
            (11_100, "3h5m"),
            (43_200, "12h"),
            (187_200, "2d4h"),
            (1_036_800, "12d"),
            (95_472_000, "3y10d"),
            (315_360_000, "10y"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds} s");
        }
    }

    #[test]
    fn small_times_are_told_apart() {
        let said = [0.0, 0.0002, 0.012, 0.9999, 3.42, 42.4, 312.0].map(seconds);
        assert_eq!(said, ["0s", "<1ms", "12ms", "1.0s", "3.4s", "42s", "5m12s"]);
    }
}
