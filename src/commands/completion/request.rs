//! What a shell asks.

use std::ffi::OsString;

use super::line;

/// The word after `pgctl` by which a script of `completions/` asks. kubectl has the same.
pub const COMPLETE: &str = "__complete";

/// Who asks: each wants its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    Bash,
    Elvish,
    Fish,
    /// The plugin protocol of kubectl, which is that of cobra.
    Kubectl,
    PowerShell,
    Zsh,
}

/// A command line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) asker: Asker,
    /// The words before the cursor's, without the name of the program.
    pub(super) words: Vec<String>,
    /// The cursor's word, up to the cursor.
    pub(super) word: String,
    /// How many bytes of it the shell leaves alone: bash replaces only what follows the last `=`, `:` or `@`.
    pub(super) left_alone: usize,
}

impl Request {
    /// From the arguments after [`COMPLETE`]: the shell, and
    /// - of bash: the line up to the cursor, and the part of it that will be replaced;
    /// - of PowerShell: the words, the last one with `=` before it (it would drop an empty one);
    /// - of all others: the words, the last one being that of the cursor.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments
            .into_iter()
            .map(|it| it.to_string_lossy().into_owned());
        let asker = match arguments.next()?.as_str() {
            "bash" => Asker::Bash,
            "elvish" => Asker::Elvish,
            "fish" => Asker::Fish,
            "kubectl" => Asker::Kubectl,
            "powershell" => Asker::PowerShell,
            "zsh" => Asker::Zsh,
            _ => return None,
        };
        if asker == Asker::Bash {
            let mut words = line::words(&arguments.next()?);
            let word = words.pop()?;
            let replaced = arguments.next().unwrap_or_default();
            let replaced = replaced.trim_start_matches(['\'', '"']);
            let left_alone = word.strip_suffix(replaced).map_or(0, str::len);
            let words = words.into_iter().skip(1).collect();
            return Some(Self {
                asker,
                words,
                word,
                left_alone,
            });
        }
        let mut words: Vec<String> = arguments.collect();
        let word = words.pop().unwrap_or_default();
        let word = match asker {
            Asker::PowerShell => word.strip_prefix('=').unwrap_or(&word).to_owned(),
            _ => word,
        };
        Some(Self {
            asker,
            words,
            word,
            left_alone: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Option<Request> {
        Request::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn each_shell_asks_in_its_way() {
        let asked = read(&["zsh", "-n", "shop", "st"]).expect("a request");
        assert_eq!((asked.asker, asked.word.as_str()), (Asker::Zsh, "st"));
        assert_eq!(asked.words, ["-n", "shop"]);
        let asked = read(&["powershell", "status", "="]).expect("a request");
        assert_eq!(
            (asked.words.as_slice(), asked.word.as_str()),
            (&["status".to_owned()][..], "")
        );
        let asked = read(&["fish"]).expect("a request");
        assert_eq!((asked.words.len(), asked.word.as_str()), (0, ""));
        assert_eq!(read(&["tcsh", ""]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn bash_replaces_what_follows_the_last_break() {
        for (line, replaced, word, left_alone) in [
            ("pgctl --output=js", "js", "--output=js", 9),
            ("pgctl --output=", "", "--output=", 9),
            ("pgctl --context arn:aws:e", "e", "arn:aws:e", 8),
            ("pgctl --context me@sh", "sh", "me@sh", 3),
            ("pgctl --context 'me@sh", "me@sh", "me@sh", 0),
            ("pgctl sta", "sta", "sta", 0),
            ("pgctl sta", "else", "sta", 0),
        ] {
            let asked = read(&["bash", line, replaced]).expect("a request");
            assert_eq!(
                (asked.word.as_str(), asked.left_alone),
                (word, left_alone),
                "{line}"
            );
        }
    }
}
