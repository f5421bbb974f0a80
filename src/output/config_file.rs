//! `pgctl config where` and `init`: pgctl's own defaults.

use super::plain::plain;
use super::screen::Screen;
use super::table::{Column, Table, normal};

/// The file with defaults, and what it says for one context.
#[derive(Debug, Clone)]
pub struct OwnDefaults {
    /// Where it is, or would be.
    pub path: String,
    /// Whether it is there.
    pub exists: bool,
    /// The context that is asked, when that makes a difference.
    pub context: Option<String>,
    /// Its options, by name.
    pub defaults: Vec<OwnDefault>,
}

/// What an option is when nobody gives it.
#[derive(Debug, Clone)]
pub struct OwnDefault {
    /// Its long name.
    pub option: String,
    /// As it would be typed.
    pub value: String,
    /// For which context; none when it is for all.
    pub context: Option<String>,
    /// The environment variable that comes before it, when that is set.
    pub overruled_by: Option<String>,
}

/// For people.
pub fn own_defaults_screen(found: &OwnDefaults, screen: &Screen) -> String {
    let path = plain(&found.path);
    if !found.exists {
        return format!(
            "{path}: there is none, so the built-in defaults hold\n  next: {}\n",
            screen.given.suggestion("pgctl config init")
        );
    }
    if found.defaults.is_empty() {
        let what = "everything in it is a comment, so the built-in defaults hold";
        return format!("{path}: {what}\n");
    }
    let mut table = Table::new(&[
        Column::kept("OPTION"),
        Column::kept("VALUE"),
        Column::kept("FOR CONTEXT"),
        Column::kept("OVERRULED BY"),
    ]);
    for it in &found.defaults {
        let or_dash = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
        table.row([
            normal(format!("--{}", it.option)),
            normal(plain(&it.value)),
            normal(
                it.context
                    .as_ref()
                    .map_or_else(|| "all".to_owned(), |it| plain(it)),
            ),
            normal(or_dash(&it.overruled_by)),
        ]);
    }
    let asked = found.context.as_ref();
    let asked = asked.map_or_else(String::new, |it| format!(", in the context {}", plain(it)));
    format!("{path}{asked}\n\n{}\n", table.draw(screen))
}
