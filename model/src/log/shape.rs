//! The shape of a statement: what is left when its literals are taken out, so that the same query with
//! other values counts as the same. No parser: it must take any text, also one that was cut, and a
//! grammar of every version of PostgreSQL would be a heavy thing for that.

/// The shape of a statement: literals and parameters as `?`, lists of them as one, no comments, one
/// space for any white space, and everything that is not quoted in lower case.
pub fn shape_of(sql: &str) -> String {
    let mut shape = Shape::default();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '\'' => {
                let after = after_string(&rest[1..], shape.ends_in_escape_prefix());
                shape.literal();
                after
            }
            '"' => {
                let end = after_quoted(&rest[1..]);
                shape.word(&rest[..rest.len() - end.len()]);
                end
            }
            '$' => shape.dollar(rest),
            '-' if rest.starts_with("--") => rest.find('\n').map_or("", |at| &rest[at..]),
            '/' if rest.starts_with("/*") => after_comment(&rest[2..]),
            c if c.is_ascii_digit() && !shape.in_a_word() => {
                shape.literal();
                after_number(rest)
            }
            c if c.is_whitespace() => {
                shape.space = true;
                &rest[c.len_utf8()..]
            }
            c => {
                shape.character(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    shape.text
}

#[derive(Default)]
struct Shape {
    text: String,
    /// White space came since.
    space: bool,
}

impl Shape {
    fn in_a_word(&self) -> bool {
        let last = self.text.chars().next_back();
        !self.space && last.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
    }

    /// `E'`, `B'`, `X'`, `N'`, `U&'`: the letter belongs to the literal. Whether backslashes escape in it.
    fn ends_in_escape_prefix(&mut self) -> bool {
        if self.space {
            return false;
        }
        for prefix in ["u&", "e", "b", "x", "n"] {
            let Some(before) = self.text.strip_suffix(prefix) else {
                continue;
            };
            if !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                let length = before.trim_end_matches(' ').len();
                self.space = length < before.len();
                self.text.truncate(length);
                return prefix == "e";
            }
        }
        false
    }

    fn gap(&mut self) {
        if std::mem::take(&mut self.space) && !self.text.is_empty() && !self.text.ends_with('(') {
            self.text.push(' ');
        }
    }

    fn literal(&mut self) {
        // A sign belongs to a number, and of a list one is enough.
        if self.text.ends_with("?,") {
            self.text.pop();
            self.space = false;
            return;
        }
        self.gap();
        self.text.push('?');
    }

    fn character(&mut self, c: char) {
        if matches!(c, ',' | ')' | ';') {
            self.space = false;
        } else {
            self.gap();
        }
        // VALUES (…), (…), (…)
        if c == ')' && self.text.ends_with("(?), (?") {
            let length = self.text.len() - ", (?".len() - 1;
            self.text.truncate(length);
        }
        self.text.extend(c.to_lowercase());
    }

    fn word(&mut self, text: &str) {
        self.gap();
        self.text.push_str(text);
    }

    /// `$1`, or the text between two `$tag$`.
    fn dollar<'a>(&mut self, rest: &'a str) -> &'a str {
        let after = &rest[1..];
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            self.literal();
            return &after[digits..];
        }
        let tag = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        match tag {
            Some(end) if after[end..].starts_with('$') && !self.in_a_word() => {
                let tag = &rest[..end + 2];
                let body = &rest[tag.len()..];
                self.literal();
                body.find(tag).map_or("", |at| &body[at + tag.len()..])
            }
            Some(_) | None => {
                self.character('$');
                after
            }
        }
    }
}

/// What follows a string whose first quote was read; doubled quotes are part of it.
fn after_string(text: &str, escapes: bool) -> &str {
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' if escapes => drop(characters.next()),
            '\'' if text[at + 1..].starts_with('\'') => drop(characters.next()),
            '\'' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

fn after_quoted(text: &str) -> &str {
    text.find('"').map_or("", |at| &text[at + 1..])
}

fn after_number(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    let end = end.unwrap_or(text.len());
    // 1e-5
    if text[..end].ends_with(['e', 'E'])
        && let Some(rest) = text[end..].strip_prefix(['-', '+'])
        && !text.starts_with("0x")
    {
        return rest.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    &text[end..]
}

/// What follows a comment; comments may be within each other.
fn after_comment(text: &str) -> &str {
    let mut depth = 1;
    let mut rest = text;
    while depth > 0 {
        let (open, close) = (rest.find("/*"), rest.find("*/"));
        rest = match (open, close) {
            (Some(open), Some(close)) if open < close => {
                depth += 1;
                &rest[open + 2..]
            }
            (_, Some(close)) => {
                depth -= 1;
                &rest[close + 2..]
            }
            (_, None) => return "",
        };
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_query_with_other_values_has_the_same_shape() {
        for (sql, shape) in [
            (
                "SELECT * FROM t WHERE id = 42 AND n = 'it''s'",
                "select * from t where id = ? and n = ?",
            ),
            (
                "select *\n from t -- why\n where id = $1 /* a /* b */ c */ and n = E'\\''",
                "select * from t where id = ? and n = ?",
            ),
            (
                "SELECT 1.5e-3, 0xff, col1, t2.x FROM \"T 1\"",
                "select ?, col1, t2.x from \"T 1\"",
            ),
            ("select x in (1, 2,3)", "select x in (?)"),
            (
                "insert into t values (1, 'a'), (2, 'b'), (3, NULL)",
                "insert into t values (?), (?, null)",
            ),
            (
                "insert into t values (1, 'a'), (2, 'b')",
                "insert into t values (?)",
            ),
            ("select $$it's$$, $a$ $$ $a$, B'01'", "select ?"),
            ("select 'cut in the mid", "select ?"),
            ("select pg_sleep(10);", "select pg_sleep(?);"),
        ] {
            assert_eq!(shape_of(sql), shape, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_shape(sql: String) {
            shape_of(&sql);
        }

        #[test]
        fn no_literal_gets_through(secret in "[A-Z]{12}") {
            let sql = format!("select * from t where a = '{secret}' or b = $x${secret}$x$ or c = E'\\'{secret}'");
            prop_assert!(!shape_of(&sql).to_uppercase().contains(&secret));
        }
    }
}
