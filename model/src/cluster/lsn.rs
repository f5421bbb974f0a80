//! Positions in the write-ahead log.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A log sequence number: a byte position in the write-ahead log.
///
/// Printed and serialised as PostgreSQL does, two hexadecimal halves (`0/3000060`); see
/// PostgreSQL documentation, section 8.20 "`pg_lsn` Type".
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Lsn(u64);

impl Lsn {
    /// The position that PostgreSQL uses for "nothing yet" (`0/0`).
    pub const ZERO: Self = Self(0);

    /// Makes a position from its byte offset.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The byte offset of this position.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Bytes of WAL from `earlier` up to here; 0 when `earlier` is further on.
    pub const fn bytes_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not a log sequence number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a log sequence number such as 0/3000060")]
pub struct ParseLsnError(String);

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let half = |digits: &str| -> Option<u64> {
            // from_str_radix would also take a sign, which no LSN has.
            let hexadecimal = (1..=8).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            hexadecimal.then(|| u64::from_str_radix(digits, 16).ok())?
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Self((half(high)? << 32) | half(low)?)))
            .ok_or_else(|| ParseLsnError(text.to_owned()))
    }
}

impl TryFrom<String> for Lsn {
    type Error = ParseLsnError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> Self {
        lsn.to_string()
    }
}

/// A timeline: it grows by at least one with every promotion (PostgreSQL documentation, section
/// 26.3.6 "Timelines").
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Timeline(pub u32);

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_postgresql_prints() {
        assert_eq!("0/3000060".parse(), Ok(Lsn::new(0x300_0060)));
        assert_eq!("16/B374D848".parse(), Ok(Lsn::new(0x16_B374_D848)));
        assert_eq!(Lsn::new(0x16_B374_D848).to_string(), "16/B374D848");
    }

    #[test]
    fn refuses_anything_else() {
        for text in [
            "",
            "/",
            "0/",
            "/0",
            "0",
            "g/0",
            "-1/0",
            "+1/0",
            "0/123456789",
            "0/0/0",
            " 0/0",
        ] {
            assert!(
                text.parse::<Lsn>().is_err(),
                "{text:?} was taken for an LSN"
            );
        }
    }

    #[test]
    fn distance_never_underflows() {
        assert_eq!(Lsn::new(5).bytes_since(Lsn::new(9)), 0);
        assert_eq!(Lsn::new(9).bytes_since(Lsn::new(5)), 4);
    }

    proptest! {
        #[test]
        fn text_and_position_are_the_same_thing(bytes: u64) {
            let lsn = Lsn::new(bytes);
            prop_assert_eq!(lsn.to_string().parse(), Ok(lsn));
        }
    }
}
