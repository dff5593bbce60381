//! Pieces: a set of passages that nearly always holds one.
//!
//! What a text is said in, and what an event is cut into. Memory: one passage takes no room of its own, and there is one
//! such set for every text and every event. Cost: O(log n) for a passage that comes or goes.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::Scope;

use crate::split::Piece;

/// The passages, and of which scopes they are.
#[derive(Debug)]
pub(crate) enum Pieces {
    One(Piece),
    Several(Box<Several>),
}

/// None, or more than one.
#[derive(Debug, Default)]
pub(crate) struct Several {
    all: BTreeSet<Piece>,
    scopes: BTreeMap<Scope, usize>,
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces::Several(Box::default())
    }
}

impl Pieces {
    /// Takes in a passage; one that is there already stays.
    pub(crate) fn insert(&mut self, piece: Piece) {
        match self {
            Pieces::One(held) if *held == piece => {}
            Pieces::One(held) => {
                let mut several = Several::default();
                several.insert(held.clone());
                several.insert(piece);
                *self = Pieces::Several(Box::new(several));
            }
            Pieces::Several(several) if several.all.is_empty() => *self = Pieces::One(piece),
            Pieces::Several(several) => several.insert(piece),
        }
    }

    /// Lets a passage go, if it is there.
    pub(crate) fn remove(&mut self, piece: &Piece) {
        match self {
            Pieces::One(held) if held == piece => *self = Pieces::default(),
            Pieces::One(_) => {}
            Pieces::Several(several) => {
                several.remove(piece);
                if several.all.len() == 1
                    && let Some(last) = several.all.pop_first()
                {
                    *self = Pieces::One(last);
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Pieces::Several(several) if several.all.is_empty())
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Piece> {
        let (one, several) = match self {
            Pieces::One(piece) => (Some(piece), None),
            Pieces::Several(several) => (None, Some(&several.all)),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// The scopes they are of, each once.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let (one, several) = match self {
            Pieces::One(piece) => (Some(&piece.event.scope), None),
            Pieces::Several(several) => (None, Some(several.scopes.keys())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Several {
    fn insert(&mut self, piece: Piece) {
        let scope = piece.event.scope.clone();
        if self.all.insert(piece) {
            *self.scopes.entry(scope).or_default() += 1;
        }
    }

    fn remove(&mut self, piece: &Piece) {
        if !self.all.remove(piece) {
            return;
        }
        if let Some(count) = self.scopes.get_mut(&piece.event.scope) {
            *count -= 1;
            if *count == 0 {
                self.scopes.remove(&piece.event.scope);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Draw;
    use crate::fake;

    #[test]
    fn agrees_with_a_plain_set() {
        assert_eq!(size_of::<Pieces>(), 16, "there is one for every text and every event");
        for seed in 0..50 {
            let mut draw = Draw::new(seed);
            let (mut pieces, mut plain, known) =
                (Pieces::default(), BTreeSet::new(), [(); 6].map(|()| fake::piece(&mut draw)));
            for _ in 0..40 {
                let piece = draw.pick(&known).clone();
                if draw.one_in(2) {
                    pieces.insert(piece.clone());
                    plain.insert(piece);
                } else {
                    pieces.remove(&piece);
                    plain.remove(&piece);
                }
                assert!(pieces.iter().eq(&plain));
                assert_eq!(pieces.is_empty(), plain.is_empty());
                let scopes: BTreeSet<&Scope> = plain.iter().map(|piece| &piece.event.scope).collect();
                assert!(pieces.scopes().eq(scopes));
            }
        }
    }
}
