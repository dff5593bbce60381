//! The fold: what a key's claims, in order, make of its line. Pure; [`super::naive`] says the same by brute force.
//!
//! Two values that are said at one time, for one time, are disputed: they stand on the line together until a later word
//! names one of them, or ends them all. Where one only says the other more exactly, the exact one stands.
//!
//! Strength is the claim's confidence times its source's trust, in thousandths. A word does not touch a fact held with
//! more than twice its strength. A claim with an end, or that something *was*, is laid on exactly its interval; one
//! without reaches until the next value that starts later. The rest is in [`Reason`], rule by rule.
//! Cost per claim: a binary search and the pieces it changes; a vague word about the past ("used to") looks through the
//! line for its value.

use std::sync::Arc;

use nexus_types::time::{MILLIS_MAX, MILLIS_MIN};
use nexus_types::{Action, Aspect, Claim, ClaimId, FactId, Held, Millis, Modality, Polarity, Status};

use super::line::{Line, NOBODY, OPEN, Piece, Told, UNKNOWN};
use super::reason::Reason;

/// Milliseconds of a day.
const DAY: Millis = 86_400_000;

/// What several values mean for each other within one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// One key for all values; a new one takes the old one's place.
    Replace,
    /// One key per object; what can change is whether it holds, or which of two opposite predicates does.
    Add,
    /// One key per object; each day it happened is a fact.
    Event,
    /// One key per pair, whichever end speaks; what can change is whether it holds.
    Pair,
    /// A claim that is read from its other end: it waits here for another policy.
    Silent,
}

/// How a claim came to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It is about the key's subject.
    Said,
    /// The key's subject is its object.
    Turned,
    /// It is of another predicate, and ends what holds here. It gets no decision.
    Ends,
}

/// How much a claim counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// For nothing: the user said so.
    Rejected,
    /// Confidence times trust, in thousandths.
    Strength(u16),
}

/// A claim as its key keeps it. Sorts in the order of the fold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) claim: Arc<Claim>,
    pub(super) object: Held,
    pub(super) standing: Standing,
    pub(super) role: Role,
}

/// What was done with a claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) action: Action,
    pub(super) fact: Option<FactId>,
    pub(super) replaced: Option<FactId>,
    pub(super) reason: Reason,
}

/// Lays the claim at `at` on the line of all before it. A claim that only ends something has no outcome of its own.
pub(super) fn step(mode: Mode, entries: &[Entry], at: usize, line: &mut Line, told: &mut impl Told) -> Option<Outcome> {
    let outcome = decide(mode, entries, at, line, told);
    (entries[at].role != Role::Ends).then_some(outcome)
}

fn decide(mode: Mode, entries: &[Entry], at: usize, line: &mut Line, told: &mut impl Told) -> Outcome {
    let claim = &*entries[at].claim;
    let strength = match (claim.modality, entries[at].standing) {
        (_, Standing::Rejected) => return noop(Reason::Rejected),
        (Modality::Intended, _) => return noop(Reason::Intended),
        (Modality::Hedged, _) => return noop(Reason::Hedged),
        (Modality::Hypothetical, _) => return noop(Reason::Hypothetical),
        (Modality::Asked, _) => return noop(Reason::Asked),
        (Modality::Reported, _) => return noop(Reason::Reported),
        (Modality::Asserted, Standing::Strength(0)) => return noop(Reason::Untrusted),
        (Modality::Asserted, Standing::Strength(strength)) => strength,
    };
    let from = claim.valid_from.map(accepted);
    let to = claim.valid_to.map(accepted);
    let now = accepted(claim.said_at);
    let mut fold = Fold { mode, entries, at, now, strength, line, told };
    if entries[at].role == Role::Ends {
        return fold.end_other(from.unwrap_or(now));
    }
    match (claim.polarity, claim.aspect, mode) {
        (Polarity::Denied, Aspect::Ends, _) => noop(Reason::DeniedEnd),
        (Polarity::Denied, _, Mode::Event) => fold.undo(from, Reason::NotHappened),
        (Polarity::Denied, _, _) => fold.close(from.unwrap_or(now), Reason::Denied),
        (_, Aspect::Ends, Mode::Event) => fold.undo(from, Reason::CalledOff),
        (_, Aspect::Ends, _) => fold.close(to.or(from).unwrap_or(now), Reason::Ended),
        _ if fold.says_nothing() => noop(Reason::Empty),
        (_, Aspect::Was, Mode::Event) if from.or(to).is_none() => fold.happened_once(),
        (_, _, Mode::Event) => fold.happened(from.or(to).unwrap_or(now), to.filter(|_| from.is_some())),
        (_, Aspect::Was, _) => match from {
            Some(from) => fold.lay(from, to.unwrap_or(now)),
            None => fold.was(to.unwrap_or(now)),
        },
        _ => fold.lay(from.unwrap_or(now), to.unwrap_or(OPEN)),
    }
}

/// Whether two values are the same: by entity, or by words whatever their case and spacing.
pub(super) fn same_value(a: &Held, b: &Held) -> bool {
    match (a, b) {
        (Held::Value(a), Held::Value(b)) => a == b || normal(a).eq(normal(b)),
        _ => a == b,
    }
}

/// Whether one value says the other more exactly: "Maritime Museum", "museum". English and Spanish differ in where the
/// exact words stand; what is at neither end is another value.
fn refines(exact: &Held, vague: &Held) -> bool {
    let (Held::Value(exact), Held::Value(vague)) = (exact, vague) else { return false };
    let (exact, vague): (String, String) = (normal(exact).collect(), normal(vague).collect());
    let before = exact.strip_suffix(&vague).is_some_and(|rest| rest.ends_with(' '));
    !vague.is_empty() && (before || exact.strip_prefix(&vague).is_some_and(|rest| rest.starts_with(' ')))
}

/// A value in the form that [`same_value`] compares.
pub(super) fn normalised(value: &Held) -> Held {
    match value {
        Held::Value(text) if !normal(text).eq(text.chars()) => Held::Value(normal(text).collect::<String>().into()),
        _ => value.clone(),
    }
}

fn normal(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace().enumerate();
    words.flat_map(|(n, word)| (n > 0).then_some(' ').into_iter().chain(word.chars().flat_map(char::to_lowercase)))
}

fn accepted(time: Millis) -> Millis {
    time.clamp(MILLIS_MIN, MILLIS_MAX)
}

fn noop(reason: Reason) -> Outcome {
    Outcome { action: Action::Noop, fact: None, replaced: None, reason }
}

/// The fact that a claim opens.
fn opened(claim: ClaimId) -> FactId {
    FactId(claim.0)
}

/// The right part of a fact that a claim cuts in two.
pub(super) fn cut(fact: FactId, by: ClaimId) -> FactId {
    FactId::of(&[&fact.0.to_bytes(), &by.0.to_bytes()])
}

/// One claim on its way onto the line.
struct Fold<'a, T> {
    mode: Mode,
    entries: &'a [Entry],
    at: usize,
    /// When it was said.
    now: Millis,
    strength: u16,
    line: &'a mut Line,
    told: &'a mut T,
}

impl<T: Told> Fold<'_, T> {
    /// An affirmed value from `from` until `to`, or until the next value if `to` is open.
    fn lay(&mut self, from: Millis, to: Millis) -> Outcome {
        if from >= to {
            return noop(Reason::Backwards);
        }
        let here = self.line.at(from);
        let next = self.line.after(from);
        let soon = || next.filter(|at| self.line.get(*at).start < to).and_then(|at| self.own(at));
        if let Some(own) = here.and_then(|at| self.own(at)).or_else(soon) {
            return self.extend(own, from, to);
        }
        let (end, status) = match next.map(|at| self.line.get(at).start) {
            _ if to != OPEN => (to, Status::Ended),
            Some(start) => (start, Status::Superseded),
            None => (OPEN, Status::Current),
        };
        if let Some(stronger) = self.stronger((from, end)) {
            return self.on(stronger, Action::Noop, Reason::Weaker);
        }
        let rival = here.filter(|at| self.rivals(*at, (from, end)));
        let alone = rival.filter(|at| self.line.stack(*at).len() == 1);
        if let Some(at) = alone.filter(|at| refines(self.value(*at), self.object())) {
            return self.again(at);
        }
        let refined = alone.is_some_and(|at| refines(self.object(), self.value(at)));
        if rival.is_some() && !refined {
            return self.dispute((from, end), status);
        }
        let replaced = self.line.overlapping(from, end).next().map(|piece| piece.id);
        self.clear((from, end));
        let fact = self.open(from, end, status);
        match replaced {
            None => self.on(fact, Action::Add, Reason::New),
            Some(_) if refined => Outcome { replaced, ..self.on(fact, Action::Update, Reason::Refined) },
            Some(_) => Outcome { replaced, ..self.on(fact, Action::Update, Reason::Replaced) },
        }
    }

    /// The same value holds already, or soon: it may be said to have begun earlier, or when it ends. Said again later,
    /// it settles what was disputed.
    fn extend(&mut self, own: usize, from: Millis, to: Millis) -> Outcome {
        let piece = *self.line.get(own);
        let start = piece.start.min(from);
        let (end, status) = match (piece.end, to) {
            (_, OPEN) => (piece.end, piece.status),
            (OPEN, to) => (to, Status::Ended),
            (end, to) if to > end => (to, Status::Ended),
            (end, _) => (end, piece.status),
        };
        let alone = self.line.stack(own).len() == 1;
        let same = (start, end) == (piece.start, piece.end);
        if same && (alone || self.entries[piece.opening as usize].claim.said_at == self.claim().said_at) {
            self.line.agree(own, self.strength, self.told);
            return self.on(piece.id, Action::Noop, Reason::Agrees);
        }
        let (left, right) = ((start, piece.start), (piece.end, end));
        let mut others: Vec<Piece> = self.line.overlapping(left.0, left.1).copied().collect();
        others.extend(self.line.stack(own).filter(|at| *at != own).map(|at| *self.line.get(at)));
        others.extend(self.line.overlapping(right.0, right.1));
        if let Some(stronger) = others.iter().find(|piece| self.weaker_than(piece)) {
            return self.on(stronger.id, Action::Noop, Reason::Weaker);
        }
        self.clear(right);
        self.line.keep_only(own, self.now, self.told);
        self.clear(left);
        if let Some(own) = self.line.at(piece.start) {
            self.line.change(own, self.now, self.told, |piece| {
                (piece.start, piece.end, piece.status) = (start, end, status);
                piece.closing = if right.0 == right.1 { piece.closing } else { NOBODY };
                piece.disputed = false;
                piece.strengthen(self.strength);
            });
        }
        let reason = if alone { Reason::Extended } else { Reason::Settled };
        let replaced = others.first().map(|piece| piece.id);
        Outcome { replaced, ..self.on(piece.id, Action::Update, reason) }
    }

    /// Whether what holds there was said at the same time as this claim, for exactly the same time, and neither word is
    /// more than twice as strong as the other.
    fn rivals(&self, at: usize, time: (Millis, Millis)) -> bool {
        let piece = self.line.get(at);
        let said_at = self.entries[piece.opening as usize].claim.said_at;
        let clear = |at: usize| u32::from(self.strength) > 2 * u32::from(self.line.get(at).confidence);
        (piece.start, piece.end) == time && said_at == self.claim().said_at && !self.line.stack(at).any(clear)
    }

    /// Two values for one time, said at one time: both stay, marked.
    fn dispute(&mut self, (from, end): (Millis, Millis), status: Status) -> Outcome {
        for at in self.line.at(from).map_or(0..0, |at| self.line.stack(at)) {
            if !self.line.get(at).disputed {
                self.line.change(at, self.now, self.told, |piece| piece.disputed = true);
            }
        }
        let piece = Piece { disputed: true, ..self.piece((from, end), status) };
        self.line.insert(piece, self.told);
        self.on(piece.id, Action::Add, Reason::Disputes)
    }

    /// The value stops to hold at `time`; whatever holds, if the claim names none.
    fn close(&mut self, time: Millis, reason: Reason) -> Outcome {
        let any = self.says_nothing();
        let here = self.line.before(time);
        if let Some(at) = here.and_then(|at| if any { Some(at) } else { self.own(at) }) {
            let piece = *self.line.get(at);
            if piece.end == time {
                return self.on(piece.id, Action::Noop, Reason::AlreadyEnded);
            }
            let stack = self.line.stack(at);
            if !any && stack.len() > 1 {
                return self.take_away(at, reason);
            }
            if let Some(stronger) = stack.clone().map(|at| self.line.get(at)).find(|piece| self.weaker_than(piece)) {
                return self.on(stronger.id, Action::Noop, Reason::Weaker);
            }
            for at in stack {
                self.line.close(at, time, NOBODY, self.now, self.told);
            }
            return self.on(piece.id, Action::Delete, reason);
        }
        // It began only when somebody first said so; that was a guess, and a wrong one.
        let guessed = self.line.at(self.now).filter(|at| self.line.get(*at).start >= time);
        match guessed.and_then(|at| self.own(at)) {
            Some(at) => self.take_away(at, Reason::NotYet),
            None => noop(Reason::NothingHeld),
        }
    }

    /// Something of another predicate begins at `time`: what holds here ends, unless it is the same.
    fn end_other(&mut self, time: Millis) -> Outcome {
        let stack = self.line.before(time).map_or(0..0, |at| self.line.stack(at));
        let stays = |piece: &Piece| self.same(piece) || self.weaker_than(piece) || piece.end == time;
        if !stack.clone().any(|at| stays(self.line.get(at))) {
            for at in stack {
                self.line.close(at, time, self.at as u32, self.now, self.told);
            }
        }
        noop(Reason::Ended)
    }

    /// It was so, somewhen before `time`.
    fn was(&mut self, time: Millis) -> Outcome {
        if self.line.before(time).is_some_and(|at| self.own(at).is_some()) {
            return self.close(time, Reason::NoMore);
        }
        if let Some(at) = self.line.latest(time, |piece| self.same(piece)) {
            self.line.agree(at, self.strength, self.told);
            return self.on(self.line.get(at).id, Action::Noop, Reason::Agrees);
        }
        let end = self.line.first_start().map_or(time, |first| first.min(time));
        let fact = self.open(UNKNOWN, end, Status::Ended);
        self.on(fact, Action::Add, Reason::Past)
    }

    /// It happened on the day of `from`, until `to` or the end of that day.
    fn happened(&mut self, from: Millis, to: Option<Millis>) -> Outcome {
        let day = from.div_euclid(DAY) * DAY;
        let end = to.unwrap_or(day + DAY);
        if from >= end {
            return noop(Reason::Backwards);
        }
        match self.line.starting(day, day + DAY) {
            Some(at) => self.again(at),
            None => {
                let fact = self.open(from, end, Status::Ended);
                self.on(fact, Action::Add, Reason::Happened)
            }
        }
    }

    /// It happened, somewhen before now.
    fn happened_once(&mut self) -> Outcome {
        match self.line.latest(self.now, |_| true) {
            Some(at) => self.again(at),
            None => {
                let fact = self.open(UNKNOWN, self.now, Status::Ended);
                self.on(fact, Action::Add, Reason::Past)
            }
        }
    }

    /// It did not happen on the day of `from`, or the last time; or what is to come is called off.
    fn undo(&mut self, from: Option<Millis>, reason: Reason) -> Outcome {
        let found = match from.map(|from| from.div_euclid(DAY) * DAY) {
            Some(day) => self.line.starting(day, day + DAY),
            None => self.line.latest(OPEN, |_| true),
        };
        match found {
            None => noop(Reason::NothingHeld),
            Some(at) if reason == Reason::CalledOff && self.line.get(at).start < self.now => {
                self.on(self.line.get(at).id, Action::Noop, Reason::EventsStay)
            }
            Some(at) => self.take_away(at, reason),
        }
    }

    fn again(&mut self, at: usize) -> Outcome {
        self.line.agree(at, self.strength, self.told);
        self.on(self.line.get(at).id, Action::Noop, Reason::Agrees)
    }

    fn take_away(&mut self, at: usize, reason: Reason) -> Outcome {
        let piece = *self.line.get(at);
        if self.weaker_than(&piece) {
            return self.on(piece.id, Action::Noop, Reason::Weaker);
        }
        self.line.remove(at, self.now, self.told);
        if let Some(at) = self.line.at(piece.start).filter(|at| self.line.stack(*at).len() == 1)
            && self.line.get(at).disputed
        {
            self.line.change(at, self.now, self.told, |piece| piece.disputed = false);
        }
        self.on(piece.id, Action::Delete, reason)
    }

    fn open(&mut self, start: Millis, end: Millis, status: Status) -> FactId {
        let piece = self.piece((start, end), status);
        self.line.insert(piece, self.told);
        piece.id
    }

    /// What this claim opens.
    fn piece(&self, (start, end): (Millis, Millis), status: Status) -> Piece {
        let id = opened(self.claim().id);
        let opening = self.at as u32;
        let (known_from, confidence) = (self.now, self.strength);
        let (closing, disputed) = (NOBODY, false);
        Piece { id, start, end, known_from, opening, closing, support: 1, confidence, status, disputed }
    }

    fn clear(&mut self, range: (Millis, Millis)) {
        let claim = self.claim().id;
        self.line.clear(range, self.now, self.told, |fact| cut(fact, claim));
    }

    /// The first fact in the range that is too strong for this claim to touch.
    fn stronger(&self, (from, to): (Millis, Millis)) -> Option<FactId> {
        self.line.overlapping(from, to).find(|piece| self.weaker_than(piece)).map(|piece| piece.id)
    }

    fn weaker_than(&self, piece: &Piece) -> bool {
        u32::from(piece.confidence) > 2 * u32::from(self.strength)
    }

    /// The piece with the value of this claim among those that hold where the one at `at` does.
    fn own(&self, at: usize) -> Option<usize> {
        self.line.stack(at).find(|at| self.same(self.line.get(*at)))
    }

    /// What this claim says.
    fn object(&self) -> &Held {
        &self.entries[self.at].object
    }

    /// What the piece at `at` says.
    fn value(&self, at: usize) -> &Held {
        &self.entries[self.line.get(at).opening as usize].object
    }

    /// Whether a piece holds the value of this claim.
    fn same(&self, piece: &Piece) -> bool {
        let (mine, its) = (&self.entries[self.at], &self.entries[piece.opening as usize]);
        match self.mode {
            Mode::Replace => same_value(&mine.object, &its.object),
            Mode::Add => mine.claim.predicate == its.claim.predicate,
            Mode::Event | Mode::Pair | Mode::Silent => true,
        }
    }

    fn claim(&self) -> &Claim {
        &self.entries[self.at].claim
    }

    fn says_nothing(&self) -> bool {
        matches!(&self.entries[self.at].object, Held::Value(text) if text.trim().is_empty())
    }

    fn on(&self, fact: FactId, action: Action, reason: Reason) -> Outcome {
        Outcome { action, fact: Some(fact), replaced: None, reason }
    }
}
