//! The whole state: what it is made of, how it is found, checked, written and read. It decides nothing.

pub mod check;
pub mod exchange;
pub mod listed;
pub mod look_ahead;
pub mod restore;
pub mod ruleset;
pub mod snapshot;
