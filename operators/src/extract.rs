//! Extract: what the extractor's answers state and name.
//!
//! An answer is about a text; whoever said the text said what is in it. `statements(R) = { (p, i, s) | (p, a) in R, s the
//! i-th statement of a }`, and so [`mentions`], the same name at the same place only once. Cost: passages and answers that
//! change.

use std::sync::Arc;

use nexus_types::{Answer, Mention, Statement};
use serde::{Deserialize, Serialize};

use crate::Collection;
use crate::split::Piece;

/// One statement, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Said {
    /// The passage.
    pub piece: Piece,
    /// The statement's place in the extraction.
    pub place: u32,
    /// What is stated.
    pub statement: Statement,
}

/// One mention, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Named {
    /// The passage.
    pub piece: Piece,
    /// What it names.
    pub mention: Mention,
}

/// What answered passages state.
pub fn statements<'s>(answered: Collection<'s, (Piece, Arc<Answer>)>) -> Collection<'s, Arc<Said>> {
    answered.flat_map(|(piece, answer)| said(&piece, &answer))
}

/// What answered passages name; the same name at the same place only once.
pub fn mentions<'s>(answered: Collection<'s, (Piece, Arc<Answer>)>) -> Collection<'s, Arc<Named>> {
    answered.flat_map(|(piece, answer)| named(&piece, &answer))
}

fn said(piece: &Piece, answer: &Answer) -> Vec<Arc<Said>> {
    let Answer::Extraction(extraction) = answer else { return Vec::new() };
    let each = (0..).zip(extraction.statements.iter().cloned());
    each.map(|(place, statement)| Arc::new(Said { piece: piece.clone(), place, statement })).collect()
}

fn named(piece: &Piece, answer: &Answer) -> Vec<Arc<Named>> {
    let Answer::Extraction(extraction) = answer else { return Vec::new() };
    let mut mentions = extraction.mentions.clone();
    mentions.sort();
    mentions.dedup();
    mentions.into_iter().map(|mention| Arc::new(Named { piece: piece.clone(), mention })).collect()
}

/// The meaning of [`statements`], by brute force.
pub fn statements_naive(answered: &[(Piece, Arc<Answer>)]) -> Vec<Arc<Said>> {
    let mut out = Vec::new();
    for (piece, answer) in answered {
        if let Answer::Extraction(extraction) = &**answer {
            for (place, statement) in extraction.statements.iter().enumerate() {
                out.push(Arc::new(Said { piece: piece.clone(), place: place as u32, statement: statement.clone() }));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check("statements", |draw| (fake::piece(draw), fake::answer(draw)), statements, statements_naive);
    }

    #[test]
    fn a_mention_given_twice_counts_once() {
        let draw = &mut crate::check::Draw::new(1);
        let mention = fake::mention(draw);
        let extraction =
            nexus_types::Extraction { mentions: vec![mention.clone(), mention], statements: Vec::new(), affect: None };
        assert_eq!(named(&fake::piece(draw), &Answer::Extraction(extraction)).len(), 1);
        assert!(named(&fake::piece(draw), &Answer::Vector).is_empty());
    }
}
