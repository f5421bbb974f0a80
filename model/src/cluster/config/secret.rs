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
    if NAMES.iter().any(|part| name.contains(part)) {
        return "(not shown: it may hold a secret)".to_owned();
    }
    if name.ends_with("_command") || name.ends_with("_cmd") || name.contains('.') {
        return without_secrets(value);
    }
    value.to_owned()
}

/// A command line, with `***` for what follows `password=`, `--token `, `SECRET_KEY=` and the like, and for the
/// user's part of an address.
fn without_secrets(command: &str) -> String {
    let mut words = Vec::new();
    let mut hide = false;
    for word in command.split(' ') {
        let lower = word.to_lowercase();
        let secret = WORDS.iter().any(|part| lower.contains(part));
        let shown = match (word.split_once('='), word.split_once("://")) {
            _ if hide && !word.is_empty() => "***".to_owned(),
            (Some((name, _)), _) if secret => format!("{name}=***"),
            (_, Some((scheme, rest))) if rest.contains('@') => {
                let place = rest.rsplit_once('@').map_or("", |(_, place)| place);
                format!("{scheme}://***@{place}")
            }
            _ => word.to_owned(),
        };
        hide = secret && word.starts_with('-') && !word.contains('=');
        words.push(shown);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            let shown = shown_value(name, value);
            assert!(!shown.contains("hunter2"), "{name}: {shown}");
        }
        for (name, value) in [
            ("password_encryption", "scram-sha-256"),
            ("archive_command", "cp %p /archive/%f"),
            ("work_mem", "4MB"),
            ("primary_conninfo", ""),
        ] {
            assert_eq!(shown_value(name, value), value);
        }
    }
}
