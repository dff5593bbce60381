//! The desk: one worker's share of the talks of watched scopes, and the scores it has given out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use differential_dataflow::Hashable;
use nexus_scoring::ranking::{Heard, Nearby, REACH, Seen, TALK_GAP};
use nexus_types::{EventId, Millis, PassageId, PolicyRow, Scope, Text, TextHash, Texts};

use super::judge::Judge;
use super::{Place, Sight, Watch};
use crate::Diff;
use crate::neighbours::{Key as Talk, conversation};
use crate::per_key::Machine;
use crate::split::Piece;

/// Where a passage stands in its talk.
type Stand = (Millis, EventId, u32);
/// A candidate's place in the output.
type Candidate = (Watch, i64, Place);

/// So many passages are judged at a time, so that their texts are read together.
const AT_ONCE: usize = 8_192;
/// What was said last in a talk is kept as it was read: the windows of what is said next reach it.
const KEPT: usize = 2 * REACH + 1;
/// In so many talks: those that were touched last.
const TALKS_KEPT: usize = 2_000;

/// A passage as its talk has it.
struct Turn {
    passage: PassageId,
    text: TextHash,
    author: Text,
    /// The embedders that have read it.
    read: BTreeSet<Text>,
    /// What was given out for it, by question.
    given: Vec<(Watch, i64)>,
    /// What it is compared by, while that is at hand.
    heard: Option<Box<AtHand>>,
}

/// What a passage is compared by.
struct AtHand {
    seen: Seen,
    /// Its cosine to each of the scope's questions, in their order, once the embedder has read it.
    near: Option<Vec<Option<i64>>>,
}

/// One worker's share.
pub(super) struct Desk {
    texts: Arc<dyn Texts>,
    judges: BTreeMap<Scope, Judge>,
    talks: BTreeMap<Talk, BTreeMap<Stand, Turn>>,
    /// The talks with turns at hand in the order they were touched, and how often each stands there.
    touched: (VecDeque<Talk>, BTreeMap<Talk, usize>),
}

/// Places in one talk that are looked at together.
struct Part {
    talk: Talk,
    stands: Vec<Stand>,
    /// These and all that is in their windows.
    reach: BTreeSet<Stand>,
}

/// A talk is on one desk.
pub(super) fn route(row: &Sight) -> u64 {
    let (Sight::Said(piece) | Sight::Read(piece, _)) = row;
    conversation(&piece.event).hashed()
}

impl Desk {
    pub(super) fn new(texts: Arc<dyn Texts>) -> Self {
        Desk { texts, judges: BTreeMap::new(), talks: BTreeMap::new(), touched: Default::default() }
    }

    /// Takes in what was said and read, and gives where scores may have changed.
    fn place(&mut self, rows: Vec<(Sight, Diff)>, out: &mut Vec<(Candidate, Diff)>) -> BTreeMap<Talk, BTreeSet<Stand>> {
        let mut net: BTreeMap<Sight, Diff> = BTreeMap::new();
        rows.into_iter().for_each(|(row, diff)| *net.entry(row).or_default() += diff);
        let mut touched: BTreeMap<Talk, BTreeSet<Stand>> = BTreeMap::new();
        // What goes first: a passage that comes again in other words stands where it stood.
        let (came, went): (Vec<_>, Vec<_>) =
            net.into_iter().filter(|(_, diff)| *diff != 0).partition(|(_, diff)| *diff > 0);
        for (row, diff) in went.into_iter().chain(came) {
            let (Sight::Said(piece) | Sight::Read(piece, _)) = &row;
            let key = conversation(&piece.event);
            let stand = (piece.event.said_at, piece.event.id, piece.ordinal());
            let talk = self.talks.entry(key.clone()).or_default();
            // Around where it stood, and around where it stands.
            touched.entry(key.clone()).or_default().extend(around(talk, &stand));
            match (&row, diff > 0) {
                (Sight::Said(piece), true) => {
                    let turn = talk.entry(stand).or_insert_with(|| Turn::of(piece));
                    (turn.passage, turn.text) = (piece.id(), piece.text());
                    (turn.author, turn.heard) = (piece.event.author.clone(), None);
                }
                (Sight::Said(piece), false) => {
                    if talk.get(&stand).is_some_and(|turn| turn.is(piece)) {
                        retract(talk.remove(&stand), &stand, out);
                    }
                }
                (Sight::Read(piece, model), came) => {
                    if let Some(turn) = talk.get_mut(&stand).filter(|turn| turn.is(piece)) {
                        if came {
                            _ = turn.read.insert(model.clone())
                        } else {
                            _ = turn.read.remove(model)
                        }
                        turn.compare_anew();
                    }
                }
            }
            touched.entry(key).or_default().extend(around(talk, &stand));
        }
        touched
    }

    /// Reads what the passages in reach of these places are compared by, where it is not at hand.
    fn read(&mut self, parts: &[Part]) {
        let mut unseen = BTreeSet::new();
        let mut unread: BTreeMap<&Scope, BTreeSet<TextHash>> = BTreeMap::new();
        for part in parts {
            let judge = self.judges.get(&part.talk.0).filter(|judge| !judge.watches.is_empty());
            let (Some(judge), Some(talk)) = (judge, self.talks.get(&part.talk)) else { continue };
            for turn in part.reach.iter().filter_map(|stand| talk.get(stand)) {
                unseen.extend(turn.heard.is_none().then_some(turn.text));
                if turn.is_compared(judge) && turn.heard.as_ref().is_none_or(|heard| heard.near.is_none()) {
                    unread.entry(&part.talk.0).or_default().insert(turn.text);
                }
            }
        }
        let unseen: Vec<TextHash> = unseen.into_iter().collect();
        let texts: BTreeMap<TextHash, Text> =
            unseen.iter().zip(self.texts.texts(&unseen)).filter_map(|(hash, text)| Some((*hash, text?))).collect();
        let mut near: BTreeMap<(Scope, TextHash), Vec<Option<i64>>> = BTreeMap::new();
        for (scope, texts) in unread {
            let Some(judge) = self.judges.get(scope) else { continue };
            let questions: Vec<&str> = judge.watches.iter().map(|(.., asked)| asked.embedded.as_str()).collect();
            let texts: Vec<TextHash> = texts.into_iter().collect();
            let found = self.texts.nearness(judge.embedder.as_deref().unwrap_or_default(), &questions, &texts);
            near.extend(texts.into_iter().zip(found).map(|(text, found)| ((scope.clone(), text), found)));
        }
        for part in parts {
            let (Some(judge), Some(talk)) = (self.judges.get(&part.talk.0), self.talks.get_mut(&part.talk)) else {
                continue;
            };
            for stand in &part.reach {
                let Some(turn) = talk.get_mut(stand) else { continue };
                if turn.heard.is_none() {
                    let seen = texts.get(&turn.text).map(|text| Seen::of(text, &turn.author, stand.0));
                    turn.heard = seen.map(|seen| Box::new(AtHand { seen, near: None }));
                }
                let compared = turn.is_compared(judge);
                if let Some(heard) = turn.heard.as_mut().filter(|heard| compared && heard.near.is_none()) {
                    heard.near = near.get(&(part.talk.0.clone(), turn.text)).cloned();
                }
            }
        }
    }

    /// Judges the passages at these places anew.
    fn judge(&mut self, part: &Part, out: &mut Vec<(Candidate, Diff)>) {
        let Part { talk: key, stands, reach } = part;
        let (Some(judge), Some(talk)) = (self.judges.get(&key.0), self.talks.get(key)) else { return };
        let windows: Vec<(Stand, [Vec<Stand>; 2])> = stands
            .iter()
            .filter(|stand| talk.contains_key(*stand))
            .map(|stand| (*stand, window(talk, stand)))
            .collect();
        let mut given: BTreeMap<Stand, Vec<(Watch, i64)>> = BTreeMap::new();
        for (at, (question, k, asked)) in judge.watches.iter().enumerate() {
            let sought = judge.sought(asked);
            let hear = |stand: &Stand| {
                let heard = talk.get(stand)?.heard.as_ref()?;
                let near = heard.near.as_ref().and_then(|near| *near.get(at)?);
                Some((*stand, Heard::of(&sought, &heard.seen, near)))
            };
            let heard: BTreeMap<Stand, Heard<'_>> = reach.iter().filter_map(hear).collect();
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

    /// Lets go of what was read, but for what was said last, and in talks that were touched long ago of that too.
    fn let_go(&mut self, part: &Part) {
        self.touched.0.push_back(part.talk.clone());
        *self.touched.1.entry(part.talk.clone()).or_default() += 1;
        if self.touched.0.len() > TALKS_KEPT
            && let Some(oldest) = self.touched.0.pop_front()
            && let Some(times) = self.touched.1.get_mut(&oldest)
        {
            *times -= 1;
            if *times == 0 {
                self.touched.1.remove(&oldest);
                let last = self.talks.get_mut(&oldest).into_iter().flat_map(|talk| talk.values_mut().rev().take(KEPT));
                last.for_each(|turn| turn.heard = None);
            }
        }
        let Some(talk) = self.talks.get_mut(&part.talk) else { return };
        let last: BTreeSet<Stand> = talk.keys().rev().take(KEPT).copied().collect();
        for stand in part.reach.difference(&last) {
            if let Some(turn) = talk.get_mut(stand) {
                turn.heard = None;
            }
        }
        if talk.is_empty() {
            self.talks.remove(&part.talk);
        }
    }

    /// Places that were touched, in parts that are not too large, and as many parts as may be looked at together.
    fn parts(&self, touched: BTreeMap<Talk, BTreeSet<Stand>>) -> Vec<Vec<Part>> {
        let (mut all, mut together, mut size): (Vec<_>, Vec<_>, _) = (Vec::new(), Vec::new(), 0);
        for (key, stands) in touched {
            let stands: Vec<Stand> = stands.into_iter().collect();
            for stands in stands.chunks(AT_ONCE) {
                let talk = self.talks.get(&key);
                let reach = stands.iter().flat_map(|stand| talk.map(|talk| around(talk, stand)).unwrap_or_default());
                let part = Part { talk: key.clone(), stands: stands.to_vec(), reach: reach.collect() };
                if size + stands.len() > AT_ONCE {
                    all.push(std::mem::take(&mut together));
                    size = 0;
                }
                size += stands.len();
                together.push(part);
            }
        }
        all.push(together);
        all
    }
}

impl Machine<Sight, PolicyRow> for Desk {
    type Out = Candidate;

    fn turn(&mut self, rows: Vec<(Sight, Diff)>, shared: Vec<(PolicyRow, Diff)>, out: &mut Vec<(Candidate, Diff)>) {
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
        for (key, talk) in self.talks.iter_mut().filter(|(key, _)| changed.contains(&key.0)) {
            talk.values_mut().for_each(Turn::compare_anew);
            touched.entry(key.clone()).or_default().extend(talk.keys().copied());
        }
        for parts in self.parts(touched) {
            self.read(&parts);
            parts.iter().for_each(|part| self.judge(part, out));
            parts.iter().for_each(|part| self.let_go(part));
        }
        self.judges.retain(|_, judge| !judge.is_empty());
    }
}

impl Turn {
    fn of(piece: &Piece) -> Turn {
        let (author, read, given, heard) = (piece.event.author.clone(), BTreeSet::new(), Vec::new(), None);
        Turn { passage: piece.id(), text: piece.text(), author, read, given, heard }
    }

    /// Whether it counts by its meaning.
    fn is_compared(&self, judge: &Judge) -> bool {
        judge.embedder.as_ref().is_some_and(|model| self.read.contains(model))
    }

    /// Its cosines are not what they were.
    fn compare_anew(&mut self) {
        if let Some(heard) = &mut self.heard {
            heard.near = None;
        }
    }

    fn is(&self, piece: &Piece) -> bool {
        self.passage == piece.id() && self.text == piece.text() && self.author == piece.event.author
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
