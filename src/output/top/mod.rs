//! The live screen of `pgctl top`, and its lines where there is no screen.

mod board;
mod lines;
mod spark;
mod statements;
mod view;

pub use lines::{top_heading, top_lines};
pub use view::{TopSort, TopView, draw_top, sorted_statements};
