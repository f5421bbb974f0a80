//! SQL text: its end is a comment that `pg_dumpall` writes when everything went well.

use std::io::Read;

use super::error::ContentError;

/// `pg_dumpall` ends with this line (`main()` in `src/bin/pg_dump/pg_dumpall.c`).
const MARKER: &str = "-- PostgreSQL database cluster dump complete";

/// How much of the end is looked at: more than the marker and what may follow it.
const TAIL: usize = 1024;

/// Reads SQL of `pg_dumpall` to its end marker.
///
/// # Errors
/// When the marker is not its end.
pub(super) fn check_globals(mut input: impl Read) -> Result<(), ContentError> {
    let mut tail: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&tail);
    let mut lines = text.split_inclusive('\n').rev();
    // After it come an empty comment, an empty line and, since August 2025 (CVE-2025-8714),
    // \unrestrict with a random key.
    let closing = |line: &str| {
        let line = line.trim_end();
        line.is_empty()
            || line == "--"
            || line.starts_with("\\unrestrict ")
            || line.starts_with("-- Completed on ")
    };
    let last = lines.find(|line| !closing(line));
    let ended = text.ends_with('\n') && last.is_some_and(|line| line.trim_end() == MARKER);
    ended.then_some(()).ok_or_else(|| {
        ContentError::broken(format!(
            "it does not end in {MARKER:?}: the dump was cut short"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE a;\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";

    #[test]
    fn a_whole_dump_passes() {
        assert!(check_globals(DUMP.as_bytes()).is_ok());
        let restricted = format!("{DUMP}\\unrestrict abc\n\n");
        assert!(check_globals(restricted.as_bytes()).is_ok());
    }

    #[test]
    fn a_cut_one_does_not() {
        let marker_ends = DUMP.find(MARKER).expect("it is there") + MARKER.len();
        for cut in 0..=marker_ends {
            assert!(
                check_globals(&DUMP.as_bytes()[..cut]).is_err(),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn the_marker_in_the_middle_is_not_the_end() {
        let text = format!("{DUMP}CREATE ROLE b;\n");
        assert!(check_globals(text.as_bytes()).is_err());
    }
}
