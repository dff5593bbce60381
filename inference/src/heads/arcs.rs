//! Arcs: whom each word depends on, and how (Dozat and Manning, "Deep Biaffine Attention", 2017). Cost: a product of 384
//! columns a word, and the square of each sentence's length.

use super::labels::RELATIONS;
use super::{Given, best_tree, sizes};
use crate::ModelError;
use crate::encoder::{Product, Then};
use crate::weights::Weights;

const ARC: usize = sizes::ARC;
const RELATION: usize = sizes::RELATION;

pub(super) struct Arcs {
    dependent: Product,
    head: Product,
    arc: Product,
    root: Product,
    below: Product,
    above: Product,
    above_root: Vec<f32>,
    relation: Product,
    relation_pair: Product,
}

impl Arcs {
    pub(super) fn load(weights: &mut Weights<'_>) -> Result<Self, ModelError> {
        let mut of = |name: &str, input, output| super::product(weights, &format!("arcs.{name}"), input, output);
        Ok(Self {
            dependent: of("dependent", sizes::WIDTH, ARC)?,
            head: of("head", sizes::WIDTH, ARC)?,
            arc: of("arc", ARC, ARC)?,
            root: of("root", ARC, 1)?,
            below: of("below", sizes::WIDTH, RELATION)?,
            above: of("above", sizes::WIDTH, RELATION)?,
            relation: of("relation", 2 * RELATION, RELATIONS.len())?,
            relation_pair: of("relation_pair", RELATION, RELATION * RELATIONS.len())?,
            above_root: weights.numbers("arcs.above_root", &[RELATION])?,
        })
    }

    /// Of each word of each text its head, as a place in its sentence and its own for the root, and its relation.
    pub(super) fn trees(&self, rows: &[f32], texts: &[Given<'_>]) -> Vec<(usize, usize)> {
        let dependent = self.dependent.of(rows, Then::Gelu);
        let head = self.head.of(rows, Then::Gelu);
        let arc = self.arc.of(&dependent, Then::Nothing);
        let root = self.root.of(&dependent, Then::Nothing);
        let mut heads = Vec::with_capacity(root.len());
        let mut first = 0;
        for sentence in texts.iter().flat_map(|text| text.sentences) {
            let words = first..first + sentence.len();
            let mut scores = Vec::with_capacity(sentence.len() * (sentence.len() + 1));
            for word in words.clone() {
                scores.push(root[word]);
                let looks_for = &arc[word * ARC..(word + 1) * ARC];
                scores.extend(words.clone().map(|other| dot(looks_for, &head[other * ARC..(other + 1) * ARC])));
            }
            heads.extend(best_tree(&scores, sentence.len()).into_iter().map(|head| (first, head)));
            first = words.end;
        }
        let relations = self.relations(rows, &heads);
        heads.into_iter().map(|(_, head)| head).zip(relations).collect()
    }

    /// The relation of each word to its head, given as the place its sentence begins at and the head's in it.
    fn relations(&self, rows: &[f32], heads: &[(usize, usize)]) -> Vec<usize> {
        let below = self.below.of(rows, Then::Gelu);
        let above = self.above.of(rows, Then::Gelu);
        let mut both = Vec::with_capacity(2 * below.len());
        for (word, (first, head)) in heads.iter().enumerate() {
            both.extend_from_slice(&below[word * RELATION..(word + 1) * RELATION]);
            let head = first + head;
            both.extend_from_slice(if head == word {
                &self.above_root
            } else {
                &above[head * RELATION..(head + 1) * RELATION]
            });
        }
        let scores = self.relation.of(&both, Then::Nothing);
        let pairs = self.relation_pair.of(&below, Then::Nothing);
        let one = |word: usize| {
            let above = &both[(2 * word + 1) * RELATION..(2 * word + 2) * RELATION];
            let score = |label: usize| {
                let pair = &pairs[(word * RELATIONS.len() + label) * RELATION..][..RELATION];
                scores[word * RELATIONS.len() + label] + dot(pair, above)
            };
            (0..RELATIONS.len()).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
        };
        (0..heads.len()).map(one).collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut abreast = [0.0; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for ((sum, a), b) in abreast.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    abreast.iter().sum()
}
