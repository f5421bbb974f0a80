//! An entry without what it quotes: texts of queries, and values that they were about.

use super::csv::{self, field};
use super::head::head;
use super::level::{Part, Word, known};
use super::slow::timed;
use super::{LogEntry, LogFormat, json};

/// Members of an entry of `jsonlog` that quote.
const MEMBERS: [&str; 4] = ["detail", "context", "statement", "internal_query"];

/// Fields of a record of `csvlog` that quote.
const FIELDS: [usize; 4] = [
    field::DETAIL,
    field::QUERY,
    field::CONTEXT,
    field::STATEMENT,
];

/// How the message begins that tells what a client executes of what it has prepared (`execute s1: select
/// …`), in the languages of PostgreSQL's catalogues.
const EXECUTES: [&str; 15] = [
    "execut",
    "Ausführen",
    "ejecutar",
    "exécute",
    "esecuzione di",
    "取り出し実行",
    "実行",
    "გაშვება",
    "자료뽑기",
    "쿼리실행",
    "выполнение",
    "выборка из",
    "викон",
    "kör",
    "执行",
];

impl LogEntry {
    /// The text with `mark` in place of everything that quotes a query or its values: DETAIL, CONTEXT,
    /// QUERY and STATEMENT in any language, and the statement of a message that tells one. In a language
    /// that is not known nothing tells a query from a message, and no message is kept.
    pub fn without_quotes(&self, mark: &str) -> String {
        let strange = self.speaks_a_strange_language();
        let message = |message: &str| match strange {
            true => mark.to_owned(),
            false => without_statement(message, mark),
        };
        match self.format {
            LogFormat::Stderr => of_stderr(&self.text, mark),
            LogFormat::Csv => of_csv(&self.text, mark, message),
            LogFormat::Json => of_json(&self.text, mark, message),
            // The end of an entry whose beginning is not there.
            LogFormat::Other if self.text.starts_with('\t') => format!("\t{mark}"),
            LogFormat::StartScript | LogFormat::Other => self.text.clone(),
        }
    }
}

fn of_stderr(text: &str, mark: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in text.split('\n') {
        match parts.last_mut() {
            Some(last) if line.starts_with('\t') => {
                last.push('\n');
                last.push_str(line);
            }
            Some(_) | None => parts.push(line.to_owned()),
        }
    }
    let parts = parts.iter().map(|part| {
        let first = part.split('\n').next().unwrap_or_default();
        let Some(head) = head(first).filter(|_| !first.starts_with('\t')) else {
            return format!("\t{mark}");
        };
        let (before, said) = part.split_at(head.message_at);
        let said = match head.word {
            Some(Word::Level(_)) => without_statement(said, mark),
            Some(Word::Part(Part::Hint | Part::Location | Part::Backtrace)) => said.to_owned(),
            Some(Word::Part(Part::Detail | Part::Context | Part::Statement | Part::Query))
            | None => mark.to_owned(),
        };
        format!("{before}{said}")
    });
    parts.collect::<Vec<_>>().join("\n")
}

fn of_csv(text: &str, mark: &str, message: impl Fn(&str) -> String) -> String {
    let fields = csv::raw_fields(text).into_iter().enumerate();
    let kept = fields.map(|(at, raw)| match at {
        _ if raw.is_empty() => String::new(),
        field::MESSAGE => csv::quoted(&message(&csv::plain(raw))),
        at if FIELDS.contains(&at) => csv::quoted(mark),
        _ => raw.to_owned(),
    });
    kept.collect::<Vec<_>>().join(",")
}

fn of_json(text: &str, mark: &str, message: impl Fn(&str) -> String) -> String {
    let mut text = text.to_owned();
    for member in MEMBERS {
        if let Some(place) = json::string_of(&text, member) {
            text.replace_range(place, &json::escaped(mark));
        }
    }
    if let Some(place) = json::string_of(&text, "message") {
        // Of a message that was cut nobody can say what it is.
        let said = json::unescaped(&text[place.clone()]);
        let kept = said.map_or_else(|| mark.to_owned(), |it| message(&it));
        text.replace_range(place, &json::escaped(&kept));
    }
    text
}

fn without_statement(message: &str, mark: &str) -> String {
    match statement_at(message).or_else(|| value_at(message)) {
        Some(at) => format!("{} {mark}", &message[..at]),
        None => message.to_owned(),
    }
}

/// Where a message goes over to the value that it is about, or to a piece of the query: `invalid input syntax for type integer:
/// "4711"`, `syntax error at or near "4711"`. (Names are quoted within a sentence; so are values in a few messages, of which
/// the English ones are known.)
fn value_at(message: &str) -> Option<usize> {
    let quoted = |at: &usize| {
        let rest = message[*at..].trim_start();
        rest.starts_with(['"', '«', '„', '“', '”', '»', '「', '\''])
    };
    let mut ends = message
        .match_indices([':', '：'])
        .map(|(at, colon)| at + colon.len());
    let after_colon = ends.find(quoted);
    let words = [" at or near ", " changed to ", " at end of "];
    let after_words = words.iter().filter_map(|words| {
        let at = message.find(words)? + words.len() - 1;
        quoted(&at).then_some(at)
    });
    let begins = message.starts_with("value \"").then_some("value".len());
    after_words.chain(after_colon).chain(begins).min()
}

/// Where a message goes over to the statement that it tells (`log_statement`,
/// `log_min_duration_statement`, auto_explain).
fn statement_at(message: &str) -> Option<usize> {
    if let Some((_, rest)) = timed(message) {
        return Some(message.len() - rest.len() + rest.find(':')? + 1);
    }
    let colon = message.find(':')?;
    let label = message[..colon].trim_end();
    // `statement:` is the word STATEMENT; Georgian has capitals that nobody writes.
    let word = known(label).or_else(|| known(&label.to_uppercase()));
    let tells = word == Some(Word::Part(Part::Statement))
        || EXECUTES.iter().any(|it| label.starts_with(it))
        || label.to_lowercase().contains("fastpath");
    tells.then_some(colon + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        LogEntry::new(text.to_owned(), 0).without_quotes("[left out]")
    }

    #[test]
    fn the_value_that_a_message_is_about_is_left_out_and_a_name_is_not() {
        for (message, kept) in [
            (
                "invalid input syntax for type integer: \"a 4711\"",
                "invalid input syntax for type integer: [left out]",
            ),
            (
                "ungültige Eingabesyntax für Typ integer: „4711“",
                "ungültige Eingabesyntax für Typ integer: [left out]",
            ),
            (
                "syntaxe en entrée invalide pour le type integer : « 4711 »",
                "syntaxe en entrée invalide pour le type integer : [left out]",
            ),
            (
                "relation \"cards\" does not exist",
                "relation \"cards\" does not exist",
            ),
            (
                "unterminated quoted string at or near \"'4711 and more\" at character 8",
                "unterminated quoted string at or near [left out]",
            ),
            (
                "value \"99999999999\" is out of range for type integer",
                "value [left out]",
            ),
            (
                "parameter \"primary_conninfo\" changed to \"host=x password=y\"",
                "parameter \"primary_conninfo\" changed to [left out]",
            ),
            (
                "could not open file \"x\": No such file or directory",
                "could not open file \"x\": No such file or directory",
            ),
        ] {
            let line =
                |message: &str| format!("2026-11-28 13:00:00.123 UTC [42] ERROR:  {message}");
            assert_eq!(clean(&line(message)), line(kept));
        }
    }

    #[test]
    fn in_any_language_parts_that_quote_are_left_out() {
        for [detail, hint, context, statement] in [
            ["DETAIL:", "HINT:", "CONTEXT:", "STATEMENT:"],
            ["DETAIL:", "TIPP:", "ZUSAMMENHANG:", "ANWEISUNG:"],
            ["DÉTAIL :", "ASTUCE :", "CONTEXTE :", "INSTRUCTION :"],
            ["ПОДРОБНОСТИ:", "ПОДСКАЗКА:", "КОНТЕКСТ:", "ОПЕРАТОР:"],
        ] {
            let before = "2026-11-28 13:00:00.123 UTC [42] bob@shop ";
            let text = format!(
                "{before}FEHLER:  doppelter Schlüsselwert\n\
                 {before}{detail}  Schlüssel (karte)=(4711) existiert bereits.\n\
                 {before}{hint}  anders\n\
                 {before}{context}  SQL: 4711\n\
                 {before}{statement}  insert into karten\n\tvalues (4711)"
            );
            let clean = clean(&text);
            assert!(
                !clean.contains("4711") && !clean.contains("karten"),
                "{clean}"
            );
            assert_eq!(clean.matches("[left out]").count(), 3, "{clean}");
            for kept in ["doppelter Schlüsselwert", "anders", statement] {
                assert!(clean.contains(kept), "{clean}");
            }
        }
    }

    #[test]
    fn the_statement_of_a_message_is_left_out() {
        for (message, kept) in [
            (
                "duration: 7 ms  statement: select 4711\n\tfrom t",
                "duration: 7 ms  statement:",
            ),
            ("Dauer: 7 ms  Anweisung: select 4711", "Dauer: 7 ms"),
            ("durée : 7 ms, instruction : select 4711", "durée : 7 ms"),
            (
                "duration: 7 ms  plan:\n\tQuery Text: select 4711\n\tSeq Scan",
                "duration: 7 ms  plan:",
            ),
            ("statement: select 4711", "statement:"),
            ("Anweisung: select 4711", "Anweisung:"),
            ("instruction : select 4711", "instruction :"),
            ("ოპერატორი: select 4711", "ოპერატორი:"),
            ("execute fetch from a/b: select 4711", "execute fetch from"),
            ("Ausführen s1: select 4711", "Ausführen s1:"),
            ("виконувати s1: select 4711", "виконувати s1:"),
        ] {
            let before = "2026-11-28 13:00:00.123 UTC [42] LOG:  ";
            assert_eq!(
                clean(&format!("{before}{message}")).split_once(" [left out]"),
                Some((
                    format!("{before}{}", &message[..colon_after(message, kept)]).as_str(),
                    ""
                )),
                "{message}"
            );
        }
    }

    /// Where the colon before the statement ends.
    fn colon_after(message: &str, kept: &str) -> usize {
        assert!(message.starts_with(kept));
        let from = kept.len() - usize::from(kept.ends_with(':'));
        from + message[from..].find(':').expect("a colon") + 1
    }

    #[test]
    fn what_happened_is_kept() {
        for text in [
            "2026-11-28 13:00:00.123 UTC [42] LOG:  checkpoint starting: time",
            "2026-11-28 13:00:00.123 UTC [42] LOG:  duration: 7 ms",
            "2026-11-28 13:00:00.123 UTC [42] FEHLER:  Division durch Null",
            "2026-11-28 13:00:00 UTC pgctl[p-0]: refusing to start (empty-primary): no",
            "fixing permissions ... ok",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn records_and_objects_lose_the_same() {
        let csv = "2026-11-28 13:00:00.123 UTC,\"bob\",\"shop\",42,\"[local]\",6929.1,3,\"SELECT\",\
             2026-11-28 12:00:00 UTC,1/2,0,ERROR,42P01,\"boom, \"\"t\"\"\",\"so 4711\",\"try\",\"select 4711\",15,\
             \"in 4711\",\"select 4711,\n  2\",15,,\"psql\",\"client backend\",,0";
        assert_eq!(
            clean(csv),
            "2026-11-28 13:00:00.123 UTC,\"bob\",\"shop\",42,\"[local]\",6929.1,3,\"SELECT\",\
             2026-11-28 12:00:00 UTC,1/2,0,ERROR,42P01,\"boom, \"\"t\"\"\",\"[left out]\",\"try\",\"[left out]\",15,\
             \"[left out]\",\"[left out]\",15,,\"psql\",\"client backend\",,0"
        );
        let slow = csv.replace("boom, \"\"t\"\"", "Dauer: 7 ms  Anweisung: select 4711");
        assert!(clean(&slow).contains("\"Dauer: 7 ms  Anweisung: [left out]\""));
        let json = r#"{"timestamp":"2026-11-28 13:00:00.123 UTC","pid":42,"error_severity":"ERROR","message":"Dauer: 7 ms  Anweisung: select \"4711\"","detail":"so \"4711","hint":"try","internal_query":"4711","context":"4711","statement":"select 4711,\n\"detail\":\"4711"}"#;
        assert_eq!(
            clean(json),
            r#"{"timestamp":"2026-11-28 13:00:00.123 UTC","pid":42,"error_severity":"ERROR","message":"Dauer: 7 ms  Anweisung: [left out]","detail":"[left out]","hint":"try","internal_query":"[left out]","context":"[left out]","statement":"[left out]"}"#
        );
        // Cut: what is left of it is not shown by mistake.
        let cut = &json[..json.find(r#",\n\"detail"#).expect("the statement")];
        assert!(!clean(cut).contains("4711"), "{}", clean(cut));
    }

    #[test]
    fn what_nobody_can_read_is_left_out() {
        for text in [
            "2026-11-28 13:00:00 EET [1] VIRHE:  taulu 4711",
            "\tfrom cards where id = 4711",
            "2026-11-28 13:00:00.123 UTC [42] STATEMENT:  select\n\t4711",
        ] {
            assert!(!clean(text).contains("4711"), "{}", clean(text));
        }
    }
}
