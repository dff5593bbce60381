//! Pieces: a set of passages that nearly always holds one.
//!
//! What a text is said in, and what an event is cut into. Memory: one passage takes no room of its own, and there is one
//! such set for every text and every event. Cost: O(log n) for a passage that comes or goes.

use std::collections::BTreeSet;

use nexus_types::Scope;

use crate::split::Piece;

/// The passages, and of which scopes they are.
#[derive(Debug)]
pub(crate) enum Pieces {
    One(Piece),
    /// None, or at least two.
    Several(Option<Box<Several>>),
}

/// At least two.
#[derive(Debug, Default)]
pub(crate) struct Several {
    all: BTreeSet<Piece>,
    /// Sorted, with how many are of each.
    scopes: Vec<(Scope, usize)>,
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces::Several(None)
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
                *self = Pieces::Several(Some(Box::new(several)));
            }
            Pieces::Several(None) => *self = Pieces::One(piece),
            Pieces::Several(Some(several)) => several.insert(piece),
        }
    }

    /// Lets a passage go, if it is there.
    pub(crate) fn remove(&mut self, piece: &Piece) {
        match self {
            Pieces::One(held) if held == piece => *self = Pieces::default(),
            Pieces::Several(Some(several)) => {
                several.remove(piece);
                if several.all.len() == 1
                    && let Some(last) = several.all.pop_first()
                {
                    *self = Pieces::One(last);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Pieces::Several(None))
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Piece> {
        let (one, several) = match self {
            Pieces::One(piece) => (Some(piece), None),
            Pieces::Several(several) => (None, several.as_ref().map(|several| &several.all)),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// The scopes they are of, each once, in order.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let (one, several) = match self {
            Pieces::One(piece) => (Some(&piece.event.scope), None),
            Pieces::Several(several) => (None, several.as_ref().map(|several| &several.scopes)),
        };
        one.into_iter().chain(several.into_iter().flatten().map(|(scope, _)| scope))
    }

    /// Whether any is of this scope.
    pub(crate) fn has(&self, scope: &Scope) -> bool {
        match self {
            Pieces::One(piece) => piece.event.scope == *scope,
            Pieces::Several(several) => several.as_ref().is_some_and(|several| several.find(scope).is_ok()),
        }
    }
}

impl Several {
    fn find(&self, scope: &Scope) -> Result<usize, usize> {
        self.scopes.binary_search_by(|(held, _)| held.cmp(scope))
    }

    fn insert(&mut self, piece: Piece) {
        let scope = piece.event.scope.clone();
        if !self.all.insert(piece) {
            return;
        }
        match self.find(&scope) {
            Ok(at) => self.scopes[at].1 += 1,
            Err(at) => self.scopes.insert(at, (scope, 1)),
        }
    }

    fn remove(&mut self, piece: &Piece) {
        if !self.all.remove(piece) {
            return;
        }
        if let Ok(at) = self.find(&piece.event.scope) {
            self.scopes[at].1 -= 1;
            if self.scopes[at].1 == 0 {
                self.scopes.remove(at);
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
                assert!(known.iter().all(|one| pieces.has(&one.event.scope) == scopes.contains(&one.event.scope)));
                assert!(pieces.scopes().eq(scopes));
            }
        }
    }
}
