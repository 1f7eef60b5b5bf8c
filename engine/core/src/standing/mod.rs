//! The shared fold of the log, for those who follow: what the events of every record leave standing. It knows no rule
//! and no balance; it reads what was decided. `engine/standing` is its typed face, and its twin for single events.

mod by_order;
mod closed;
pub mod fold;
mod kept;
mod market;
pub mod order;
mod state;
mod window;
