//! Read: what models are asked about each text, and what they said of it.
//!
//! Of a scope's policy follow its models: its embedders, those prepared to take over, and of its extractors the one with
//! the greatest name, so that one sentence is never read twice. Then
//! `asks = { ask(m, p.text) | p in P, m a model of p's scope } \ asks(A)`: a refusal is an answer, and the same text is
//! asked about once, however often it is said;
//! `told = { (p, a) | (ask(m, p.text), a) in A, m the extractor of p's scope, a tells anything }`: ten thousand people who
//! say "ok" share one answer;
//! `watched` = the passages of scopes that have a watch, and which of their embedders have read each.
//! Vectors never enter the graph: that one is stored is all an answer says of it.
//!
//! All three are one machine, by text, since there is a text for nearly every message: as joins they held each text and
//! each ask four times over. Cost: passages and answers that change; a scope that has passages and whose models or watches
//! change costs a look at every text. Memory: about 80 bytes a text that was said once.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use differential_dataflow::Hashable;
use differential_dataflow::consolidation::consolidate;
use nexus_types::{Answer, AnswerRow, Ask, Extraction, Policy, PolicyRow, Scope, Task, Text, TextHash};
use serde::{Deserialize, Serialize};

use crate::per_key::{Machine, per_epoch};
use crate::pieces::Pieces;
use crate::split::Piece;
use crate::watch::Sight;
use crate::{Collection, Diff};

/// What models are asked, and what they said.
pub struct Reading<'s> {
    /// The asks nobody has answered yet, each once.
    pub asks: Collection<'s, Ask>,
    /// Passages with what the extractor reads in them.
    pub told: Collection<'s, (Piece, Arc<Answer>)>,
    /// What can be ranked for questions that stay open.
    pub watched: Collection<'s, Sight>,
}

/// What models are asked about passages, and what they said.
pub fn read<'s>(
    pieces: Collection<'s, Piece>,
    answers: Collection<'s, AnswerRow>,
    policy: Collection<'s, PolicyRow>,
) -> Reading<'s> {
    let rows = rows(pieces, answers, policy);
    Reading {
        asks: rows.clone().flat_map(|row| if let Out::Ask(ask) = row { Some(ask) } else { None }),
        told: rows
            .clone()
            .flat_map(|row| if let Out::Told(piece, answer) = row { Some((piece, answer)) } else { None }),
        watched: rows.flat_map(|row| if let Out::Watched(sight) = row { Some(sight) } else { None }),
    }
}

fn rows<'s>(
    pieces: Collection<'s, Piece>,
    answers: Collection<'s, AnswerRow>,
    policy: Collection<'s, PolicyRow>,
) -> Collection<'s, Out> {
    let pieces = pieces.map(|piece| (piece.text(), Row::Piece(piece)));
    let answers = answers.map(|row| (row.ask.text, Row::Answer(row.ask.model, said(row.answer))));
    let policy = policy.filter(|row| matches!(row.policy, Policy::Model { .. } | Policy::Watch { .. }));
    per_epoch(pieces.concat(answers), policy, "Read", |(text, _)| text.hashed(), Reader::default())
}

/// What happens to a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Row {
    /// It is said there.
    Piece(Piece),
    /// That model answered.
    Answer(Text, Said),
}

/// An answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Said {
    /// Its vector is stored.
    Vector,
    /// There is nothing in it, or nothing to be had of it.
    Nothing,
    /// There is something in it.
    Told(Arc<Answer>),
}

fn said(answer: Arc<Answer>) -> Said {
    match &*answer {
        Answer::Vector => Said::Vector,
        Answer::Extraction(extraction) if *extraction != Extraction::default() => Said::Told(answer),
        _ => Said::Nothing,
    }
}

/// A row of any of the outputs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Out {
    Ask(Ask),
    Told(Piece, Arc<Answer>),
    Watched(Sight),
}

/// What kinds of answers there are to asks about a text, by model: few combinations, so they are shared.
type Kinds = Rc<Vec<(Text, Kind)>>;

/// [`Said`], without what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Vector,
    Nothing,
    Told,
}

/// One worker's texts.
#[derive(Default)]
struct Reader {
    scopes: BTreeMap<Scope, Terms>,
    texts: BTreeMap<TextHash, OfText>,
    /// How many passages each scope has here: what has none is not looked for.
    said: BTreeMap<Scope, Diff>,
    /// Each combination once. Kept for good.
    kinds: BTreeSet<Kinds>,
    /// No answer at all.
    none: Kinds,
}

/// What policy says of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Terms {
    policy: BTreeSet<Policy>,
    models: BTreeSet<Text>,
    embedders: BTreeSet<Text>,
    extractor: Option<Text>,
    watched: bool,
}

/// Where a text is said, and what models said of it.
struct OfText {
    pieces: Pieces,
    kinds: Kinds,
    /// What was told, in the order of those kinds that say so.
    told: Option<Box<[Arc<Answer>]>>,
}

impl Machine<(TextHash, Row), PolicyRow> for Reader {
    type Out = Out;

    fn turn(
        &mut self,
        mut rows: Vec<((TextHash, Row), Diff)>,
        mut policy: Vec<(PolicyRow, Diff)>,
        out: &mut Vec<(Out, Diff)>,
    ) {
        consolidate(&mut policy);
        if !policy.is_empty() {
            self.heed(policy, out);
        }
        consolidate(&mut rows);
        let mut rows = rows.into_iter().peekable();
        while let Some(((text, row), diff)) = rows.next() {
            let mut changes = vec![(row, diff)];
            while let Some(((_, row), diff)) = rows.next_if(|((next, _), _)| *next == text) {
                changes.push((row, diff));
            }
            self.take_in(text, changes, out);
        }
    }
}

impl Reader {
    /// Takes in policy, and gives what changes by it for texts as they were.
    fn heed(&mut self, policy: Vec<(PolicyRow, Diff)>, out: &mut Vec<(Out, Diff)>) {
        let before = self.scopes.clone();
        for (row, diff) in policy {
            let terms = self.scopes.entry(row.scope).or_default();
            if diff > 0 {
                terms.policy.insert(row.policy)
            } else {
                terms.policy.remove(&row.policy)
            };
        }
        self.scopes.retain(|_, terms| !terms.policy.is_empty());
        self.scopes.values_mut().for_each(Terms::settle);
        let same = |scope: &Scope| match (before.get(scope), self.scopes.get(scope)) {
            (Some(before), Some(after)) => before.means(after),
            (before, after) => before.is_none() && after.is_none(),
        };
        let scopes = before.keys().chain(self.scopes.keys());
        let changed: BTreeSet<&Scope> = scopes.filter(|scope| self.said.contains_key(*scope) && !same(scope)).collect();
        if changed.is_empty() {
            return;
        }
        let touched = self.texts.iter().filter(|(_, of)| of.pieces.scopes().any(|scope| changed.contains(scope)));
        for (text, of) in touched {
            let mut change = Vec::new();
            of.all(*text, &before, -1, &mut change);
            of.all(*text, &self.scopes, 1, &mut change);
            consolidate(&mut change);
            out.append(&mut change);
        }
    }

    /// Takes in what happens to a text in one epoch, sorted and net.
    fn take_in(&mut self, text: TextHash, changes: Vec<(Row, Diff)>, out: &mut Vec<(Out, Diff)>) {
        let none = &self.none;
        let fresh = || OfText { pieces: Pieces::default(), kinds: none.clone(), told: None };
        let of = self.texts.entry(text).or_insert_with(fresh);
        let mut change = Vec::new();
        // What is asked of a text changes with the scopes that say it.
        let same_scopes = pieces_in(&changes).all(|(piece, diff)| diff > 0 && of.pieces.has(&piece.event.scope));
        pieces_in(&changes).for_each(|(piece, diff)| count(&mut self.said, &piece.event.scope, diff));
        if changes.iter().any(|(row, _)| matches!(row, Row::Answer(..))) {
            of.all(text, &self.scopes, -1, &mut change);
            of.apply(changes, &mut self.kinds);
            of.all(text, &self.scopes, 1, &mut change);
        } else {
            pieces_in(&changes).for_each(|(piece, diff)| of.of_piece(piece, &self.scopes, diff, &mut change));
            if same_scopes {
                of.apply(changes, &mut self.kinds);
            } else {
                of.open(text, &self.scopes, -1, &mut change);
                of.apply(changes, &mut self.kinds);
                of.open(text, &self.scopes, 1, &mut change);
            }
        }
        if of.pieces.is_empty() && of.kinds.is_empty() {
            self.texts.remove(&text);
        }
        consolidate(&mut change);
        out.append(&mut change);
    }
}

/// Where a text comes to be said, or is not said any more.
fn pieces_in(changes: &[(Row, Diff)]) -> impl Iterator<Item = (&Piece, Diff)> {
    changes.iter().filter_map(|(row, diff)| if let Row::Piece(piece) = row { Some((piece, *diff)) } else { None })
}

/// Adds to a count, and lets it go at zero.
fn count(counts: &mut BTreeMap<Scope, Diff>, scope: &Scope, diff: Diff) {
    match counts.get_mut(scope) {
        Some(count) => *count += diff,
        None => _ = counts.insert(scope.clone(), diff),
    }
    if counts.get(scope) == Some(&0) {
        counts.remove(scope);
    }
}

impl Terms {
    /// Works out what the policy comes to.
    fn settle(&mut self) {
        let (mut models, mut embedders) = (BTreeSet::new(), BTreeSet::new());
        (self.extractor, self.watched) = (None, false);
        for row in &self.policy {
            match row {
                Policy::Model { task: Task::Extract, model } => {
                    self.extractor = self.extractor.take().max(Some(model.clone()));
                }
                Policy::Model { task: Task::Embed, model } => {
                    models.insert(model.clone());
                    embedders.insert(model.clone());
                }
                Policy::Model { task: Task::Prepare, model } => _ = models.insert(model.clone()),
                Policy::Watch { .. } => self.watched = true,
                _ => {}
            }
        }
        models.extend(self.extractor.clone());
        (self.models, self.embedders) = (models, embedders);
    }

    /// Whether they come to the same.
    fn means(&self, other: &Terms) -> bool {
        let watches = |terms: &Terms| terms.watched.then(|| terms.embedders.clone());
        self.models == other.models && self.extractor == other.extractor && watches(self) == watches(other)
    }
}

impl OfText {
    /// What goes goes first.
    fn apply(&mut self, changes: Vec<(Row, Diff)>, kinds: &mut BTreeSet<Kinds>) {
        let mut answers: Option<Vec<(Text, Said)>> = None;
        let (came, went): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, diff)| *diff > 0);
        for (row, diff) in went.into_iter().chain(came) {
            match row {
                Row::Piece(piece) if diff > 0 => self.pieces.insert(piece),
                Row::Piece(piece) => self.pieces.remove(&piece),
                Row::Answer(model, said) => {
                    let answers = answers.get_or_insert_with(|| self.answers().collect());
                    // Two refusals in different words are the same to us.
                    for _ in 0..diff.unsigned_abs() {
                        let row = (model.clone(), said.clone());
                        match answers.binary_search(&row) {
                            Ok(at) if diff < 0 => _ = answers.remove(at),
                            Err(_) if diff < 0 => {}
                            Ok(at) | Err(at) => answers.insert(at, row),
                        }
                    }
                }
            }
        }
        if let Some(answers) = answers {
            self.keep(answers, kinds);
        }
    }

    /// The answers, sorted.
    fn answers(&self) -> impl Iterator<Item = (Text, Said)> {
        let mut told = self.told.iter().flatten();
        self.kinds.iter().map(move |(model, kind)| {
            let said = match kind {
                Kind::Vector => Said::Vector,
                Kind::Nothing => Said::Nothing,
                Kind::Told => told.next().map_or(Said::Nothing, |answer| Said::Told(answer.clone())),
            };
            (model.clone(), said)
        })
    }

    fn keep(&mut self, answers: Vec<(Text, Said)>, kinds: &mut BTreeSet<Kinds>) {
        let mut told = Vec::new();
        let of = answers.into_iter().map(|(model, said)| match said {
            Said::Vector => (model, Kind::Vector),
            Said::Nothing => (model, Kind::Nothing),
            Said::Told(answer) => {
                told.push(answer);
                (model, Kind::Told)
            }
        });
        let of: Kinds = Rc::new(of.collect());
        self.told = (!told.is_empty()).then(|| told.into());
        self.kinds = kinds.get(&of).cloned().unwrap_or_else(|| {
            kinds.insert(of.clone());
            of
        });
    }

    /// All rows of the text.
    fn all(&self, text: TextHash, scopes: &BTreeMap<Scope, Terms>, diff: Diff, out: &mut Vec<(Out, Diff)>) {
        self.open(text, scopes, diff, out);
        self.pieces.iter().for_each(|piece| self.of_piece(piece, scopes, diff, out));
    }

    /// What is still asked about it.
    fn open(&self, text: TextHash, scopes: &BTreeMap<Scope, Terms>, diff: Diff, out: &mut Vec<(Out, Diff)>) {
        let terms = self.pieces.scopes().filter_map(|scope| scopes.get(scope));
        let mut asked: Vec<&Text> = terms.flat_map(|terms| &terms.models).collect();
        asked.retain(|model| !self.kinds.iter().any(|(by, _)| by == *model));
        asked.sort();
        asked.dedup();
        out.extend(asked.into_iter().map(|model| (Out::Ask(Ask { text, model: model.clone() }), diff)));
    }

    /// What was said of it, for a passage that says it.
    fn of_piece(&self, piece: &Piece, scopes: &BTreeMap<Scope, Terms>, diff: Diff, out: &mut Vec<(Out, Diff)>) {
        let Some(terms) = scopes.get(&piece.event.scope) else { return };
        if terms.watched {
            out.push((Out::Watched(Sight::Said(piece.clone())), diff));
        }
        for (model, said) in self.answers() {
            match said {
                Said::Told(answer) if terms.extractor.as_ref() == Some(&model) => {
                    out.push((Out::Told(piece.clone(), answer), diff));
                }
                Said::Vector if terms.watched && terms.embedders.contains(&model) => {
                    out.push((Out::Watched(Sight::Read(piece.clone(), model)), diff));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Draw, check2};
    use crate::fake;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Other {
        Answer(AnswerRow),
        Policy(PolicyRow),
    }

    fn other(draw: &mut Draw) -> Other {
        match draw.below(4) {
            0 => {
                let policy = Policy::Watch { question: (*draw.pick(&["who?", "when?"])).into(), k: 3 };
                Other::Policy(PolicyRow { scope: fake::scope(draw), policy })
            }
            1 => Other::Policy(fake::model(draw)),
            _ => Other::Answer(fake::answer_row(draw)),
        }
    }

    fn answer_of(other: Other) -> Option<AnswerRow> {
        if let Other::Answer(row) = other { Some(row) } else { None }
    }

    fn policy_of(other: Other) -> Option<PolicyRow> {
        if let Other::Policy(row) = other { Some(row) } else { None }
    }

    /// Every passage under every row of its scope's policy, beside every answer.
    fn naive(pieces: &[Piece], answers: &[AnswerRow], policy: &[PolicyRow]) -> Vec<Out> {
        let (mut asks, mut out) = (BTreeSet::new(), Vec::new());
        for piece in pieces {
            let policy = || policy.iter().filter(|row| row.scope == piece.event.scope).map(|row| &row.policy);
            let models = |wanted: &[Task]| -> Vec<&Text> {
                let models = policy().filter_map(|row| match row {
                    Policy::Model { task, model } if wanted.contains(task) => Some(model),
                    _ => None,
                });
                models.collect()
            };
            let answers: Vec<&AnswerRow> = answers.iter().filter(|row| row.ask.text == piece.text()).collect();
            let extractor = models(&[Task::Extract]).into_iter().max();
            for model in models(&[Task::Embed, Task::Prepare]).into_iter().chain(extractor) {
                if answers.iter().all(|row| row.ask.model != *model) {
                    asks.insert(Ask { text: piece.text(), model: model.clone() });
                }
            }
            for row in answers.iter().filter(|row| Some(&row.ask.model) == extractor) {
                let empty = Answer::Extraction(Extraction::default());
                if matches!(*row.answer, Answer::Extraction(_)) && *row.answer != empty {
                    out.push(Out::Told(piece.clone(), row.answer.clone()));
                }
            }
            if policy().any(|row| matches!(row, Policy::Watch { .. })) {
                out.push(Out::Watched(Sight::Said(piece.clone())));
                for row in answers.iter().filter(|row| *row.answer == Answer::Vector) {
                    if models(&[Task::Embed]).contains(&&row.ask.model) {
                        out.push(Out::Watched(Sight::Read(piece.clone(), row.ask.model.clone())));
                    }
                }
            }
        }
        asks.into_iter().map(Out::Ask).chain(out).collect()
    }

    #[test]
    fn agrees_with_naive() {
        check2(
            "read",
            (fake::piece, other),
            |pieces, others| rows(pieces, others.clone().flat_map(answer_of), others.flat_map(policy_of)),
            |pieces, others| {
                let answers: Vec<AnswerRow> = others.iter().cloned().filter_map(answer_of).collect();
                let policy: Vec<PolicyRow> = others.iter().cloned().filter_map(policy_of).collect();
                naive(pieces, &answers, &policy)
            },
        );
    }
}
