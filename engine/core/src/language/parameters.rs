//! Parameters: every rule that governance may change, with its bounds and what holds until it is set. Units and reasons
//! stand in `engine/api/parameters.py`; a test compares both.

use crate::language::codes::{Parameter, Subject};
use crate::language::layout::{constant_case, Line};
use crate::language::limits::{BAND_PPM_MAX, BRACKET_UNITS_MAX, LEVERAGE_MAX, POSITIONS_PER_ACCOUNT_MAX};

/// In place of a value: the subject has none of its own any more.
pub const UNSET: i64 = -1;

/// What may be set, bounds inclusive, and what holds until it is.
pub struct Rule {
    pub subject: Subject,
    pub least: i64,
    pub most: i64,
    pub default: i64,
}

macro_rules! rules {
    ($($parameter:ident: $subject:ident $least:literal ..= $most:expr, $default:expr;)*) => {
        /// One row a parameter, in the order of their numbers.
        pub const RULES: [Rule; [$(Parameter::$parameter),*].len()] = [$(Rule {
            subject: Subject::$subject,
            least: $least,
            most: $most,
            default: $default,
        },)*];

        /// Every parameter as a line `parameter NAME subject least most default`.
        pub fn listing() -> String {
            let mut line = Line::default();
            $(
                let row = rule(Parameter::$parameter);
                line.begin("parameter", constant_case(stringify!($parameter)));
                line.word(row.subject as u8).word(row.least).word(row.most).word(row.default);
            )*
            line.text
        }
    };
}

const DAY_NS: i64 = 86_400_000_000_000;
const LEVERAGE: i64 = LEVERAGE_MAX as i64;
const UNITS: i64 = BRACKET_UNITS_MAX;

rules! {
    ClOrdIdWindowNs: None 1_000_000_000..=31 * DAY_NS, DAY_NS;
    ClOrdIdsSpentMax: None 1..=10_000_000, 1_000_000;
    OpenOrdersPerSymbolMax: Account 0..=10_000, 1_000;
    OpenOrdersPerAccountMax: Account 0..=100_000, 10_000;
    PositionsPerAccountMax: Account 0..=POSITIONS_PER_ACCOUNT_MAX as i64, 64;
    LeverageDefault: None 1..=LEVERAGE, 10;
    MarginAccountLeverageMax: None 1..=10, 10;
    Tier1LeverageMax: None 1..=LEVERAGE, 20;
    Tier2LeverageMax: None 1..=LEVERAGE, 50;
    Tier3LeverageMax: None 1..=LEVERAGE, 100;
    Tier4LeverageMax: None 1..=LEVERAGE, 125;
    Tier1PositionMax: None 0..=UNITS, 100_000;
    Tier2PositionMax: None 0..=UNITS, 1_000_000;
    Tier3PositionMax: None 0..=UNITS, 10_000_000;
    Tier4PositionMax: None 0..=UNITS, 0;
    BreakerNs: Symbol 1_000_000_000..=DAY_NS, 300_000_000_000;
    BreakerWindowS: Symbol 1..=600, 60;
    BreakerMovePpm: Symbol 1_000..=1_000_000, 100_000;
    BandPpm: Symbol 0..=BAND_PPM_MAX as i64, 0;
    SessionMessagesPerSMax: Session 1..=1_000_000, 1_000_000;
    SessionBurstMax: Session 1..=1_000_000, 1_000_000;
    AccountMessagesPerSMax: Account 1..=1_000_000, 1_000_000;
    AccountBurstMax: Account 1..=1_000_000, 1_000_000;
    AccountLendingSharePpm: Account 0..=1_000_000, 250_000;
    FirmLendingSharePpm: Firm 0..=1_000_000, 500_000;
}

/// The rule of a parameter.
pub fn rule(parameter: Parameter) -> &'static Rule {
    static ROWS: [Rule; RULES.len()] = RULES;
    &ROWS[parameter as usize - 1]
}

/// What holds for positions up to a notional, in whole units of the quote asset; 0 in the last one, for all larger ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bracket {
    pub notional_max: i64,
    pub leverage_max: u8,
    pub maintenance_ppm: u32,
}

/// Most rows of a table: what its command has room for.
pub const BRACKETS_MAX: usize = 8;

/// A table of margin brackets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Brackets {
    rows: [Bracket; BRACKETS_MAX],
    count: usize,
}

const NO_BRACKET: Bracket = Bracket { notional_max: 0, leverage_max: 0, maintenance_ppm: 0 };

/// What holds until brackets are set (RES-24).
const DEFAULT: [Bracket; 6] = [
    Bracket { notional_max: 50_000, leverage_max: 125, maintenance_ppm: 4_000 },
    Bracket { notional_max: 250_000, leverage_max: 100, maintenance_ppm: 5_000 },
    Bracket { notional_max: 1_000_000, leverage_max: 50, maintenance_ppm: 10_000 },
    Bracket { notional_max: 5_000_000, leverage_max: 20, maintenance_ppm: 25_000 },
    Bracket { notional_max: 20_000_000, leverage_max: 10, maintenance_ppm: 50_000 },
    Bracket { notional_max: 0, leverage_max: 5, maintenance_ppm: 100_000 },
];

impl Default for Brackets {
    fn default() -> Self {
        Self::new(&DEFAULT).expect("the table of brackets is sound")
    }
}

impl Brackets {
    /// Make a table of brackets that follow one another and leave a margin between entry and maintenance.
    pub fn new(given: &[Bracket]) -> Option<Self> {
        let (last, bounded) = given.split_last()?;
        let is_row = |row: &Bracket| {
            let margin = u64::from(row.maintenance_ppm) * u64::from(row.leverage_max);
            (1..=LEVERAGE_MAX).contains(&row.leverage_max) && row.maintenance_ppm >= 1 && margin <= 1_000_000
        };
        let follows = |pair: &[Bracket]| {
            pair[0].leverage_max >= pair[1].leverage_max && pair[0].maintenance_ppm <= pair[1].maintenance_ppm
        };
        let is_sound = given.len() <= BRACKETS_MAX
            && last.notional_max == 0
            && bounded.iter().all(|row| (1..=BRACKET_UNITS_MAX).contains(&row.notional_max))
            && bounded.windows(2).all(|pair| pair[0].notional_max < pair[1].notional_max)
            && given.windows(2).all(follows)
            && given.iter().all(is_row);
        let mut rows = [NO_BRACKET; BRACKETS_MAX];
        is_sound.then(|| rows[..given.len()].copy_from_slice(given))?;
        Some(Self { rows, count: given.len() })
    }

    pub fn rows(&self) -> &[Bracket] {
        &self.rows[..self.count]
    }

    /// The bracket of a notional, given the minor units of a whole unit; its upper bound belongs to it.
    pub fn of(&self, notional: i128, unit: i128) -> Bracket {
        let last = self.count - 1;
        let holds = |row: &&Bracket| notional <= i128::from(row.notional_max) * unit;
        self.rows[..last].iter().find(holds).copied().unwrap_or(self.rows[last])
    }
}
