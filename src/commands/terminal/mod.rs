//! The terminal that `pgctl` runs on, while a program in a pod has it.

mod keyboard;
mod raw_mode;
mod screen;

pub(super) use keyboard::keyboard;
pub(super) use raw_mode::{RawMode, is_terminal, window_sizes};
pub(super) use screen::screen;
