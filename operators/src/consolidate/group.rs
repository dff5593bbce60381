//! One key: its claims in order, and the line they make.
//!
//! A change at the end of the order costs its own step, however many claims there are; the line of a large key is kept
//! for that, a small one's is cheaper to fold again. A change further in folds the claims after it twice, as they were
//! and as they are, and says the difference: nothing of the output is stored.

use differential_dataflow::consolidation::{consolidate, consolidate_from};
use nexus_types::{Decision, EntityId, Fact, Held, Millis, Scope, Status};

use super::Row;
use super::fold::{Entry, Mode, Outcome, Role, step};
use super::line::{Line, OPEN, Piece, Silent, Told, UNKNOWN};
use crate::Diff;

/// From how many claims on a key keeps its line.
const LARGE: usize = 16;

/// The claims of one key.
#[derive(Default)]
pub(super) struct Group {
    entries: Vec<Entry>,
    line: Option<Box<Line>>,
}

/// What all claims of a key have in common.
pub(super) struct Place<'a> {
    pub(super) scope: &'a Scope,
    pub(super) mode: Mode,
    pub(super) subject: EntityId,
}

impl Group {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes in net changes, sorted; puts what changes in facts and decisions into `out`.
    pub(super) fn update(&mut self, place: &Place<'_>, changes: Vec<(Entry, Diff)>, out: &mut Vec<(Row, Diff)>) {
        let Some((first, _)) = changes.first() else { return };
        let first = self.entries.partition_point(|entry| entry < first);
        if place.mode == Mode::Silent {
            return self.change(first, changes);
        }
        let appends = first == self.entries.len();
        let mut line = match self.line.take().filter(|_| appends) {
            Some(line) => *line,
            None => self.fold_silently(place.mode, first),
        };
        let start = out.len();
        if !appends {
            self.tell(place, first, &mut line.clone(), -1, out);
        }
        self.change(first, changes);
        self.tell(place, first, &mut line, 1, out);
        if !appends {
            consolidate_from(out, start);
        }
        self.line = (self.entries.len() > LARGE).then(|| Box::new(line));
    }

    fn change(&mut self, first: usize, changes: Vec<(Entry, Diff)>) {
        let mut tail = self.entries.split_off(first).into_iter().peekable();
        self.entries.reserve_exact(if first == 0 { changes.len() } else { 0 });
        for (entry, diff) in changes {
            while let Some(before) = tail.next_if(|other| *other < entry) {
                self.entries.push(before);
            }
            tail.next_if_eq(&entry);
            if diff > 0 {
                self.entries.push(entry);
            }
        }
        self.entries.extend(tail);
    }

    fn fold_silently(&self, mode: Mode, end: usize) -> Line {
        let mut line = Line::default();
        for at in 0..end {
            step(mode, &self.entries, at, &mut line, &mut Silent);
        }
        line
    }

    /// Folds the claims from `first` on, and says what they do, times `sign`.
    fn tell(&self, place: &Place<'_>, first: usize, line: &mut Line, sign: Diff, out: &mut Vec<(Row, Diff)>) {
        let mut versions = Versions(Vec::new());
        for at in first..self.entries.len() {
            let outcome = step(place.mode, &self.entries, at, line, &mut versions);
            out.extend(outcome.map(|outcome| (Row::Decision(self.decision(at, outcome)), sign)));
        }
        consolidate(&mut versions.0);
        let facts =
            versions.0.iter().map(|((piece, known_to), diff)| (self.fact(place, piece, *known_to), diff * sign));
        out.extend(facts.map(|(fact, diff)| (Row::Fact(fact), diff)));
    }

    fn fact(&self, place: &Place<'_>, piece: &Piece, known_to: Millis) -> Fact {
        let opening = &self.entries[piece.opening as usize];
        let (subject, object) = match (opening.role, &opening.object) {
            (Role::Turned, Held::Entity(subject)) => (*subject, Held::Entity(place.subject)),
            (_, object) => (place.subject, object.clone()),
        };
        Fact {
            id: piece.id,
            known_from: piece.known_from,
            known_to: (known_to != OPEN).then_some(known_to),
            scope: place.scope.clone(),
            subject,
            predicate: opening.claim.predicate.clone(),
            object,
            valid_from: (piece.start != UNKNOWN).then_some(piece.start),
            valid_to: (piece.end != OPEN).then_some(piece.end),
            confidence: piece.confidence,
            support: piece.support,
            status: if piece.disputed { Status::Disputed } else { piece.status },
            ended_by: self.entries.get(piece.closing as usize).map(|entry| entry.claim.id),
        }
    }

    fn decision(&self, at: usize, outcome: Outcome) -> Decision {
        let claim = &*self.entries[at].claim;
        Decision {
            claim: claim.id,
            scope: claim.scope.clone(),
            said_at: claim.said_at,
            action: outcome.action,
            fact: outcome.fact,
            replaced: outcome.replaced,
            reason: outcome.reason.text(),
        }
    }
}

/// The versions that came and went.
struct Versions(Vec<((Piece, Millis), Diff)>);

impl Told for Versions {
    fn version(&mut self, piece: &Piece, known_to: Millis, diff: isize) {
        self.0.push(((*piece, known_to), diff));
    }
}
