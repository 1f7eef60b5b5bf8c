//! What happens: each file is a section of docs/MATCHING.md, and changes the state by its verbs.

pub mod account_states;
pub mod apply;
pub mod auction;
pub mod debts;
pub mod entry;
pub mod governance;
pub mod kill_switch;
pub mod life_cycle;
pub mod listing;
pub mod loans;
pub mod margin;
pub mod market_states;
pub mod matching;
pub mod out;
pub mod overlap;
pub mod pegs;
pub mod positions;
pub mod pro_rata;
pub mod reduce_only;
pub mod registration;
pub mod replace;
pub mod requests;
pub mod solvency;
pub mod stops;
pub mod turns;
pub mod withdrawals;
