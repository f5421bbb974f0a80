//! The statement: what was typed, or what comes on standard input.

use std::io::Read as _;

use crate::exit::ExitCode;
use crate::failure::Failure;

/// A longer statement is none.
const LONGEST: u64 = 1 << 20;

/// Takes `-` for standard input.
///
/// # Errors
/// When it can't be read, is no text, or is too long: half a statement is another statement.
pub(super) async fn statement(given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let reading = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        let read = std::io::stdin().take(LONGEST + 1).read_to_string(&mut text);
        read.map(|_| text)
    });
    let read = reading.await.map_err(std::io::Error::other);
    let text = read.and_then(|it| it).map_err(|error| {
        Failure::new(
            ExitCode::Usage,
            "no statement can be read from standard input",
        )
        .caused_by(&error)
        .next("pgctl query 'select 1'")
    })?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(Failure::new(
            ExitCode::Usage,
            "what comes on standard input is longer than 1 MiB: that is no statement",
        )
        .next("pgctl psql -- -f FILE"));
    }
    Ok(text)
}
