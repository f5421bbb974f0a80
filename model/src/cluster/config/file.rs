//! Reading `postgresql.conf`, as `guc-file.l` does.

/// A setting of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigLine {
    /// Its line, from 1.
    pub line: u32,
    /// Name, in lower case.
    pub name: String,
    /// Value, without its quotes.
    pub value: String,
}

/// The settings of a file, in order. What is no setting (`include`, what can't be read) is left away: the server says
/// itself what it can't read.
pub(super) fn parse_config(text: &str) -> Vec<ConfigLine> {
    let lines = text.lines().zip(1..);
    lines
        .filter_map(|(text, line)| {
            let (name, rest) = split_name(text)?;
            let value = value_of(rest)?;
            let name = name.to_lowercase();
            let include = matches!(
                name.as_str(),
                "include" | "include_if_exists" | "include_dir"
            );
            (!include).then_some(ConfigLine { line, name, value })
        })
        .collect()
}

fn split_name(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '$';
    let end = line.find(|c| !part(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let first = name.chars().next()?;
    if !(first.is_alphabetic() || first == '_') {
        return None;
    }
    let rest = rest.trim_start();
    Some((name, rest.strip_prefix('=').unwrap_or(rest).trim_start()))
}

fn value_of(rest: &str) -> Option<String> {
    let Some(quoted) = rest.strip_prefix('\'') else {
        let end = rest.find(|c: char| c.is_whitespace() || c == '#');
        let value = &rest[..end.unwrap_or(rest.len())];
        return (!value.is_empty()).then(|| value.to_owned());
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => match chars.clone().next() {
                Some('\'') => {
                    chars.next();
                    value.push('\'');
                }
                _ => return Some(value),
            },
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                'b' => value.push('\u{8}'),
                'f' => value.push('\u{c}'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_the_server_reads_it() {
        let text = "# comment\n\
            max_connections = 200   # (restart)\n\
            \n\
            log_line_prefix = '%m [%p] # it''s \\'so\\' '\n\
            Work_Mem '4MB'\n\
            fsync=off\n\
            my.ext = on\n\
            include_if_exists = 'overlay.conf'\n\
            = nonsense\n\
            unfinished = 'abc\n";
        let lines = parse_config(text);
        let said: Vec<_> = lines
            .iter()
            .map(|it| (it.line, it.name.as_str(), it.value.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (2, "max_connections", "200"),
                (4, "log_line_prefix", "%m [%p] # it's 'so' "),
                (5, "work_mem", "4MB"),
                (6, "fsync", "off"),
                (7, "my.ext", "on"),
            ]
        );
    }
}
