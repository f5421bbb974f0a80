//! How bad an entry is, in the words of every language that PostgreSQL speaks (`lc_messages`).

use serde::{Deserialize, Serialize};

/// How bad an entry is, as people mean it: PostgreSQL itself ranks LOG above ERROR when it decides what
/// to write (`log_min_messages`), and nobody who asks for errors wants each checkpoint.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// DEBUG1 to DEBUG5.
    Debug,
    /// INFO: asked for by a command, such as VACUUM VERBOSE.
    Info,
    /// LOG: of interest to administrators.
    Log,
    /// NOTICE.
    Notice,
    /// WARNING.
    Warning,
    /// ERROR: a statement failed.
    Error,
    /// FATAL: a session ended.
    Fatal,
    /// PANIC: all sessions ended.
    Panic,
}

impl LogLevel {
    /// As it is typed and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Log => "log",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Panic => "panic",
        }
    }
}

/// A part of an entry that stands on lines of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Detail,
    Hint,
    Query,
    Context,
    Statement,
    /// Where in the source: of no use to operators, but part of the entry.
    Location,
    Backtrace,
}

/// What the word before the colon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// An entry begins.
    Level(LogLevel),
    /// It goes on.
    Part(Part),
}

/// The words of PostgreSQL's catalogues (`src/backend/po`): German, Spanish, French, Italian, Japanese,
/// Georgian, Korean, Polish, Brazilian Portuguese, Russian, Swedish, Turkish, Ukrainian, Chinese. A word
/// that stands for two levels somewhere is taken for the worse one.
const LEVELS: [(LogLevel, &[&str]); 8] = [
    (
        LogLevel::Debug,
        &[
            "DEBUG",
            "DEBUG1",
            "DEBUG2",
            "DEBUG3",
            "DEBUG4",
            "DEBUG5",
            "გამართვა",
            "디버그",
            "ОТЛАДКА",
            "НАЛАГОДЖЕННЯ",
            "调试",
            "DEPURAÇÃO",
        ],
    ),
    (
        LogLevel::Info,
        &[
            "INFO",
            "ინფორმაცია",
            "정보",
            "ИНФОРМАЦИЯ",
            "ІНФОРМАЦІЯ",
            "信息",
            "情報",
            "INFORMACJA",
            "BİLGİ",
        ],
    ),
    (
        LogLevel::Log,
        &[
            "LOG",
            "ჟურნალი",
            "로그",
            "СООБЩЕНИЕ",
            "LOGG",
            "ЗАПИСУВАННЯ",
            "日志",
            "ログ",
            "DZIENNIK",
        ],
    ),
    (
        LogLevel::Notice,
        &[
            "NOTICE",
            "HINWEIS",
            "NOTIFICA",
            "알림",
            "ЗАМЕЧАНИЕ",
            "NOTIS",
            "ПОВІДОМЛЕННЯ",
            "注意",
            "通知",
            "UWAGA",
            "NOTA",
            "NOT",
        ],
    ),
    (
        LogLevel::Warning,
        &[
            "WARNING",
            "WARNUNG",
            "ATTENTION",
            "ATTENZIONE",
            "გაფრთხილება",
            "경고",
            "ПРЕДУПРЕЖДЕНИЕ",
            "VARNING",
            "ПОПЕРЕДЖЕННЯ",
            "警告",
            "ADVERTENCIA",
            "OSTRZEŻENIE",
            "AVISO",
            "UYARI",
        ],
    ),
    (
        LogLevel::Error,
        &[
            "ERROR",
            "FEHLER",
            "ERREUR",
            "ERRORE",
            "შეცდომა",
            "오류",
            "ОШИБКА",
            "FEL",
            "ПОМИЛКА",
            "错误",
            "エラー",
            "BŁĄD",
            "ERRO",
            "HATA",
        ],
    ),
    (
        LogLevel::Fatal,
        &[
            "FATAL",
            "FATALE",
            "ფატალური",
            "치명적오류",
            "ВАЖНО",
            "FATALT",
            "ФАТАЛЬНО",
            "致命错误",
            "致命的エラー",
            "KATASTROFALNY",
            "ÖLÜMCÜL (FATAL)",
        ],
    ),
    (
        LogLevel::Panic,
        &[
            "PANIC",
            "PANIK",
            "PANICO",
            "პანიკა",
            "손상",
            "ПАНИКА",
            "ПАНІКА",
            "比致命错误还过分的错误",
            "PÂNICO",
            "PANIKA",
            "KRİTİK",
        ],
    ),
];

const PARTS: [(Part, &[&str]); 7] = [
    (
        Part::Detail,
        &[
            "DETAIL",
            "DETALLE",
            "DÉTAIL",
            "DETTAGLI",
            "詳細",
            "დეტალები",
            "상세정보",
            "ПОДРОБНОСТИ",
            "DETALJ",
            "ВІДОМОСТІ",
            "详细信息",
            "SZCZEGÓŁY",
            "DETALHE",
            "AYRINTI",
        ],
    ),
    (
        Part::Hint,
        &[
            "HINT",
            "TIPP",
            "ASTUCE",
            "SUGGERIMENTO",
            "ヒント",
            "მინიშნება",
            "힌트",
            "ПОДСКАЗКА",
            "TIPS",
            "УКАЗІВКА",
            "提示",
            "PODPOWIEDŹ",
            "DICA",
            "İPUCU",
            "SUGERENCIA",
        ],
    ),
    (
        Part::Query,
        &[
            "QUERY",
            "ANFRAGE",
            "CONSULTA",
            "REQUÊTE",
            "問い合わせ",
            "მოთხოვნა",
            "쿼리",
            "ЗАПРОС",
            "FRÅGA",
            "ЗАПИТ",
            "查询",
            "ZAPYTANIE",
            "SORGU",
        ],
    ),
    (
        Part::Context,
        &[
            "CONTEXT",
            "ZUSAMMENHANG",
            "CONTEXTO",
            "CONTEXTE",
            "CONTESTO",
            "文脈",
            "კონტექსტი",
            "내용",
            "КОНТЕКСТ",
            "KONTEXT",
            "上下文",
            "KONTEKST",
            "ORTAM",
        ],
    ),
    (
        Part::Statement,
        &[
            "STATEMENT",
            "ANWEISUNG",
            "SENTENCIA",
            "INSTRUCTION",
            "ISTRUZIONE",
            "文",
            "ოპერატორი",
            "명령 구문",
            "ОПЕРАТОР",
            "SATS",
            "ІНСТРУКЦІЯ",
            "语句",
            "WYRAŻENIE",
            "COMANDO",
            "KOMUT",
        ],
    ),
    (
        Part::Location,
        &[
            "LOCATION",
            "ORT",
            "UBICACIÓN",
            "EMPLACEMENT",
            "POSIZIONE",
            "場所",
            "მდებარეობა",
            "위치",
            "ПОЛОЖЕНИЕ",
            "PLATS",
            "РОЗТАШУВАННЯ",
            "位置",
        ],
    ),
    (
        Part::Backtrace,
        &[
            "BACKTRACE",
            "PILE D'APPEL",
            "バックトレース",
            "სტეკი",
            "역추적",
            "СТЕК",
            "ВІДСТЕЖУВАТИ",
        ],
    ),
];

/// What a word says that PostgreSQL writes before a colon; none for any other word.
pub(super) fn known(word: &str) -> Option<Word> {
    let level = LEVELS.iter().find(|(_, words)| words.contains(&word));
    if let Some((level, _)) = level {
        return Some(Word::Level(*level));
    }
    let part = PARTS.iter().find(|(_, words)| words.contains(&word));
    part.map(|(part, _)| Word::Part(*part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_rank_as_people_mean_them() {
        assert!(LogLevel::Log < LogLevel::Warning);
        assert!(LogLevel::Warning < LogLevel::Error && LogLevel::Error < LogLevel::Fatal);
    }

    #[test]
    fn a_word_means_one_thing() {
        let mut seen = std::collections::BTreeSet::new();
        let levels = LEVELS.iter().flat_map(|(_, words)| words.iter());
        let parts = PARTS.iter().flat_map(|(_, words)| words.iter());
        for word in levels.chain(parts) {
            assert!(seen.insert(*word), "{word} stands twice");
        }
        assert_eq!(known("FEHLER"), Some(Word::Level(LogLevel::Error)));
        assert_eq!(known("TIPP"), Some(Word::Part(Part::Hint)));
        assert_eq!(known("Error"), None);
    }
}
