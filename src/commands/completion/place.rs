//! Where the cursor is in a command line: which command it is, what was given to it, and what is expected next. It
//! reads what is unfinished, which clap does not; it guesses rather than to refuse.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command};

/// The place of the cursor.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The command, with the one that it belongs to before it.
    pub(super) path: Vec<&'a str>,
    pub(super) command: &'a Command,
    pub(super) given: Given,
    pub(super) expected: Expected<'a>,
    /// What of the cursor's word stays as it is, such as `--output=`.
    pub(super) kept: String,
    /// The rest of it, which what is offered begins with.
    pub(super) typed: String,
}

/// What can be typed at the cursor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Expected<'a> {
    /// The value of this option, or, after `--`, of this argument.
    Value(&'a Arg),
    /// The name of an option.
    Option,
    /// A command, or the value of an argument.
    Word {
        commands: bool,
        argument: Option<&'a Arg>,
    },
    /// Nothing that is known.
    Nothing,
}

/// The values that were typed before the cursor, by the argument's id. A flag has none.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<String, Vec<String>>);

impl Given {
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn values(&self, id: &str) -> &[String] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, argument: &Arg, value: Option<&str>) {
        let values = self.0.entry(argument.get_id().to_string()).or_default();
        match (value, argument.get_value_delimiter()) {
            (Some(value), Some(delimiter)) => {
                values.extend(value.split(delimiter).map(str::to_owned))
            }
            (Some(value), None) => values.push(value.to_owned()),
            (None, _) => {}
        }
    }
}

impl<'a> Place<'a> {
    /// Reads the words before the cursor and the one at it. `root` is built (`Command::build`).
    pub(super) fn find(root: &'a Command, words: &[String], word: &str) -> Self {
        let mut walk = Walk {
            path: Vec::new(),
            command: root,
            given: Given::default(),
            pending: None,
            arguments: 0,
            own: false,
            only_arguments: false,
        };
        for word in words {
            walk.pass(word);
        }
        walk.stop(word)
    }

    /// What the argument at the cursor was given before it: nobody gives the same twice.
    pub(super) fn given_here(&self) -> impl Iterator<Item = &str> {
        let argument = match self.expected {
            Expected::Value(it) => Some(it),
            Expected::Word { argument, .. } => argument,
            Expected::Option | Expected::Nothing => None,
        };
        let values = argument.map(|it| self.given.values(it.get_id().as_str()));
        let listed = self.kept.split(['=', ',']);
        values
            .unwrap_or_default()
            .iter()
            .map(String::as_str)
            .chain(listed)
    }
}

/// On the way to the cursor.
struct Walk<'a> {
    path: Vec<&'a str>,
    command: &'a Command,
    given: Given,
    /// An option whose value comes next.
    pending: Option<&'a Arg>,
    /// How many arguments without a name the command has got.
    arguments: usize,
    /// Whether the command has got anything of its own, which forbids subcommands to some.
    own: bool,
    /// `--` has been passed.
    only_arguments: bool,
}

impl<'a> Walk<'a> {
    fn pass(&mut self, word: &str) {
        if let Some(option) = self.pending.take()
            && !(is_optional(option) && word.starts_with('-'))
        {
            self.given.add(option, Some(word));
            return;
        }
        if self.only_arguments {
            self.pass_argument(word);
        } else if word == "--" {
            self.only_arguments = true;
        } else if let Some(name) = word.strip_prefix("--") {
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            if let Some(option) = self.long(name) {
                self.pass_option(option, value);
            }
        } else if word.starts_with('-') && word.len() > 1 {
            for (at, option) in self.shorts(word) {
                let value = word[at..].strip_prefix('=').unwrap_or(&word[at..]);
                self.pass_option(option, Some(value).filter(|it| !it.is_empty()));
            }
        } else if let Some(command) = self.subcommand(word) {
            self.path.push(command.get_name());
            (self.command, self.arguments, self.own) = (command, 0, false);
        } else {
            self.pass_argument(word);
        }
    }

    fn pass_option(&mut self, option: &'a Arg, value: Option<&str>) {
        self.own |= !option.is_global_set();
        match (takes_value(option), value) {
            (true, None) => {
                self.given.add(option, None);
                self.pending = Some(option);
            }
            (true, value) => self.given.add(option, value),
            (false, _) => self.given.add(option, None),
        }
    }

    fn pass_argument(&mut self, word: &str) {
        if let Some(argument) = self.argument() {
            self.given.add(argument, Some(word));
        }
        self.arguments += 1;
        self.own = true;
    }

    fn stop(self, word: &str) -> Place<'a> {
        let (expected, kept) = self.expected(word);
        let typed = &word[kept..];
        let list = match expected {
            Expected::Value(it) => it.get_value_delimiter(),
            Expected::Option | Expected::Word { .. } | Expected::Nothing => None,
        };
        let kept = kept + list.and_then(|it| typed.rfind(it)).map_or(0, |at| at + 1);
        Place {
            path: self.path,
            command: self.command,
            given: self.given,
            expected,
            kept: word[..kept].to_owned(),
            typed: word[kept..].to_owned(),
        }
    }

    /// What is expected, and how many bytes of the word are before it.
    fn expected(&self, word: &str) -> (Expected<'a>, usize) {
        if let Some(option) = self.pending.filter(|it| !is_optional(it)) {
            return (Expected::Value(option), 0);
        }
        if self.only_arguments {
            return (
                self.argument().map_or(Expected::Nothing, Expected::Value),
                0,
            );
        }
        if let Some((name, _)) = word.strip_prefix("--").and_then(|it| it.split_once('=')) {
            let option = self.long(name).filter(|it| takes_value(it));
            return (
                option.map_or(Expected::Nothing, Expected::Value),
                name.len() + 3,
            );
        }
        if word.starts_with('-') {
            return match self.shorts(word).last() {
                Some((at, option)) if takes_value(option) => {
                    let equals = usize::from(word[*at..].starts_with('='));
                    (Expected::Value(option), at + equals)
                }
                _ => (Expected::Option, 0),
            };
        }
        let commands = self.command.has_subcommands()
            && self.arguments == 0
            && !(self.own && self.command.is_args_conflicts_with_subcommands_set());
        let argument = self.argument();
        // A word before it that is no command.
        if argument.is_none() && self.arguments > 0 && self.command.has_subcommands() {
            return (Expected::Nothing, 0);
        }
        (Expected::Word { commands, argument }, 0)
    }

    fn subcommand(&self, word: &str) -> Option<&'a Command> {
        self.command
            .find_subcommand(word)
            .filter(|_| self.arguments == 0)
    }

    /// The argument without a name that comes next.
    fn argument(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        if self.only_arguments
            && let Some(last) = all.iter().find(|it| it.is_last_set())
        {
            return Some(last);
        }
        let before: Vec<&Arg> = all.into_iter().filter(|it| !it.is_last_set()).collect();
        let many = before.last().filter(|it| takes_many(it));
        before.get(self.arguments).or(many).copied()
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let mut all = self.command.get_arguments();
        all.find(|it| it.get_long() == Some(name))
    }

    /// The options of a word such as `-Aojson`, each with the place behind its letter: up to the first one that takes
    /// the rest as its value. None when one is not known.
    fn shorts(&self, word: &str) -> Vec<(usize, &'a Arg)> {
        let mut found = Vec::new();
        if word.starts_with("--") {
            return found;
        }
        for (at, letter) in word.char_indices().skip(1) {
            let mut all = self.command.get_arguments();
            let Some(option) = all.find(|it| it.get_short() == Some(letter)) else {
                return Vec::new();
            };
            found.push((at + letter.len_utf8(), option));
            if takes_value(option) {
                break;
            }
        }
        found
    }
}

pub(super) fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// Whether it can be given again.
pub(super) fn takes_many(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append | ArgAction::Count)
}

fn is_optional(argument: &Arg) -> bool {
    let count = argument.get_num_args();
    count.is_some_and(|it| it.min_values() == 0)
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    /// What is expected behind a line, as text: what stays, what was typed, and what it is.
    fn at(line: &str) -> (String, String, String) {
        let mut root = crate::cli::command();
        root.build();
        let mut words = line::words(line);
        let word = words.pop().expect("a word");
        let place = Place::find(&root, &words[1..], &word);
        let id = |it: &Arg| it.get_id().to_string();
        let expected = match place.expected {
            Expected::Value(it) => id(it),
            Expected::Option => "an option".to_owned(),
            Expected::Word { commands, argument } => {
                let commands = if commands { "a command" } else { "" };
                format!("{commands},{}", argument.map(id).unwrap_or_default())
            }
            Expected::Nothing => "nothing".to_owned(),
        };
        (place.kept, place.typed, expected)
    }

    #[test]
    fn the_cursor_has_its_place() {
        for (line, kept, typed, expected) in [
            ("pgctl ", "", "", "a command,"),
            ("pgctl sta", "", "sta", "a command,"),
            ("pgctl -n sh", "", "sh", "namespace"),
            ("pgctl -nsh", "-n", "sh", "namespace"),
            ("pgctl -n=sh", "-n=", "sh", "namespace"),
            ("pgctl --namespace=sh", "--namespace=", "sh", "namespace"),
            ("pgctl status -Aojs", "-Ao", "js", "output"),
            ("pgctl status --output=js", "--output=", "js", "output"),
            ("pgctl status --contexts a,b,c", "a,b,", "c", "contexts"),
            ("pgctl status -", "", "-", "an option"),
            ("pgctl status -q", "", "-q", "an option"),
            ("pgctl status --no", "", "--no", "an option"),
            ("pgctl status --nonsense=x", "--nonsense=", "x", "nothing"),
            ("pgctl --no-color=x", "--no-color=", "x", "nothing"),
            ("pgctl -n shop backup ", "", "", "a command,"),
            ("pgctl backup --physical ", "", "", ","),
            ("pgctl backup -n shop ", "", "", "a command,"),
            ("pgctl backup verify one tw", "", "tw", ",backups"),
            ("pgctl restore ", "", "", ",backup"),
            ("pgctl restore one ", "", "", ","),
            ("pgctl restore --to ", "", "", "to"),
            ("pgctl psql replica-0 -- -c ", "", "", "arguments"),
            ("pgctl psql -- ", "", "", "arguments"),
            ("pgctl queries --top ", "", "", ","),
            ("pgctl queries --top 5 --pod re", "", "re", "pod"),
            ("pgctl queries --top --pod re", "", "re", "pod"),
            ("pgctl config set work_mem=4MB ma", "", "ma", ",assignments"),
            ("pgctl nonsense ", "", "", "nothing"),
            ("pgctl sync set --standbys ", "", "", "standbys"),
        ] {
            let expected = (kept.to_owned(), typed.to_owned(), expected.to_owned());
            assert_eq!(at(line), expected, "{line}");
        }
    }

    #[test]
    fn what_was_given_is_known() {
        let mut root = crate::cli::command();
        root.build();
        let words = line::words("-n shop --context=west status --contexts a,b -A ");
        let place = Place::find(&root, &words, "");
        assert_eq!(place.path, ["status"]);
        assert_eq!(place.given.values("namespace"), ["shop"]);
        assert_eq!(place.given.values("context"), ["west"]);
        assert_eq!(place.given.values("contexts"), ["a", "b"]);
        assert!(place.given.has("all_namespaces") && !place.given.has("cluster"));
    }
}
