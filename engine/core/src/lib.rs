//! The compiled core of the exchange: command frames in, records out, nothing else.
//!
//! Each folder knows those before it and none after it: `language` (frames, commands, events), `store` (slabs,
//! ladders, registries), `market` and `accounts` (what a symbol and an account are made of), `state` (all of them
//! together), `rules` (what a command does), `ffi` (the C ABI). Beside them `standing` folds records for those who follow. Reading order: `rules/apply`, `rules/entry`,
//! `rules/matching`, `market/book`, `accounts/account`, `rules/life_cycle`, `rules/replace`; the rules are written
//! down in docs/MATCHING.md.

mod accounts;
mod ffi;
mod language;
mod market;
mod rules;
mod standing;
mod state;
mod store;

pub use ffi::this_processor;
pub use rules::apply::Progress;
pub use state::exchange::Exchange;
