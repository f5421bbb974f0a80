//! The keys that are pressed, from a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::state::Key;

/// How long the thread waits for a key before it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// What comes from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// A key.
    Key(Key),
    /// Ctrl-C: in raw mode the terminal sends no signal for it.
    Interrupt,
    /// The terminal has another size.
    Resized,
}

/// The keyboard. Dropping it ends the thread.
pub(super) struct Keyboard {
    typed: mpsc::UnboundedReceiver<Typed>,
    ends: Arc<AtomicBool>,
}

impl Keyboard {
    /// Begins to read keys.
    pub(super) fn new() -> Self {
        let (tell, typed) = mpsc::unbounded_channel();
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                match event::poll(LOOK) {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(_) => return,
                }
                let Ok(event) = event::read() else { return };
                if let Some(typed) = meaning(&event)
                    && tell.send(typed).is_err()
                {
                    return;
                }
            }
        });
        Self { typed, ends }
    }

    /// What comes next; none when the terminal has gone.
    pub(super) async fn next(&mut self) -> Option<Typed> {
        self.typed.recv().await
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn meaning(event: &Event) -> Option<Typed> {
    let key = match event {
        Event::Resize(..) => return Some(Typed::Resized),
        Event::Key(key) => key,
        _ => return None,
    };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let KeyEvent {
        code, modifiers, ..
    } = key;
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (*code == KeyCode::Char('c')).then_some(Typed::Interrupt);
    }
    let key = match code {
        KeyCode::Char(c) => Key::Char(*c),
        KeyCode::Tab | KeyCode::Right => Key::NextServer,
        KeyCode::BackTab | KeyCode::Left => Key::PreviousServer,
        KeyCode::Down => Key::Down,
        KeyCode::Up => Key::Up,
        KeyCode::Esc => Key::Escape,
        _ => return None,
    };
    Some(Typed::Key(key))
}
