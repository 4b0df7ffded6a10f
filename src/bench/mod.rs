//! Measurements on the user's machine with the user's file: what `decon-gpu bench` does.
//!
//! | file | what it measures |
//! |---|---|
//! | `load` | the ways to load a file, side by side; `pass` is one of them, in a process of its own |
//! | `overlap` | the stages of a run, alone (`partial`) and together; other `flows`; slower and slower storage |
//! | `compute` | iterations by size and backend, beside `copies` of memory |
//!
//! All end in the same [`Results`]: tables of rows, each the runs of one measurement. They are printed, written as JSON
//! and as a page (`html`), and compared (`compare`).

mod cache;
mod checksum;
pub mod compare;
pub mod compute;
mod copies;
mod flows;
pub mod html;
pub mod load;
mod machine;
pub mod overlap;
mod partial;
pub mod pass;
mod results;
mod runs;
mod topmost;

pub use results::{Better, Cell, Column, Results, Row, Table};
pub use runs::Runs;
