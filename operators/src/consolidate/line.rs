//! The line of valid time of one key: which value holds from when until when, as a fold over claims sees it.
//!
//! Pieces are sorted and do not overlap, but for those that are disputed, or were: they stand in a stack, with one
//! beginning and one end. The vague ones, whose beginning nobody knows, stand before all others and compete with none. Every change tells [`Told`] which versions of facts come and go, so that a claim's effect on the
//! output is known without comparing lines. Cost: a binary search, and the pieces that change.

use std::ops::Range;

use nexus_types::{FactId, Millis, Status};

/// The start of a vague piece: "used to", without a time.
pub(super) const UNKNOWN: Millis = Millis::MIN;
/// The end of a piece that has none.
pub(super) const OPEN: Millis = Millis::MAX;
/// The closing of a piece that no claim of another predicate ended.
pub(super) const NOBODY: u32 = u32::MAX;

/// A fact as it is held: 56 bytes. What it says is its opening claim's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) id: FactId,
    pub(super) start: Millis,
    pub(super) end: Millis,
    /// Since when it is held in this form.
    pub(super) known_from: Millis,
    /// Which claim of the key opened it.
    pub(super) opening: u32,
    /// Which entry of the key, of another predicate, ended it; [`NOBODY`] for most.
    pub(super) closing: u32,
    pub(super) support: u32,
    pub(super) confidence: u16,
    pub(super) status: Status,
    pub(super) disputed: bool,
}

/// Who wants to know what a fold does.
pub(super) trait Told {
    /// A version of a fact, held until `known_to`, comes (+1) or goes (-1).
    fn version(&mut self, piece: &Piece, known_to: Millis, diff: isize);
}

/// Nobody.
pub(super) struct Silent;

impl Told for Silent {
    fn version(&mut self, _: &Piece, _: Millis, _: isize) {}
}

/// The pieces of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<Piece>);

impl Line {
    pub(super) fn get(&self, at: usize) -> &Piece {
        &self.0[at]
    }

    /// The piece that holds at `time`; of a stack, the first.
    pub(super) fn at(&self, time: Millis) -> Option<usize> {
        let at = self.0.partition_point(|piece| piece.start <= time).checked_sub(1)?;
        self.known(at).filter(|at| self.0[*at].end > time)
    }

    /// The piece that holds just before `time`, or ends there; of a stack, the first.
    pub(super) fn before(&self, time: Millis) -> Option<usize> {
        let at = self.0.partition_point(|piece| piece.start < time).checked_sub(1)?;
        self.known(at).filter(|at| self.0[*at].end >= time)
    }

    /// The pieces that stand where the one at `at` does.
    pub(super) fn stack(&self, at: usize) -> Range<usize> {
        let start = self.0[at].start;
        if start == UNKNOWN {
            return at..at + 1;
        }
        let below = self.0[..at].iter().rev().take_while(|piece| piece.start == start).count();
        let above = self.0[at + 1..].iter().take_while(|piece| piece.start == start).count();
        at - below..at + 1 + above
    }

    /// The first piece that starts after `time`.
    pub(super) fn after(&self, time: Millis) -> Option<usize> {
        Some(self.0.partition_point(|piece| piece.start <= time)).filter(|at| *at < self.0.len())
    }

    /// The first piece that starts at `from` or later, but before `to`.
    pub(super) fn starting(&self, from: Millis, to: Millis) -> Option<usize> {
        let at = self.0.partition_point(|piece| piece.start < from);
        (at < self.0.len() && self.0[at].start < to).then_some(at)
    }

    /// The pieces that hold somewhere from `from` until `to`.
    pub(super) fn overlapping(&self, from: Millis, to: Millis) -> impl Iterator<Item = &Piece> {
        let first = self.at(from).or_else(|| self.after(from)).unwrap_or(self.0.len());
        self.0[first..].iter().take_while(move |piece| piece.start < to && from < to)
    }

    /// The latest piece that starts before `time` and fits, vague ones last.
    pub(super) fn latest(&self, time: Millis, fits: impl Fn(&Piece) -> bool) -> Option<usize> {
        let end = self.0.partition_point(|piece| piece.start < time);
        self.0[..end].iter().rposition(fits)
    }

    /// The start of the first piece whose start is known.
    pub(super) fn first_start(&self) -> Option<Millis> {
        self.after(UNKNOWN).map(|at| self.0[at].start)
    }

    /// The first piece of the stack at `at`, if its start is known.
    fn known(&self, at: usize) -> Option<usize> {
        (self.0[at].start != UNKNOWN).then(|| self.stack(at).start)
    }

    /// Puts in a piece; where it goes, nothing holds.
    pub(super) fn insert(&mut self, piece: Piece, told: &mut impl Told) {
        told.version(&piece, OPEN, 1);
        let at = self.0.partition_point(|other| other.start <= piece.start);
        self.0.insert(at, piece);
    }

    /// Takes a piece out: from `now` on it is not held.
    pub(super) fn remove(&mut self, at: usize, now: Millis, told: &mut impl Told) {
        let piece = self.0.remove(at);
        retire(&piece, now, told);
    }

    /// Takes out all pieces of a stack but one.
    pub(super) fn keep_only(&mut self, at: usize, now: Millis, told: &mut impl Told) {
        for other in self.stack(at).rev().filter(|other| *other != at) {
            self.remove(other, now, told);
        }
    }

    /// A piece ends at `time`, by the claim of another predicate if `closing` names one.
    pub(super) fn close(&mut self, at: usize, time: Millis, closing: u32, now: Millis, told: &mut impl Told) {
        self.change(at, now, told, |piece| {
            (piece.end, piece.status, piece.closing, piece.disputed) = (time, Status::Ended, closing, false);
        });
    }

    /// Changes when a piece holds or how it stands: a new version of it.
    pub(super) fn change(&mut self, at: usize, now: Millis, told: &mut impl Told, how: impl FnOnce(&mut Piece)) {
        let piece = &mut self.0[at];
        retire(piece, now, told);
        how(piece);
        piece.known_from = now;
        told.version(piece, OPEN, 1);
    }

    /// Another claim says the same: more support, more confidence, no new version.
    pub(super) fn agree(&mut self, at: usize, strength: u16, told: &mut impl Told) {
        let piece = &mut self.0[at];
        told.version(piece, OPEN, -1);
        piece.strengthen(strength);
        told.version(piece, OPEN, 1);
    }

    /// Makes room from `from` until `to`: what holds there is cut. What is cut in two goes on, on the right, as a
    /// fact of its own, called `right(id)`.
    pub(super) fn clear(
        &mut self,
        (from, to): (Millis, Millis),
        now: Millis,
        told: &mut impl Told,
        right: impl Fn(FactId) -> FactId,
    ) {
        if from >= to {
            return;
        }
        let mut at = self.at(from).or_else(|| self.after(from)).unwrap_or(self.0.len());
        while at < self.0.len() && self.0[at].start < to {
            let piece = self.0[at];
            if piece.start < from {
                self.change(at, now, told, |left| {
                    (left.end, left.status, left.closing, left.disputed) = (from, Status::Superseded, NOBODY, false);
                });
                if piece.end > to {
                    let id = right(piece.id);
                    self.insert(Piece { id, start: to, known_from: now, disputed: false, ..piece }, told);
                }
                at += 1;
            } else if piece.end > to {
                self.change(at, now, told, |rest| (rest.start, rest.disputed) = (to, false));
                at += 1;
            } else {
                self.remove(at, now, told);
            }
        }
    }
}

impl Piece {
    /// Two independent words are surer than the surer of them: it takes away a quarter of what it would alone.
    pub(super) fn strengthen(&mut self, strength: u16) {
        let doubt = 1000_u32.saturating_sub(self.confidence.into());
        self.confidence += (doubt * u32::from(strength) / 4000) as u16;
        self.support += 1;
    }
}

/// The held version ends; it stays as what was known until `now`, if it ever was.
fn retire(piece: &Piece, now: Millis, told: &mut impl Told) {
    told.version(piece, OPEN, -1);
    if piece.known_from < now {
        told.version(piece, now, 1);
    }
}
