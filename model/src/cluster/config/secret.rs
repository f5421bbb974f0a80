//! What may hold a secret is never shown.

/// What is in the name of a setting whose value is a secret, or holds one.
const NAMES: [&str; 9] = [
    "conninfo",
    "passphrase",
    "password",
    "passwd",
    "secret",
    "token",
    "salt",
    "api_key",
    "apikey",
];

/// What is in the name of such a setting beside these, when it is none of PostgreSQL's (`app.jwt_key`).
const CUSTOM_NAMES: [&str; 5] = ["credential", "dsn", "key", "pass", "pwd"];

/// What is not of their kind, though it is called like that.
const PLAIN: [&str; 1] = ["password_encryption"];

/// What is in the name of a word of a command line whose value is a secret.
const WORDS: [&str; 6] = ["password", "passwd", "pwd", "secret", "token", "key"];

/// A value as it may be shown: of a setting that holds a secret nothing, of a command what is no secret.
pub fn shown_value(name: &str, value: &str) -> String {
    let name = name.to_lowercase();
    if value.is_empty() || PLAIN.contains(&name.as_str()) {
        return value.to_owned();
    }
    let is_custom = name.contains('.');
    let custom = CUSTOM_NAMES.iter().filter(|_| is_custom);
    if NAMES.iter().chain(custom).any(|part| name.contains(part)) {
        return "(not shown: it may hold a secret)".to_owned();
    }
    if name.ends_with("_command") || name.ends_with("_cmd") || is_custom {
        return without_secrets(value);
    }
    value.to_owned()
}

/// A command line, with `***` for what follows `password=`, `--token `, `SECRET_KEY=` and the like, and for the
/// user's part of an address. White space stays as it is.
fn without_secrets(command: &str) -> String {
    let mut shown = String::new();
    let mut quotes = OpenQuotes::default();
    // The next word is the value of a flag.
    let mut value_follows = false;
    // A value is left away until no more quotes than so many are open.
    let mut hidden_until: Option<usize> = None;
    for piece in command.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let space = &piece[word.len()..];
        if let Some(depth) = hidden_until {
            quotes.read(word);
            if quotes.count() <= depth {
                hidden_until = None;
                shown.push_str(space);
            }
            continue;
        }
        if word.is_empty() {
            shown.push_str(space);
            continue;
        }
        let lower = word.to_lowercase();
        let secret = WORDS.iter().any(|part| lower.contains(part));
        let outside = quotes.count();
        let hidden = match (word.split_once('='), word.split_once("://")) {
            _ if value_follows => Some(("", word)),
            (Some((name, value)), _) if secret => Some((&word[..=name.len()], value)),
            (_, Some((scheme, rest))) if rest.contains('@') => {
                let place = rest.rsplit_once('@').map_or("", |(_, place)| place);
                shown.extend([scheme, "://***@", place]);
                quotes.read(word);
                None
            }
            _ => {
                shown.push_str(word);
                quotes.read(word);
                None
            }
        };
        value_follows = secret && word.trim_start_matches(QUOTES).starts_with('-');
        value_follows &= !word.contains('=');
        if let Some((before, value)) = hidden {
            shown.push_str(before);
            shown.push_str("***");
            quotes.read(before);
            let depth = outside.min(quotes.count());
            let depth = quotes.begin(value).unwrap_or(depth);
            quotes.read(value);
            if quotes.count() > depth {
                hidden_until = Some(depth);
                continue;
            }
        }
        shown.push_str(space);
    }
    shown
}

const QUOTES: [char; 2] = ['\'', '"'];

/// The quotes that are open at a place of a command line, each with whether a backslash stands before it: those
/// belong to a command line within the command line.
#[derive(Default)]
struct OpenQuotes(Vec<(bool, char)>);

impl OpenQuotes {
    fn count(&self) -> usize {
        self.0.len()
    }

    /// A value begins. A quote at its beginning opens one, whatever was thought to be open: how many are
    /// open apart from it.
    fn begin(&mut self, value: &str) -> Option<usize> {
        let escaped = value.starts_with('\\');
        let first = value.trim_start_matches('\\').chars().next()?;
        if !QUOTES.contains(&first) {
            return None;
        }
        self.0.retain(|it| *it != (escaped, first));
        Some(self.count())
    }

    /// Goes on to the end of a word: a quote closes its like, with all that was opened in between, or opens.
    fn read(&mut self, word: &str) {
        let mut escaped = false;
        for c in word.chars() {
            if QUOTES.contains(&c) {
                let quote = (escaped, c);
                match self.0.iter().position(|it| *it == quote) {
                    Some(at) => self.0.truncate(at),
                    None => self.0.push(quote),
                }
            }
            escaped = c == '\\' && !escaped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_secret_is_shown() {
        for (name, value) in [
            ("primary_conninfo", "host=a password=hunter2"),
            ("ssl_passphrase_command", "echo hunter2"),
            ("archive_command", "AWS_SECRET_ACCESS_KEY=hunter2 push %p"),
            ("archive_command", "push --password hunter2 %p"),
            ("archive_command", "push --token=hunter2 %p"),
            ("restore_command", "curl https://me:hunter2@store/%f -o %p"),
            ("my.api_key", "hunter2"),
            ("app.encryption_key", "hunter2"),
            ("app.private_key", "hunter2"),
            ("app.jwt_key", "hunter2"),
            ("app.PWD", "hunter2"),
            ("app.pass", "hunter2"),
            ("app.credentials", "hunter2"),
            ("app.dsn", "hunter2"),
            ("keys.current", "hunter2"),
            ("archive_command", "push --password  hunter2 %p"),
            ("archive_command", "push --password\thunter2 %p"),
            ("archive_command", "push --password 'a hunter2' %p"),
            ("archive_command", "PGPASSWORD='a hunter2' push %p"),
            ("archive_command", "PGPASSWORD=\"it's hunter2\" push %p"),
            ("archive_command", "push \"--password=a hunter2\" %p"),
            (
                "archive_command",
                "sh -c 'push --password \"a hunter2\" %p'",
            ),
            (
                "archive_command",
                "sh -c \"push --password \\\"a hunter2\\\" %p\"",
            ),
        ] {
            let shown = shown_value(name, value);
            assert!(!shown.contains("hunter2"), "{name}: {shown}");
        }
        for (name, value) in [
            ("password_encryption", "scram-sha-256"),
            ("archive_command", "cp %p /archive/%f"),
            ("work_mem", "4MB"),
            ("ssl_key_file", "server.key"),
            ("app.tenant", "one"),
            ("primary_conninfo", ""),
        ] {
            assert_eq!(shown_value(name, value), value);
        }
    }

    #[test]
    fn what_comes_after_a_secret_is_shown() {
        for (value, shown) in [
            ("a --password  x\t%p", "a --password  ***\t%p"),
            ("PGPASSWORD='a b' push %p", "PGPASSWORD=*** push %p"),
            (
                "sh -c 'push --password x' && cp %p /x",
                "sh -c 'push --password *** && cp %p /x",
            ),
            (
                "sh -c \"push --password 'a b' %p\"",
                "sh -c \"push --password *** %p\"",
            ),
        ] {
            assert_eq!(shown_value("archive_command", value), shown);
        }
    }

    proptest! {
        #[test]
        fn no_secret_is_shown_however_it_is_written(
            before in "(push |sh -c 'push |\"push\"  )?",
            flag in prop::sample::select(vec!["--password", "-token", "--secret-key"]),
            space in "[ \t]{1,3}",
            quote in prop::sample::select(vec!['\'', '"']),
            words in prop::collection::vec("[a-z]{0,3}", 0..4),
            assigned: bool,
        ) {
            let space = if assigned { "=".to_owned() } else { space };
            let secret = words.join(" ");
            let command = format!("{before}{flag}{space}{quote}{secret} hunter2{quote} %p");
            let shown = shown_value("archive_command", &command);
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }

        #[test]
        fn what_has_no_secret_stays_as_it_is(command in "[a-f '\"\t%/\\\\-]{0,30}") {
            prop_assert_eq!(shown_value("archive_command", &command), command);
        }
    }
}
