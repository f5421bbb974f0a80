//! The screen: how wide, in colour or not, and what the colours mean.

use std::sync::Arc;

use console::{Style, measure_text_width};

use super::advice::Given;

/// What is known of where the text goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// Columns; none when it is no terminal: then nothing is left out or wrapped.
    pub width: Option<u16>,
    /// Lines, for what must not scroll.
    pub height: Option<u16>,
    /// Colours may be used.
    pub color: bool,
    /// Every column is wanted (`-o wide`).
    pub wide: bool,
    /// What every suggestion on it is to say of the place that was looked at.
    pub given: Arc<Given>,
}

impl Screen {
    /// What stdout is. `color` is the wish; `NO_COLOR` (<https://no-color.org>), a dumb terminal
    /// and anything that is no terminal overrule it.
    pub fn of_stdout(color: bool, wide: bool, given: Arc<Given>) -> Self {
        Self::of_terminal(&console::Term::stdout(), color, wide, given)
    }

    /// The same for stderr.
    pub fn of_stderr(color: bool, given: Arc<Given>) -> Self {
        Self::of_terminal(&console::Term::stderr(), color, false, given)
    }

    fn of_terminal(terminal: &console::Term, color: bool, wide: bool, given: Arc<Given>) -> Self {
        let is_terminal = terminal.is_term();
        let size = terminal.size_checked();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: size.filter(|_| is_terminal).map(|(_, columns)| columns),
            height: size.filter(|_| is_terminal).map(|(rows, _)| rows),
            color: color && is_terminal && !set("NO_COLOR") && !dumb,
            wide,
            given,
        }
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Colours text.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.color => return text.to_owned(),
            Tone::Normal => return text.to_owned(),
            Tone::Good => Style::new().green(),
            Tone::Warning => Style::new().yellow(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Faint => Style::new().dim(),
            Tone::Strong => Style::new().bold(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }

    /// Breaks text at spaces so that it fits; lines after the first are indented. A word that is
    /// longer than a line stays whole, so that it can be copied.
    pub fn wrap(&self, text: &str, indent: usize) -> String {
        let Some(width) = self.width.map(usize::from) else {
            return text.to_owned();
        };
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for (position, word) in text.split(' ').enumerate() {
            let fits = measure_text_width(&line) + 1 + measure_text_width(word) <= width;
            if position == 0 {
                line.push_str(word);
            } else if fits || line.trim().is_empty() {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(std::mem::take(&mut line));
                line = format!("{}{word}", " ".repeat(indent));
            }
        }
        lines.push(line);
        lines.join("\n")
    }
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Normal,
    /// As it should be.
    Good,
    /// Needs a person soon.
    Warning,
    /// Needs a person now.
    Bad,
    /// Less important.
    Faint,
    /// More important.
    Strong,
}
