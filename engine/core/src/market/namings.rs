//! `ClOrdIDs` and what they name: in use, or spent and not forgotten yet (docs/MATCHING.md, section 9).
//!
//! What is forgotten is found no more from that moment on; its memory is used again a little later, which nobody can
//! tell.

use crate::language::ids::{keys, kinds, Key, OrderId, SessionId};
use crate::language::limits::CL_ORD_ID_LENGTH_MAX;
use crate::language::processor::Prefetch;
use crate::market::order_register::Entry;
use crate::store::index::{hash, Index};
use crate::store::slab::{Slab, NIL};
use crate::store::texts::{Kept, Texts};

kinds! {
    /// Where a `ClOrdID` is kept.
    NamingSlot(u32)
}

keys! { NamingSlot }

impl NamingSlot {
    pub const NIL: Self = Self::new(NIL);

    pub fn present(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

/// A `ClOrdID` that names an order.
#[derive(Clone, Copy)]
pub struct Naming {
    /// When it was spent, 0 while it is in use.
    pub spent_ns: u64,
    pub source: SessionId,
    /// The order it names; `NIL` when it is not kept any more.
    pub entry: Entry,
    /// The one of its source that was spent next.
    next: NamingSlot,
    /// Its number among those its source has spent, modulo 2^32.
    number: u32,
    cl_ord_id: Kept,
}

/// The `ClOrdIDs` a source has spent, the oldest first.
#[derive(Clone, Copy)]
struct Spent {
    first: NamingSlot,
    last: NamingSlot,
    /// Number of the next one.
    number: u32,
    /// Those with lower numbers are forgotten: too many were spent since.
    kept_from: u32,
}

const NONE_SPENT: Spent = Spent { first: NamingSlot::NIL, last: NamingSlot::NIL, number: 0, kept_from: 0 };

/// A `ClOrdID` that is not forgotten, as a snapshot holds it.
pub struct Named<'a> {
    pub source: SessionId,
    pub order_id: OrderId,
    /// The order was entered with it.
    pub is_entered: bool,
    /// 0 while it is in use.
    pub spent_ns: u64,
    pub cl_ord_id: &'a [u8],
}

pub struct Namings {
    kept: Slab<NamingSlot, Naming>,
    texts: Texts<CL_ORD_ID_LENGTH_MAX>,
    index: Index<NamingSlot>,
    /// By source.
    spent: Vec<Spent>,
    /// The source whose forgotten `ClOrdIDs` are looked for next.
    turn: usize,
    /// `ClOrdIDs` spent at or before this are forgotten.
    pub forgotten_ns: u64,
    now_ns: u64,
    /// How many spent `ClOrdIDs` of one source are remembered.
    pub spent_max: u32,
    seed: u64,
}

impl Namings {
    pub fn new(seed: u64) -> Self {
        Self {
            kept: Slab::new(),
            texts: Texts::new(),
            index: Index::large(),
            spent: Vec::new(),
            turn: 0,
            forgotten_ns: 0,
            now_ns: 0,
            spent_max: 0,
            seed,
        }
    }

    /// Begin a command: forget what was spent longer ago than `window_ns`, or is not among the last `spent_max` of its
    /// source. Returns a source to look for forgotten ones of.
    #[inline(always)]
    pub fn begin(&mut self, now_ns: u64, window_ns: u64, spent_max: u32) -> Option<SessionId> {
        self.now_ns = now_ns;
        self.spent_max = spent_max;
        self.forgotten_ns = self.forgotten_ns.max(now_ns.saturating_sub(window_ns));
        let turn = self.turn;
        self.turn = if turn < self.spent.len() { turn + 1 } else { 0 };
        (turn < self.spent.len()).then(|| SessionId::of(turn))
    }

    /// Hash a `ClOrdID` once for a look-up and the naming that may follow it.
    pub fn key(&self, source: SessionId, cl_ord_id: &[u8]) -> u64 {
        hash(self.seed, source.number(), cl_ord_id)
    }

    /// Find what a session's `ClOrdID` names. Cost: O(1) expected.
    #[inline(always)]
    pub fn find(&self, key: u64, source: SessionId, cl_ord_id: &[u8]) -> Option<Entry> {
        let is_same = |at: NamingSlot| {
            let naming = &self.kept[at];
            naming.source == source && self.texts.get(&naming.cl_ord_id) == cl_ord_id && !self.is_forgotten(naming)
        };
        self.index.find(key, is_same).map(|at| self.kept[at].entry)
    }

    /// Bring what looking up a `ClOrdID` will read first into the cache.
    pub fn prefetch(&self, key: u64, prefetch: Prefetch) {
        self.index.prefetch(key, prefetch);
    }

    /// Let a `ClOrdID` that `find` does not find name an order.
    #[inline(always)]
    pub fn add(&mut self, key: u64, source: SessionId, entry: Entry, cl_ord_id: &[u8]) -> NamingSlot {
        let cl_ord_id = self.texts.keep(cl_ord_id);
        let naming = Naming { spent_ns: 0, source, entry, next: NamingSlot::NIL, number: 0, cl_ord_id };
        let at = self.kept.insert(naming);
        self.index.insert(key, at);
        at
    }

    /// Let a `ClOrdID` be in use no more; returns its source.
    pub fn spend(&mut self, at: NamingSlot) -> SessionId {
        self.queue(at, self.now_ns);
        let source = self.kept[at].source;
        let spent = &mut self.spent[source.at()];
        let kept_from = spent.number.wrapping_sub(self.spent_max);
        if is_before(spent.kept_from, kept_from) {
            spent.kept_from = kept_from;
        }
        source
    }

    /// Put a `ClOrdID` behind those its source has spent.
    pub fn queue(&mut self, at: NamingSlot, spent_ns: u64) {
        let source = self.kept[at].source.at();
        if source >= self.spent.len() {
            self.spent.resize(source + 1, NONE_SPENT);
        }
        let spent = &mut self.spent[source];
        let last = std::mem::replace(&mut spent.last, at);
        if last == NamingSlot::NIL {
            spent.first = at;
        } else {
            self.kept[last].next = at;
        }
        let naming = &mut self.kept[at];
        (naming.number, naming.spent_ns) = (spent.number, spent_ns);
        spent.number = spent.number.wrapping_add(1);
    }

    fn is_forgotten(&self, naming: &Naming) -> bool {
        naming.spent_ns != 0
            && (naming.spent_ns <= self.forgotten_ns
                || is_before(naming.number, self.spent[naming.source.at()].kept_from))
    }

    /// Tell whether a `ClOrdID` is kept that is not forgotten.
    pub fn is_remembered(&self, at: NamingSlot) -> bool {
        at != NamingSlot::NIL && !self.is_forgotten(&self.kept[at])
    }

    /// Give up the oldest `ClOrdID` that a source has spent, if it is forgotten; returns where it was kept, and what it
    /// named.
    #[inline(always)]
    pub fn drop_forgotten(&mut self, source: SessionId) -> Option<(NamingSlot, Entry)> {
        let at = self.spent[source.at()].first.present()?;
        let naming = self.kept[at];
        if !self.is_forgotten(&naming) {
            return None;
        }
        let spent = &mut self.spent[source.at()];
        spent.first = naming.next;
        if spent.first == NamingSlot::NIL {
            spent.last = NamingSlot::NIL;
        }
        let key = self.key(source, self.texts.get(&naming.cl_ord_id));
        self.index.remove(key, at);
        self.texts.drop(&naming.cl_ord_id);
        self.kept[at].entry = Entry::NIL;
        self.kept.remove(at);
        Some((at, naming.entry))
    }

    pub fn text(&self, at: NamingSlot) -> &[u8] {
        self.texts.get(&self.kept[at].cl_ord_id)
    }

    /// Walk the spent `ClOrdIDs` that are not forgotten, by source, the oldest first.
    pub fn spent(&self) -> impl Iterator<Item = NamingSlot> + '_ {
        let queues = self.spent.iter().flat_map(move |spent| {
            std::iter::successors(spent.first.present(), move |at| self.kept[*at].next.present())
        });
        queues.filter(|at| self.is_remembered(*at))
    }

    /// Count what is kept, forgotten or not.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Check that every `ClOrdID` is found under its own key, as long as it should be. Cost: O(`ClOrdIDs`).
    pub fn check(&self) -> Result<(), &'static str> {
        for (at, naming) in self.kept.iter().filter(|(_, naming)| naming.entry != Entry::NIL) {
            let key = self.key(naming.source, self.text(at));
            if self.index.find(key, |found| found == at).is_none() {
                return Err("a ClOrdID is not found under its key");
            }
            if self.is_remembered(at) && self.find(key, naming.source, self.text(at)) != Some(naming.entry) {
                return Err("a ClOrdID does not name its order");
            }
        }
        (self.kept.len() == self.index.len()).then_some(()).ok_or("the index of ClOrdIDs has another length")
    }
}

/// Compare numbers that count modulo 2^32.
fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

impl std::ops::Index<NamingSlot> for Namings {
    type Output = Naming;

    fn index(&self, at: NamingSlot) -> &Naming {
        &self.kept[at]
    }
}
