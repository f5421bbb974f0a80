//! SQL as PostgreSQL's own dump tools write it: split into statements and words. They write with
//! `standard_conforming_strings` on, and quote every identifier that needs it.

use std::ops::Range;

/// A statement, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The line of the text that it begins on, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
    pub(super) words: Vec<Word>,
}

/// A word, an identifier, or something else of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    /// Where it is in the text of the statement.
    pub(super) at: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WordKind {
    /// A keyword, or an identifier that needs no quotes.
    Plain(String),
    /// A quoted identifier, without its quotes.
    Quoted(String),
    /// A string constant.
    Text,
    /// Anything else, a character of it.
    Other(char),
}

impl Statement {
    /// Whether the word at a place is this keyword.
    pub(super) fn is(&self, at: usize, keyword: &str) -> bool {
        matches!(self.words.get(at).map(|word| &word.kind),
            Some(WordKind::Plain(word)) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether it begins with these keywords.
    pub(super) fn begins(&self, keywords: &[&str]) -> bool {
        keywords
            .iter()
            .enumerate()
            .all(|(at, word)| self.is(at, word))
    }

    /// Leaves away what begins with the first of these keywords.
    pub(super) fn cut_before(&mut self, keywords: &[&str]) {
        let cut = (0..self.words.len()).find(|at| keywords.iter().any(|it| self.is(*at, it)));
        self.words.truncate(cut.unwrap_or(usize::MAX));
    }

    /// The identifier at a place.
    pub(super) fn name(&self, at: usize) -> Option<&str> {
        match &self.words.get(at)?.kind {
            WordKind::Plain(name) | WordKind::Quoted(name) => Some(name),
            WordKind::Text | WordKind::Other(_) => None,
        }
    }

    /// The identifiers that stand right after one of these keywords, or after a comma in the list
    /// that begins there.
    pub(super) fn names_after(&self, keywords: &[&str]) -> Vec<&str> {
        let mut names = Vec::new();
        let mut expected = false;
        for at in 0..self.words.len() {
            if expected && let Some(name) = self.name(at) {
                names.push(name);
                expected = matches!(
                    self.words.get(at + 1).map(|word| &word.kind),
                    Some(WordKind::Other(','))
                );
            } else if matches!(self.words[at].kind, WordKind::Other(',')) && expected {
                // The comma of a list: its next name is one, too.
            } else {
                expected = keywords.iter().any(|keyword| self.is(at, keyword));
            }
        }
        names
    }
}

/// Splits a text into its statements. Lines that begin with a backslash where a statement could
/// begin are commands of psql (`\restrict`, `\connect`), and are left out.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut scanner = Scanner {
        text,
        at: 0,
        line: 1,
    };
    let mut begin: Option<(usize, usize)> = None;
    let mut words: Vec<Word> = Vec::new();
    while let Some(c) = scanner.peek() {
        if c == '\\' && begin.is_none() {
            scanner.skip_line();
            continue;
        }
        if c == '-' && scanner.rest().starts_with("--") {
            scanner.skip_line();
            continue;
        }
        if c.is_whitespace() {
            scanner.next();
            continue;
        }
        let (start, line) = (scanner.at, scanner.line);
        if c == ';' {
            if let Some((from, line)) = begin.take() {
                found.push(statement(
                    text,
                    from,
                    start,
                    line,
                    std::mem::take(&mut words),
                ));
            }
            scanner.next();
            continue;
        }
        begin.get_or_insert((start, line));
        let kind = scanner.word();
        words.push(Word {
            kind,
            at: start..scanner.at,
        });
    }
    if let Some((from, line)) = begin {
        found.push(statement(text, from, text.len(), line, words));
    }
    found
}

fn statement(text: &str, from: usize, to: usize, line: usize, words: Vec<Word>) -> Statement {
    let words = words
        .into_iter()
        .map(|word| Word {
            at: word.at.start - from..word.at.end - from,
            ..word
        })
        .collect();
    Statement {
        line,
        text: text[from..to].to_owned(),
        words,
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|c| c != '\n') {}
    }

    fn word(&mut self) -> WordKind {
        let Some(c) = self.next() else {
            return WordKind::Other(' ');
        };
        match c {
            '\'' => {
                self.quoted('\'', false);
                WordKind::Text
            }
            'E' | 'e' if self.peek() == Some('\'') => {
                self.next();
                self.quoted('\'', true);
                WordKind::Text
            }
            '"' => WordKind::Quoted(self.quoted('"', false)),
            c if c.is_alphanumeric() || c == '_' => {
                let begin = self.at - c.len_utf8();
                while self
                    .peek()
                    .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
                {
                    self.next();
                }
                WordKind::Plain(self.text[begin..self.at].to_owned())
            }
            c => WordKind::Other(c),
        }
    }

    /// What is in quotes; the opening one was read.
    fn quoted(&mut self, quote: char, escapes: bool) -> String {
        let mut inside = String::new();
        while let Some(c) = self.next() {
            if c == '\\' && escapes {
                self.next();
            } else if c == quote {
                if self.peek() != Some(quote) {
                    break;
                }
                self.next();
                inside.push(quote);
            } else {
                inside.push(c);
            }
        }
        inside
    }
}

/// The text of a statement with a database's name in it replaced, wherever a name of a database
/// stands.
pub(super) fn rename_database(statement: &Statement, from: &str, to: &str) -> String {
    let quoted = crate::postgres::quote_identifier(to);
    let mut text = String::new();
    let mut copied = 0;
    for at in 1..statement.words.len() {
        if statement.is(at - 1, "database") && statement.name(at) == Some(from) {
            let range = &statement.words[at].at;
            text += &statement.text[copied..range.start];
            text += &quoted;
            copied = range.end;
        }
    }
    text + &statement.text[copied..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_they_end_and_nowhere_else() {
        let text = "-- a comment; with a semicolon\n\\restrict abc;\nSET a = 'x;y';\n\nCOMMENT ON ROLE \"a;b\" IS 'it''s\n;two lines';\nCREATE ROLE c;\n";
        let found = statements(text);
        let texts: Vec<(usize, &str)> =
            found.iter().map(|it| (it.line, it.text.as_str())).collect();
        assert_eq!(
            texts,
            [
                (3, "SET a = 'x;y'"),
                (5, "COMMENT ON ROLE \"a;b\" IS 'it''s\n;two lines'"),
                (7, "CREATE ROLE c"),
            ]
        );
        assert_eq!(found[1].name(3), Some("a;b"));
    }

    #[test]
    fn an_escape_does_not_end_a_text() {
        let found = statements("COMMENT ON DATABASE d IS E'a\\';b'; SELECT 1");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].text, "SELECT 1");
    }

    #[test]
    fn only_the_name_of_the_database_is_replaced() {
        let sql = "ALTER ROLE \"db\" IN DATABASE \"db\" SET search_path TO 'db', 'DATABASE db'";
        let found = statements(sql);
        assert_eq!(
            rename_database(&found[0], "db", "n\"ew"),
            "ALTER ROLE \"db\" IN DATABASE \"n\"\"ew\" SET search_path TO 'db', 'DATABASE db'"
        );
        let create = statements("CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8'");
        assert_eq!(
            rename_database(&create[0], "shop", "x"),
            "CREATE DATABASE \"x\" WITH TEMPLATE = template0 ENCODING = 'UTF8'"
        );
    }

    #[test]
    fn names_in_lists_are_found() {
        let found =
            statements("GRANT SELECT ON TABLE public.\"to\" TO a, \"b c\" WITH GRANT OPTION");
        assert_eq!(found[0].names_after(&["TO"]), ["a", "b c"]);
    }
}
