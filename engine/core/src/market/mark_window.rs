//! The marks over which a move is judged (MAR-43): those that may still be the lowest or the highest of a window.

use std::collections::VecDeque;

use crate::language::limits::MARKS_IN_WINDOW_MAX;
use crate::language::units::Ticks;
use crate::market::instrument::MILLION;

/// A mark, and when it was set last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MarkSeen {
    pub ts_ns: u64,
    pub price: Ticks,
}

/// Each mark below all later ones, and each above all later ones, oldest first: their heads are the lowest and the highest.
#[derive(Default)]
pub struct MarkWindow {
    pub lows: VecDeque<MarkSeen>,
    pub highs: VecDeque<MarkSeen>,
}

impl MarkWindow {
    pub fn clear(&mut self) {
        self.lows.clear();
        self.highs.clear();
    }

    /// Forget what was set before a time.
    pub fn forget_before(&mut self, ts_ns: u64) {
        for marks in [&mut self.lows, &mut self.highs] {
            while marks.front().is_some_and(|oldest| oldest.ts_ns < ts_ns) {
                marks.pop_front();
            }
        }
    }

    /// Enter a mark that was just set.
    pub fn add(&mut self, mark: MarkSeen) {
        push(&mut self.lows, mark, |earlier| earlier >= mark.price);
        push(&mut self.highs, mark, |earlier| earlier <= mark.price);
    }

    /// How far a mark lies beyond those of the window, in ppm, when that is beyond `move_ppm`. Cost: O(1).
    pub fn breaking_move(&self, mark: Ticks, move_ppm: i128) -> Option<i64> {
        let low = i128::from(self.lows.front()?.price.number());
        let high = i128::from(self.highs.front()?.price.number());
        let price = i128::from(mark.number());
        if price * MILLION > low * (MILLION + move_ppm) {
            return Some(((price - low) * MILLION / low) as i64);
        }
        if price * MILLION < high * (MILLION - move_ppm) {
            return Some(-((high - price) * MILLION / high) as i64);
        }
        None
    }
}

/// Put a mark behind those it does not outdo; when there is no room, the last of them counts on in its place.
fn push(marks: &mut VecDeque<MarkSeen>, mark: MarkSeen, is_outdone: impl Fn(Ticks) -> bool) {
    while marks.back().is_some_and(|last| is_outdone(last.price)) {
        marks.pop_back();
    }
    let is_full = marks.len() >= MARKS_IN_WINDOW_MAX;
    match marks.back_mut().filter(|_| is_full) {
        Some(last) => last.ts_ns = mark.ts_ns,
        None => marks.push_back(mark),
    }
}
