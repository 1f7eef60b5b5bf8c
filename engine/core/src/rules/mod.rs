//! What happens: each file is a section of docs/MATCHING.md, and changes the state by its verbs.

pub mod apply;
pub mod auction;
pub mod entry;
pub mod life_cycle;
pub mod loans;
pub mod margin;
pub mod matching;
pub mod operations;
pub mod pegs;
pub mod positions;
pub mod pro_rata;
pub mod replace;
pub mod requests;
pub mod stops;
