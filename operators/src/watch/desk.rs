//! The desk: one worker's share of the talks of watched scopes, and the scores it has given out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::Hashable;
use nexus_scoring::ranking::{Asked, Heard, Nearby, REACH, Seen, TALK_GAP};
use nexus_types::{EventId, Millis, PassageId, PolicyRow, Scope, Text, TextHash, Texts};

use super::judge::Judge;
use super::{Place, Row, Watch};
use crate::Diff;
use crate::neighbours::{Key as Talk, conversation};
use crate::per_key::Machine;

/// Where a passage stands in its talk.
type Stand = (Millis, EventId, u32);
/// A candidate's place in the output.
type Candidate = (Watch, i64, Place);

/// So many analysed texts are kept; what is needed again soon is what was said last.
const SEEN_MAX: usize = 8_192;
/// So many passages are judged at a time, so that their texts are read together.
const AT_ONCE: usize = 2_000;

/// A passage as its talk has it.
struct Turn {
    passage: PassageId,
    text: TextHash,
    author: Text,
    /// The embedders that have read it.
    read: BTreeSet<Text>,
    /// What was given out for it, by question.
    given: Vec<(Watch, i64)>,
}

/// One worker's share.
pub(super) struct Desk {
    texts: Arc<dyn Texts>,
    judges: BTreeMap<Scope, Judge>,
    talks: BTreeMap<Talk, BTreeMap<Stand, Turn>>,
    seen: BTreeMap<(TextHash, Text, Millis), Arc<Seen>>,
    /// By embedder, what of a question is embedded, and text.
    cosines: BTreeMap<(Text, String, TextHash), Option<i64>>,
}

/// A talk is on one desk.
pub(super) fn route(row: &Row) -> u64 {
    let (Row::Said(piece) | Row::Read(piece, _)) = row;
    conversation(&piece.event).hashed()
}

impl Desk {
    pub(super) fn new(texts: Arc<dyn Texts>) -> Self {
        let (judges, talks, seen, cosines) = Default::default();
        Desk { texts, judges, talks, seen, cosines }
    }

    /// Takes in what was said and read, and gives where scores may have changed.
    fn place(&mut self, rows: Vec<(Row, Diff)>, out: &mut Vec<(Candidate, Diff)>) -> BTreeMap<Talk, BTreeSet<Stand>> {
        let mut net: BTreeMap<Row, Diff> = BTreeMap::new();
        rows.into_iter().for_each(|(row, diff)| *net.entry(row).or_default() += diff);
        let mut touched: BTreeMap<Talk, BTreeSet<Stand>> = BTreeMap::new();
        // What goes first: a passage that comes again in other words stands where it stood.
        let (came, went): (Vec<_>, Vec<_>) =
            net.into_iter().filter(|(_, diff)| *diff != 0).partition(|(_, diff)| *diff > 0);
        for (row, diff) in went.into_iter().chain(came) {
            let (Row::Said(piece) | Row::Read(piece, _)) = &row;
            let key = conversation(&piece.event);
            let stand = (piece.event.said_at, piece.event.id, piece.passage.ordinal);
            let talk = self.talks.entry(key.clone()).or_default();
            // Around where it stood, and around where it stands.
            touched.entry(key.clone()).or_default().extend(around(talk, &stand));
            match (&row, diff > 0) {
                (Row::Said(piece), true) => {
                    let turn = talk.entry(stand).or_insert_with(|| Turn::of(piece));
                    (turn.passage, turn.text) = (piece.passage.id, piece.passage.text);
                    turn.author = piece.event.author.clone();
                }
                (Row::Said(piece), false) => {
                    if talk.get(&stand).is_some_and(|turn| turn.is(piece)) {
                        retract(talk.remove(&stand), &stand, out);
                    }
                }
                (Row::Read(piece, model), came) => {
                    if let Some(turn) = talk.get_mut(&stand).filter(|turn| turn.is(piece)) {
                        if came { _ = turn.read.insert(model.clone()) } else { _ = turn.read.remove(model) }
                    }
                }
            }
            touched.entry(key).or_default().extend(around(talk, &stand));
        }
        touched
    }

    /// Lets go of what was read, where it is much: it can be read again.
    fn tidy(&mut self) {
        if self.cosines.len() > SEEN_MAX {
            self.cosines.clear();
        }
        if self.seen.len() > SEEN_MAX {
            self.seen.clear();
        }
    }

    /// Judges the passages at these places anew.
    fn judge(&mut self, key: &Talk, stands: &[Stand], out: &mut Vec<(Candidate, Diff)>) {
        let (Some(judge), Some(talk)) = (self.judges.get(&key.0), self.talks.get(key)) else { return };
        let reach: BTreeSet<Stand> = stands.iter().flat_map(|stand| around(talk, stand)).collect();
        let seen = see(&*self.texts, &mut self.seen, talk, &reach);
        let windows: Vec<(Stand, [Vec<Stand>; 2])> = stands
            .iter()
            .filter(|stand| talk.contains_key(*stand))
            .map(|stand| (*stand, window(talk, stand)))
            .collect();
        let mut given: BTreeMap<Stand, Vec<(Watch, i64)>> = BTreeMap::new();
        for (question, k, asked) in &judge.watches {
            let near = near(&*self.texts, &mut self.cosines, judge, talk, &reach, asked);
            let sought = judge.sought(asked);
            let heard: BTreeMap<Stand, Heard<'_>> =
                seen.iter().map(|(at, seen)| (*at, Heard::of(&sought, seen, near.get(at).copied()))).collect();
            for (stand, [before, after]) in &windows {
                let side = |stands: &[Stand]| stands.iter().filter_map(|at| heard.get(at)).collect::<Vec<_>>();
                let Some(turn) = heard.get(stand) else { continue };
                let near = Nearby { turn, before: &side(before), after: &side(after) };
                let score = judge.score(asked, &sought, near, stand.0);
                let watch = || (key.0.clone(), question.clone(), *k);
                given.entry(*stand).or_default().extend(score.map(|score| (watch(), score)));
            }
        }
        let Some(talk) = self.talks.get_mut(key) else { return };
        for (stand, _) in windows {
            let given = given.remove(&stand).unwrap_or_default();
            if let Some(turn) = talk.get_mut(&stand).filter(|turn| turn.given != given) {
                let place = (Reverse(stand.0), turn.passage, stand.1);
                let old = std::mem::replace(&mut turn.given, given.clone());
                out.extend(old.into_iter().map(|(watch, score)| ((watch, score, place), -1)));
                out.extend(given.into_iter().map(|(watch, score)| ((watch, score, place), 1)));
            }
        }
    }
}

impl Machine<Row, PolicyRow> for Desk {
    type Out = Candidate;

    fn turn(&mut self, rows: Vec<(Row, Diff)>, shared: Vec<(PolicyRow, Diff)>, out: &mut Vec<(Candidate, Diff)>) {
        let mut net: BTreeMap<PolicyRow, Diff> = BTreeMap::new();
        shared.into_iter().for_each(|(row, diff)| *net.entry(row).or_default() += diff);
        let mut changed = BTreeSet::new();
        for (row, diff) in net.into_iter().filter(|(_, diff)| *diff != 0) {
            self.judges.entry(row.scope.clone()).or_default().change(diff > 0, row.policy);
            changed.insert(row.scope);
        }
        for scope in &changed {
            self.judges.entry(scope.clone()).or_default().settle();
        }
        let mut touched = self.place(rows, out);
        for (key, talk) in self.talks.iter().filter(|(key, _)| changed.contains(&key.0)) {
            touched.entry(key.clone()).or_default().extend(talk.keys().copied());
        }
        for (key, stands) in touched {
            let stands: Vec<Stand> = stands.into_iter().collect();
            for stands in stands.chunks(AT_ONCE) {
                self.judge(&key, stands, out);
                self.tidy();
            }
            if self.talks.get(&key).is_some_and(BTreeMap::is_empty) {
                self.talks.remove(&key);
            }
        }
        self.judges.retain(|_, judge| !judge.is_empty());
    }
}

impl Turn {
    fn of(piece: &crate::split::Piece) -> Turn {
        let (author, read, given) = (piece.event.author.clone(), BTreeSet::new(), Vec::new());
        Turn { passage: piece.passage.id, text: piece.passage.text, author, read, given }
    }

    fn is(&self, piece: &crate::split::Piece) -> bool {
        self.passage == piece.passage.id && self.text == piece.passage.text && self.author == piece.event.author
    }
}

/// Takes back what was given out for a passage that is gone.
fn retract(turn: Option<Turn>, stand: &Stand, out: &mut Vec<(Candidate, Diff)>) {
    let Some(turn) = turn else { return };
    let place = (Reverse(stand.0), turn.passage, stand.1);
    out.extend(turn.given.into_iter().map(|(watch, score)| ((watch, score, place), -1)));
}

/// The places whose windows reach this one, itself among them if somebody stands there.
fn around(talk: &BTreeMap<Stand, Turn>, stand: &Stand) -> Vec<Stand> {
    let before = talk.range(..*stand).rev().take(REACH).map(|(stand, _)| *stand);
    let from = talk.range(*stand..).take(REACH + 1).map(|(stand, _)| *stand);
    before.chain(from).collect()
}

/// What was said before and after in the same talk, nearest first: no further than a pause.
fn window(talk: &BTreeMap<Stand, Turn>, stand: &Stand) -> [Vec<Stand>; 2] {
    let unbroken = |steps: &mut dyn Iterator<Item = &Stand>| {
        let mut last = stand.0;
        let mut side = Vec::new();
        for step in steps.take(REACH) {
            if step.0.abs_diff(last) > TALK_GAP.unsigned_abs() {
                break;
            }
            (last, _) = (step.0, side.push(*step));
        }
        side
    };
    let next = (std::ops::Bound::Excluded(*stand), std::ops::Bound::Unbounded);
    [
        unbroken(&mut talk.range(..*stand).rev().map(|(step, _)| step)),
        unbroken(&mut talk.range(next).map(|(step, _)| step)),
    ]
}

/// The texts at these places, analysed.
fn see(
    texts: &dyn Texts,
    held: &mut BTreeMap<(TextHash, Text, Millis), Arc<Seen>>,
    talk: &BTreeMap<Stand, Turn>,
    stands: &BTreeSet<Stand>,
) -> BTreeMap<Stand, Arc<Seen>> {
    let key = |stand: &Stand, turn: &Turn| (turn.text, turn.author.clone(), stand.0);
    let turns = || stands.iter().filter_map(|stand| Some((*stand, talk.get(stand)?)));
    let missing: BTreeSet<TextHash> =
        turns().filter(|(stand, turn)| !held.contains_key(&key(stand, turn))).map(|(_, turn)| turn.text).collect();
    let missing: Vec<TextHash> = missing.into_iter().collect();
    let read: BTreeMap<TextHash, Text> =
        missing.iter().zip(texts.texts(&missing)).filter_map(|(hash, text)| Some((*hash, text?))).collect();
    let mut seen = BTreeMap::new();
    for (stand, turn) in turns() {
        let key = key(&stand, turn);
        if let Some(text) = read.get(&turn.text) {
            let analysed = || Arc::new(Seen::of(text, &turn.author, stand.0));
            held.entry(key.clone()).or_insert_with(analysed);
        }
        seen.extend(held.get(&key).map(|one| (stand, one.clone())));
    }
    seen
}

/// How near in meaning the passages at these places are to a question, where the scope's embedder has read them.
fn near(
    texts: &dyn Texts,
    held: &mut BTreeMap<(Text, String, TextHash), Option<i64>>,
    judge: &Judge,
    talk: &BTreeMap<Stand, Turn>,
    stands: &BTreeSet<Stand>,
    asked: &Asked,
) -> BTreeMap<Stand, i64> {
    let Some(model) = &judge.embedder else { return BTreeMap::new() };
    let key = |text: TextHash| (model.clone(), asked.embedded.clone(), text);
    let read = |stand: &Stand| talk.get(stand).filter(|turn| turn.read.contains(model)).map(|turn| (*stand, turn.text));
    let read: Vec<(Stand, TextHash)> = stands.iter().filter_map(read).collect();
    let missing: BTreeSet<TextHash> =
        read.iter().map(|(_, text)| *text).filter(|text| !held.contains_key(&key(*text))).collect();
    let missing: Vec<TextHash> = missing.into_iter().collect();
    let found = texts.nearness(model, &asked.embedded, &missing);
    held.extend(missing.iter().zip(found).map(|(text, cosine)| (key(*text), cosine)));
    read.into_iter().filter_map(|(stand, text)| Some((stand, (*held.get(&key(text))?)?))).collect()
}
