//! How a sentence means what it says: as a question, as a joke, or not quite surely.

use super::lexicon::Class;
use super::sentence::Sentence;

impl Sentence<'_> {
    /// Where the part of a sentence begins that is a question: its last segment, or all of it after a tag ("right?").
    pub(super) fn asked_from(&self) -> usize {
        let n = self.len();
        if n == 0 || self.raw(n - 1) != "?" {
            return n;
        }
        let cut = (0..n - 1).rev().find(|at| {
            matches!(self.raw(*at), "," | ";" | ":" | "-" | "–" | "—" | "(")
                || self.is(*at, Class::And)
                || self.is(*at, Class::But)
        });
        let Some(cut) = cut else { return 0 };
        let own = self.skip_adverbs(cut + 1);
        let inverted = self.is(own, Class::Inverts);
        let tag = self.is(own, Class::Tag) || n - 1 - own <= 2;
        if inverted && !tag { cut } else { 0 }
    }

    /// Whether the sentence says that nothing in it is meant.
    pub(super) fn is_joke(&self) -> bool {
        (0..self.len()).any(|at| {
            let patterns = self.language.jokes.get(&self.word(at));
            patterns.is_some_and(|all| all.iter().any(|pattern| self.matches(pattern, at).is_some()))
        })
    }

    /// Whether words before the subject or after the clause make it unsure: "I think …", "…, I guess".
    pub(super) fn hedged(&self, start: usize, end: usize) -> bool {
        let hedge = |at: usize| {
            let patterns = self.language.hedges.get(&self.word(at)).map_or(&[][..], Vec::as_slice);
            patterns.iter().any(|pattern| self.matches(pattern, at).is_some())
        };
        let before = start.saturating_sub(7)..start;
        before.rev().take_while(|at| !self.is(*at, Class::But)).any(|at| self.is(at, Class::Hedge) || hedge(at))
            || (end..self.len().min(end + 4)).any(|at| hedge(at) || self.is(at, Class::Hedge))
    }
}
