//! Where in a dump something went wrong, in words that can be shown: no secret is in them.

use super::sql_text::statements;

/// The most of a statement that is repeated.
const LONGEST_STATEMENT: usize = 200;

/// A statement without its passwords: each text after PASSWORD (or in a connection string or an
/// option of a foreign server), and whatever looks like the hash of one.
pub fn without_secrets(statement: &str) -> String {
    let lower = statement.to_ascii_lowercase();
    let tells = [
        "password",
        "connection",
        "user mapping",
        "options",
        "scram-sha-256$",
    ];
    // As `pg_authid` has it: md5 and 32 digits.
    let hash = |word: &str| word.starts_with("'md5") && word.len() > 35;
    let secret = tells.iter().any(|word| lower.contains(word)) || lower.split(' ').any(hash);
    if !secret {
        return statement.to_owned();
    }
    let Some(parsed) = statements(statement).into_iter().next() else {
        return String::new();
    };
    // A text that is not closed runs to the end, and goes as a whole.
    let mut text = String::new();
    let mut copied = 0;
    for word in parsed.words.iter().filter(|word| word.kind.is_text()) {
        text += &parsed.text[copied..word.at.start];
        text += "'***'";
        copied = word.at.end;
    }
    text + &parsed.text[copied..]
}

/// The table whose rows could not be loaded: of that `pg_restore` names no entry.
pub fn table_of_rows(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("COPY failed for table \"")?;
    rest.split_once("\": ").map(|(table, _)| table)
}

/// What `pg_restore` said about its first error: the entry of the table of contents, what was
/// wrong, and the statement.
pub(super) fn place_in_dump(said: &[String]) -> Option<String> {
    const ENTRY: &str = "from TOC entry ";
    const ERROR: &str = "pg_restore: error: ";
    let error = said.iter().position(|line| line.contains(ERROR))?;
    let after = |line: &str, mark: &str| line.split_once(mark).map(|(_, rest)| rest.to_owned());
    let entry = said[..error]
        .iter()
        .rev()
        .find_map(|line| after(line, ENTRY));
    let what = after(&said[error], ERROR)?;
    let what = what
        .trim_start_matches("could not execute query: ")
        .replace("ERROR:  ", "");
    let mut text = match entry {
        // "215; 1259 16395 TABLE public items owner"
        Some(entry) => format!("TOC entry {entry}: {what}"),
        None => what,
    };
    // "CONTEXT:  COPY items, line 3, column n: ...": the line, and nothing of what is in it.
    let line = said[error..].iter().find_map(|line| {
        let (_, place) = line.split_once("CONTEXT:  COPY ")?;
        place.split(", ").find(|part| part.starts_with("line "))
    });
    if let Some(line) = line {
        let line = line.split(':').next().unwrap_or_default();
        text += &format!(" ({line} of its rows)");
    }
    let command = said[error..]
        .iter()
        .position(|line| line.contains("Command was: "))
        .map(|at| {
            let first = after(&said[error + at], "Command was: ").unwrap_or_default();
            let rest = said[error + at + 1..]
                .iter()
                .take_while(|line| !line.starts_with("pg_restore: "));
            std::iter::once(first)
                .chain(rest.cloned())
                .collect::<Vec<String>>()
                .join(" ")
        });
    if let Some(command) = command {
        let shown = without_secrets(command.trim());
        let cut = crate::cluster::words::shortened(&shown, LONGEST_STATEMENT);
        text += &format!(" (statement: {cut})");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_entry_and_the_statement_are_named() {
        let said = lines(
            "pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 215; 1259 16395 TABLE items app
pg_restore: error: could not execute query: ERROR:  type \"geometry\" does not exist
LINE 3:     g geometry
Command was: CREATE TABLE public.items (
    n integer,
    g geometry
);",
        );
        assert_eq!(
            place_in_dump(&said).as_deref(),
            Some(
                "TOC entry 215; 1259 16395 TABLE items app: type \"geometry\" does not exist (statement: CREATE TABLE public.items (     n integer,     g geometry );)"
            )
        );
    }

    #[test]
    fn rows_are_named_by_their_line_and_not_shown() {
        let said = lines(
            "pg_restore: error: COPY failed for table \"sale\": ERROR:  relation \"item\" does not exist
CONTEXT:  SQL function \"known\" during inlining
CONTEXT:  COPY sale, line 17: \"secret\"",
        );
        let told = place_in_dump(&said).expect("an error");
        assert_eq!(
            told,
            "COPY failed for table \"sale\": relation \"item\" does not exist (line 17 of its rows)"
        );
        assert_eq!(table_of_rows(&told), Some("sale"));
    }

    #[test]
    fn no_password_is_repeated() {
        for statement in [
            "ALTER ROLE a WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:salt$key:key' VALID UNTIL 'x'",
            "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'geheim')",
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=geheim' PUBLICATION p",
            "ALTER ROLE a WITH PASSWORD 'geheim, and never closed",
        ] {
            let shown = without_secrets(statement);
            for secret in ["geheim", "SCRAM", "salt"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(shown.contains("***"), "{shown}");
        }
        assert_eq!(
            without_secrets("CREATE TABLE a (b text DEFAULT 'x')"),
            "CREATE TABLE a (b text DEFAULT 'x')"
        );
    }
}
