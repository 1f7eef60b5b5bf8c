//! What accounts own, owe and hold.

pub mod account;
pub mod deposit_refs;
pub mod position;
