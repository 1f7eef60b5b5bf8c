//! Bounds of the core. `engine/api/limits.py` gives each its unit and reason; a test holds both together.

macro_rules! limits {
    ($($name:ident: $kind:ty = $value:expr;)*) => {
        $(pub const $name: $kind = $value;)*

        /// Every bound as a line `NAME=value`, for the test that compares it to Python's.
        pub fn listing() -> String {
            let mut text = String::new();
            $(text.push_str(&format!("{}={}\n", stringify!($name), $name));)*
            text
        }
    };
}

limits! {
    PRICE_TICKS_MAX: i64 = 1_000_000_000_000;
    ORDER_QTY_LOTS_MAX: i64 = 1_000_000_000_000;
    TICK_LOT_MINOR_MAX: i128 = 1_000_000_000_000;
    LOT_MINOR_MAX: i128 = 1_000_000_000_000_000_000_000_000;
    NOTIONAL_MINOR_MAX: i128 = 10_000_000_000_000_000_000_000_000_000_000;
    ASSET_UNITS_MAX: i128 = 100_000_000_000_000_000;
    ASSET_DECIMALS_MAX: u8 = 18;
    FEE_DECIMALS: u8 = 8;
    FEE_PPM_MAX: i32 = 20_000;
    BAND_PPM_MAX: u32 = 1_000_000;
    CL_ORD_ID_LENGTH_MAX: usize = 36;
    TEXT_LENGTH_MAX: usize = 64;
    NAME_LENGTH_MAX: usize = 32;
    DEPOSIT_REF_LENGTH_MAX: usize = 64;
    STEPS_PER_COMMAND_MAX: u32 = 1_000;
    STEPS_PER_COMMAND_MIN: u32 = 16;
    STEP_BYTES_MAX: usize = 1_024;
    LOOKS_PER_STEP: u32 = 8;
    WITHDRAWALS_PER_FIRM_MAX: usize = 4;
    TRANCHES_PER_ORDER_MAX: i64 = 1_000;
    MARKS_IN_WINDOW_MAX: usize = 4_096;
    PEGS_PER_ACCOUNT_MAX: u32 = 50;
    PEGS_PER_FIRM_MAX: u32 = 200;
    PEGS_PER_SYMBOL_MAX: usize = 2_000;
    POSITION_LOTS_MAX: i128 = 1_000_000_000_000;
    POSITIONS_PER_ACCOUNT_MAX: usize = 64;
    LEVERAGE_MAX: u8 = 125;
    BRACKET_UNITS_MAX: i64 = 10_000_000_000_000;
    SCHEDULED_CHANGES_MAX: usize = 500;
    RULES_VERSION: u32 = 2;
    OWN_RULES_MAX: usize = 100_000;
    COLLATERAL_MINOR_MAX: i128 = 10_000_000_000_000_000_000_000_000_000_000_000;
    WEIGHT_PPM_MAX: u32 = 1_000_000;
    SYMBOLS_MAX: u32 = 4_096;
    ASSETS_MAX: u32 = 1_024;
    FIRMS_MAX: u32 = 65_535;
    ACCOUNTS_MAX: u32 = 1_000_000;
    SESSIONS_MAX: u32 = 65_535;
    COMMAND_BYTES_MAX: usize = 1_024;
    RECORD_BYTES_MAX: usize = 1 << 20;
    BATCH_COMMANDS_MAX: u32 = 65_535;
}
