//! The live screen of `pgctl top`, and its lines where there is no screen.

mod board;
mod draw;
mod lines;
mod spark;
mod statements;
mod view;

pub use draw::draw_top;
pub use lines::{top_heading, top_lines};
pub use view::{TopSort, TopView, sorted_statements};
