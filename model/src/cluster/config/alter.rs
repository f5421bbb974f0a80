//! `ALTER SYSTEM`, with values as PostgreSQL's `SET` wants them.

use crate::cluster::{quote_identifier, quote_literal};

/// Settings whose value is a list of names, each of which `SET` takes by itself (`GUC_LIST_QUOTE` in PostgreSQL's
/// guc_tables.c; the list is that of `variable_is_guc_list_quote` in pg_dump). Given as one they would be one name.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The names in the value of a setting that is a list of names: `"$user", public`. None for any other setting, and for
/// what is no list: a quote that does not end, nothing between two commas.
pub fn list_elements(name: &str, value: &str) -> Option<Vec<String>> {
    LISTS.contains(&name).then(|| elements(value)).flatten()
}

fn elements(value: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = value.trim();
    if rest.is_empty() {
        return Some(found);
    }
    loop {
        let after;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (element, left) = quoted_element(quoted)?;
            found.push(element);
            after = left.trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let element = rest[..end].trim_end();
            if element.is_empty() || element.contains('"') {
                return None;
            }
            found.push(element.to_owned());
            after = &rest[end..];
        }
        match after.strip_prefix(',') {
            Some(left) => rest = left.trim_start(),
            None if after.is_empty() => return Some(found),
            None => return None,
        }
    }
}

/// What stands between quotes, in which a doubled one is one; and what comes after.
fn quoted_element(text: &str) -> Option<(String, &str)> {
    let mut element = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            element.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            element.push('"');
        } else {
            return Some((element, &text[at + 1..]));
        }
    }
    None
}

/// The statement that sets, or resets, a setting in `postgresql.auto.conf`. Whatever is in name and value, it is one
/// statement.
pub fn alter_system(name: &str, value: Option<&str>) -> String {
    // That of an extension has two parts.
    let parts: Vec<String> = name.split('.').map(quote_identifier).collect();
    let name_in_sql = parts.join(".");
    let Some(value) = value else {
        return format!("alter system reset {name_in_sql}");
    };
    let elements = list_elements(name, value).filter(|it| !it.is_empty());
    let values: Vec<String> = match &elements {
        Some(elements) => elements.iter().map(|it| quote_literal(it)).collect(),
        None => vec![quote_literal(value)],
    };
    format!("alter system set {name_in_sql} = {}", values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_a_list_is_quoted_by_itself() {
        for (name, value, sql) in [
            ("work_mem", "8MB", r#"alter system set "work_mem" = '8MB'"#),
            (
                "search_path",
                r#""$user", public"#,
                r#"alter system set "search_path" = '$user', 'public'"#,
            ),
            (
                "shared_preload_libraries",
                "pg_stat_statements,auto_explain",
                r#"alter system set "shared_preload_libraries" = 'pg_stat_statements', 'auto_explain'"#,
            ),
            // A list of words that are none of names stays as it is.
            (
                "log_destination",
                "stderr, csvlog",
                r#"alter system set "log_destination" = 'stderr, csvlog'"#,
            ),
            ("search_path", "", r#"alter system set "search_path" = ''"#),
            (
                "auto_explain.log_format",
                "json",
                r#"alter system set "auto_explain"."log_format" = 'json'"#,
            ),
            (
                "archive_command",
                r"echo 'x'\; drop",
                r#"alter system set "archive_command" =  E'echo ''x''\\; drop'"#,
            ),
        ] {
            assert_eq!(alter_system(name, Some(value)), sql);
        }
        assert_eq!(alter_system("jit", None), r#"alter system reset "jit""#);
    }

    #[test]
    fn a_list_is_taken_apart_as_the_server_does() {
        for (value, wanted) in [
            (r#""$user", public"#, Some(&["$user", "public"][..])),
            (r#" "a,""b" ,c "#, Some(&["a,\"b", "c"])),
            ("", Some(&[])),
            ("a,,b", None),
            ("a,", None),
            (r#""a"#, None),
            (r#""a"b"#, None),
        ] {
            let wanted = wanted.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(list_elements("search_path", value), wanted, "{value}");
        }
        assert_eq!(list_elements("work_mem", "a"), None);
    }
}
