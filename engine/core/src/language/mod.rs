//! What the core reads and writes: frames, commands, events, their numbers and bounds.

pub mod amount;
pub mod bytes;
pub mod codes;
pub mod command;
pub mod crc32c;
pub mod event;
pub mod frame;
pub mod ids;
pub mod layout;
pub mod limits;
pub mod listing;
pub mod parameters;
pub mod processor;
pub mod record;
pub mod text;
pub mod units;
