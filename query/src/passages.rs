//! The passages of a scope in memory: who said what, when and where, what was said around it, and what it is near to in
//! meaning.
//!
//! Recall asks these of some hundred passages a question; each would be a search of its own in the tables. What is kept of
//! a fragment never changes and serves every snapshot and scope of the process ([`Warm`]); of a new epoch only its new
//! fragments are read. Texts beyond [`TEXTS_MAX`] stay on the disk and are read by address. Cost: about 140 bytes a passage
//! and its text, and 330 more with vectors of 256 numbers; at a million passages, 4 s for the first question of a process,
//! once.

mod bits;
mod codes;
mod layers;
mod links;
mod piece;
mod vectors;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use nexus_scoring::ranking::{Seen, TALK_GAP};
use nexus_storage::{Among, Fragment, Snapshot};
use nexus_types::{Hash128, Millis};
use tokio::sync::OnceCell;

pub(crate) use bits::Bits;
use codes::{Codes, Usual};
use layers::{Kept, Layers};
pub(crate) use links::Links;
use links::LinksKept;
use piece::Piece;
use vectors::Keys;
pub(crate) use vectors::Vectors;
use words::{Beside, Words};

use crate::error::{QueryError, Result};
use crate::recall::{Answered, HitRate};
use crate::rows::Rows;

/// Fragments that are read at once.
const READ_AT_ONCE: usize = 2;
/// So many bytes of texts are kept in memory.
const TEXTS_MAX: usize = 512 << 20;
/// Of so many limits it is kept which passages pass them.
const LIMITS_KEPT: usize = 16;
/// How many passages' terms are remembered for the next question.
const REMEMBERED_MAX: usize = 20_000;

/// What is kept in memory between questions and between snapshots of one store.
#[derive(Debug, Default)]
pub struct Warm {
    pieces: Mutex<BTreeMap<String, Arc<Piece>>>,
    /// By the table of vectors and the fragment of passages; with the version of that table in which those that have none
    /// were sought last.
    codes: Mutex<BTreeMap<(String, String), (u64, Arc<Codes>)>>,
    /// By the fragment of vectors.
    keys: PerFragment<Keys>,
    /// By the fragment of passages: of those that the index of words lacks.
    words: PerFragment<Words>,
    /// What vectors have in common, by their table, and of how many that is.
    usual: Mutex<BTreeMap<String, (u64, Arc<Usual>)>>,
    /// The newest epoch that was read: older ones make nothing be forgotten.
    newest: AtomicU64,
    /// Where events are, what follows them, and where vectors are.
    by_event: Mutex<Option<Arc<Kept>>>,
    by_previous: Mutex<Option<Arc<Kept>>>,
    by_text: Mutex<Option<Arc<Kept>>>,
    /// The claims of events, and the facts of claims.
    pub(crate) claims: LinksKept,
    pub(crate) decisions: LinksKept,
    seen: Mutex<BTreeMap<Analysed, Arc<Seen>>>,
    pub(crate) answered: Answered,
    /// One reads at a time: who waits finds it done.
    reading: tokio::sync::Mutex<()>,
}

/// What is kept of fragments, by their names.
#[derive(Debug)]
pub(crate) struct PerFragment<T>(Mutex<BTreeMap<String, Arc<T>>>);

impl<T> Default for PerFragment<T> {
    fn default() -> Self {
        PerFragment(Mutex::default())
    }
}

impl<T> PerFragment<T> {
    /// What is kept of a fragment, else what is read of it.
    async fn get_or(&self, fragment: &str, read: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let kept = lock(&self.0).get(fragment).cloned();
        match kept {
            Some(kept) => Ok(kept),
            None => Ok(Arc::new(read.await?)),
        }
    }

    /// Keeps these; lets go of all others if `alone`.
    fn keep<'a>(&self, alone: bool, these: impl Iterator<Item = (&'a str, &'a Arc<T>)>)
    where
        T: 'a,
    {
        let mut kept = lock(&self.0);
        if alone {
            kept.clear();
        }
        kept.extend(these.map(|(name, one)| (name.into(), one.clone())));
    }
}

/// What a passage's terms are remembered by: its event, its place there and its text.
type Analysed = (Hash128, u32, Hash128);

/// Where a passage is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    piece: u32,
    row: u32,
}

impl Place {
    /// Whether it is among the marked ones.
    pub(crate) fn is_in(self, marked: &[Bits]) -> bool {
        marked.get(self.piece as usize).is_some_and(|rows| rows.has(self.row as usize))
    }
}

/// The passages of one scope, as a snapshot has them.
#[derive(Debug)]
pub(crate) struct Passages {
    warm: Arc<Warm>,
    /// The names of the fragments.
    fragments: Vec<String>,
    pieces: Vec<Arc<Piece>>,
    /// The scope's own.
    live: Vec<Bits>,
    by_event: Layers,
    by_previous: Layers,
    /// How many there are.
    pub(crate) count: usize,
    /// Whether the table has others too.
    pub(crate) others: bool,
    among: OnceLock<Among>,
    /// What the last limits left, the newest last.
    limited: Mutex<VecDeque<(Vec<Condition>, Arc<Passing>)>>,
    beside: OnceCell<Beside>,
    chain: OnceLock<[BTreeMap<Place, Place>; 2]>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Passages {
    /// Reads the fragments that are not kept yet.
    pub(crate) async fn read(snapshot: &Snapshot, scope: &str, warm: &Arc<Warm>) -> Result<Passages> {
        let _reading = warm.reading.lock().await;
        let fragments = snapshot.fragments("passages").await?;
        let missing: Vec<&Fragment> = {
            let kept = lock(&warm.pieces);
            fragments.iter().filter(|fragment| !kept.contains_key(&fragment.name)).collect()
        };
        // Tasks of their own: most of the work is the processor's.
        let read = |fragment: &Fragment| {
            let (snapshot, fragment) = (snapshot.clone(), fragment.clone());
            let reading = tokio::spawn(async move {
                Ok::<_, QueryError>((fragment.name.clone(), Piece::read(&snapshot, &fragment).await?))
            });
            async { reading.await.map_err(|error| QueryError::Engine(format!("passages cannot be read: {error}")))? }
        };
        let mut new = stream::iter(missing.into_iter().map(read)).buffer_unordered(READ_AT_ONCE);
        while let Some((name, piece)) = new.try_next().await? {
            let mut kept = lock(&warm.pieces);
            let here = fragments.iter().filter_map(|fragment| kept.get(&fragment.name));
            let texts = here.map(|piece| piece.text_bytes()).sum::<usize>() + piece.text_bytes();
            kept.insert(name, Arc::new(if texts > TEXTS_MAX { piece.without_texts() } else { piece }));
        }
        drop(new);
        warm.forget(snapshot, &fragments);
        let kept = lock(&warm.pieces);
        let pieces: Vec<Arc<Piece>> =
            fragments.iter().filter_map(|fragment| kept.get(&fragment.name)).cloned().collect();
        drop(kept);
        let live = |(piece, fragment): (&Arc<Piece>, &Fragment)| {
            let own = piece.names("scope").passing(|name| name == scope);
            Bits::of(piece.rows(), |row| own(row) && fragment.has(row as u32))
        };
        let live: Vec<Bits> = pieces.iter().zip(&fragments).map(live).collect();
        let count = live.iter().map(Bits::count).sum();
        let others = count as u64 != snapshot.rows("passages");
        let names: Vec<(String, usize)> = fragments.into_iter().map(|one| (one.name, one.rows)).collect();
        let by_event = Layers::of(&names, &warm.by_event, |at| pieces[at].by_event());
        let by_previous = Layers::of(&names, &warm.by_previous, |at| pieces[at].by_previous());
        let fragments = names.into_iter().map(|(name, _)| name).collect();
        let (among, limited, beside, chain) = Default::default();
        let warm = warm.clone();
        Ok(Passages {
            warm,
            fragments,
            pieces,
            live,
            by_event,
            by_previous,
            count,
            others,
            among,
            limited,
            beside,
            chain,
        })
    }

    fn piece(&self, place: Place) -> (&Piece, usize) {
        (&self.pieces[place.piece as usize], place.row as usize)
    }

    /// All of the scope, in the order of addresses.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place> {
        self.marked(&self.live)
    }

    /// The marked ones, in the order of addresses.
    pub(crate) fn marked<'a>(&self, marked: &'a [Bits]) -> impl Iterator<Item = Place> + use<'a> {
        let of = |(piece, rows): (usize, &'a Bits)| {
            rows.rows().map(move |row| Place { piece: piece as u32, row: row as u32 })
        };
        marked.iter().enumerate().flat_map(of)
    }

    /// The scope's passages that all conditions hold for; who limits one question mostly limits the next.
    pub(crate) fn passing(&self, conditions: Vec<Condition>) -> Arc<Passing> {
        let known = lock(&self.limited).iter().find(|(known, _)| *known == conditions).map(|(_, kept)| kept.clone());
        if let Some(passing) = known {
            return passing;
        }
        let of = |(piece, live): (&Arc<Piece>, &Bits)| {
            conditions.iter().fold(live.clone(), |passing, condition| passing.and(&condition.rows(piece)))
        };
        let rows = self.pieces.iter().zip(&self.live).map(of).collect();
        let passing = Arc::new(Passing { rows, among: OnceLock::new() });
        let mut limited = lock(&self.limited);
        if limited.len() == LIMITS_KEPT {
            limited.pop_front();
        }
        limited.push_back((conditions, passing.clone()));
        passing
    }

    /// The addresses of these, for a search among them.
    fn among(&self, marked: &[Bits]) -> Among {
        Among::of(self.marked(marked).map(|place| self.address(place)))
    }

    /// What a search has to be told, so that it finds no other scope's; nothing where there is none.
    pub(crate) fn own(&self) -> Option<&Among> {
        self.others.then(|| self.alive())
    }

    /// What a search has to be told, so that it finds nothing that was deleted since its index was extended.
    pub(crate) fn alive(&self) -> &Among {
        self.among.get_or_init(|| self.among(&self.live))
    }

    /// Where the passage with an address is kept, if it is of the scope.
    pub(crate) fn at(&self, address: u64) -> Option<Place> {
        let of = |(piece, at): (&Arc<Piece>, u32)| Some(Place { piece: at, row: piece.row(address)? });
        self.pieces.iter().zip(0..).find_map(of).filter(|place| self.is_live(*place))
    }

    fn is_live(&self, place: Place) -> bool {
        place.is_in(&self.live)
    }

    pub(crate) fn address(&self, place: Place) -> u64 {
        self.pieces[place.piece as usize].address(place.row)
    }

    pub(crate) fn id(&self, place: Place) -> Hash128 {
        self.pieces[place.piece as usize].id(place.row)
    }

    pub(crate) fn event(&self, place: Place) -> Hash128 {
        let (piece, row) = self.piece(place);
        piece.events[row]
    }

    pub(crate) fn hash(&self, place: Place) -> Hash128 {
        let (piece, row) = self.piece(place);
        piece.hashes[row]
    }

    pub(crate) fn said_at(&self, place: Place) -> Millis {
        let (piece, row) = self.piece(place);
        piece.said_at[row]
    }

    /// What one of the columns of names has for it.
    pub(crate) fn name(&self, column: &str, place: Place) -> &str {
        let (piece, row) = self.piece(place);
        piece.names(column).get(row)
    }

    /// Every author of the scope, each with a platform it writes on and how many passages it has.
    pub(crate) fn authors(&self) -> BTreeMap<&str, (&str, u64)> {
        let mut authors = BTreeMap::new();
        for (piece, live) in self.pieces.iter().zip(&self.live) {
            let (names, platforms) = (piece.names("author"), piece.names("platform"));
            // By number: the first row, and how many there are.
            let mut found: Vec<(usize, u64)> = vec![(0, 0); names.different()];
            for row in live.rows() {
                if let Some((first, count)) = found.get_mut(names.number(row)) {
                    *first = if *count == 0 { row } else { *first };
                    *count += 1;
                }
            }
            for (first, count) in found.into_iter().filter(|(_, count)| *count > 0) {
                authors.entry(names.get(first)).or_insert((platforms.get(first), 0)).1 += count;
            }
        }
        authors
    }

    /// What was said next in the same talk: the event's own next piece, else the next event's first.
    pub(crate) fn next(&self, place: Place) -> Option<Place> {
        let (piece, row) = self.piece(place);
        let own = self.find(piece.events[row], |ordinal| ordinal == piece.ordinals[row].saturating_add(1)).next();
        let next = own.or_else(|| self.after(piece.events[row]))?;
        (self.said_at(next).abs_diff(piece.said_at[row]) <= TALK_GAP.unsigned_abs()).then_some(next)
    }

    /// What was said right before it: what it is next to.
    pub(crate) fn before(&self, place: Place) -> Option<Place> {
        let (piece, row) = self.piece(place);
        let before = match piece.ordinals[row].checked_sub(1) {
            Some(wanted) => self.find(piece.events[row], |ordinal| ordinal == wanted).next(),
            None => self.find(piece.previous[row]?, |_| true).last(),
        };
        before.filter(|before| self.next(*before) == Some(place))
    }

    /// What each passage of the scope comes after and is followed by, computed once: for who asks about all of them.
    pub(crate) fn chain(&self) -> &[BTreeMap<Place, Place>; 2] {
        self.chain.get_or_init(|| {
            let next: BTreeMap<Place, Place> =
                self.all().filter_map(|place| Some((place, self.next(place)?))).collect();
            [next.iter().map(|(place, next)| (*next, *place)).collect(), next]
        })
    }

    /// An event's passages, in its order.
    fn find(&self, event: Hash128, wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = Place> {
        let place = |(piece, row): (u32, u32)| Place { piece, row };
        let mut found: Vec<(u32, Place)> = Vec::new();
        for place in self.by_event.find(event).map(place) {
            let (piece, row) = self.piece(place);
            if piece.events[row] == event && wanted(piece.ordinals[row]) && self.is_live(place) {
                found.push((piece.ordinals[row], place));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, place)| place)
    }

    /// What begins right after an event; of several, the one with the least id.
    fn after(&self, event: Hash128) -> Option<Place> {
        let found = self.by_previous.find(event).map(|(piece, row)| Place { piece, row });
        let is = |place: &Place| {
            let (piece, row) = self.piece(*place);
            piece.previous[row] == Some(event) && self.is_live(*place)
        };
        let mut found = found.filter(is);
        let first = found.next()?;
        match found.next() {
            None => Some(first),
            Some(second) => found.chain([first, second]).min_by_key(|place| self.id(*place)),
        }
    }

    /// What passages are found by, and the texts of those that had to be read for it.
    pub(crate) async fn seen(
        &self,
        snapshot: &Snapshot,
        places: &[Place],
    ) -> Result<Vec<(Place, Arc<Seen>, Option<Box<str>>)>> {
        let (mut found, mut unread) = (Vec::with_capacity(places.len()), Vec::new());
        {
            let remembered = lock(&self.warm.seen);
            for place in places {
                let seen = remembered.get(&self.analysed(*place)).filter(|seen| self.is_of(seen, *place));
                match seen {
                    Some(seen) => found.push((*place, seen.clone(), None)),
                    None => unread.push(*place),
                }
            }
        }
        unread.sort_unstable();
        let texts = self.texts(snapshot, &unread).await?;
        let analyse = |(place, text): (Place, Box<str>)| {
            let seen = Seen::of(&text, self.name("author", place), self.said_at(place));
            (place, Arc::new(seen), text)
        };
        let new: Vec<_> = unread.into_iter().zip(texts).map(analyse).collect();
        let mut remembered = lock(&self.warm.seen);
        for (place, seen, text) in new {
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(self.analysed(place), seen.clone());
            found.push((place, seen, Some(text)));
        }
        Ok(found)
    }

    fn analysed(&self, place: Place) -> Analysed {
        let (piece, row) = self.piece(place);
        (piece.events[row], piece.ordinals[row], piece.hashes[row])
    }

    fn is_of(&self, seen: &Seen, place: Place) -> bool {
        seen.said_at == self.said_at(place) && seen.author == self.name("author", place)
    }

    /// The texts of passages that stand in the order of places.
    pub(crate) async fn texts(&self, snapshot: &Snapshot, places: &[Place]) -> Result<Vec<Box<str>>> {
        let kept = |place: &Place| self.pieces[place.piece as usize].text(place.row as usize).map(Box::from);
        if let Some(texts) = places.iter().map(kept).collect() {
            return Ok(texts);
        }
        let addresses: Vec<u64> = places.iter().map(|place| self.address(*place)).collect();
        let mut texts: Vec<Box<str>> = Vec::with_capacity(places.len());
        for batch in snapshot.take_at("passages", &addresses, &["text"]).await? {
            texts.extend(Rows(&batch).text("text")?.iter().map(|text| text.unwrap_or_default().into()));
        }
        match texts.len() == places.len() {
            true => Ok(texts),
            false => Err(QueryError::Corrupt(format!("{} of {} passages have a text", texts.len(), places.len()))),
        }
    }
}

/// The passages that limits leave.
#[derive(Debug)]
pub(crate) struct Passing {
    /// By piece.
    pub(crate) rows: Vec<Bits>,
    among: OnceLock<Among>,
}

impl Passing {
    /// Their addresses, for a search among them.
    pub(crate) fn among(&self, passages: &Passages) -> &Among {
        self.among.get_or_init(|| passages.among(&self.rows))
    }
}

/// What passages are limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// A column of names has one of these.
    Named(&'static str, BTreeSet<String>),
    /// Said then or later.
    Since(Millis),
    /// Said before.
    Until(Millis),
    /// Said in one of these half-open stretches.
    Within(Vec<(Millis, Millis)>),
    /// Of one of these events.
    Of(BTreeSet<Hash128>),
}

impl Condition {
    fn rows(&self, piece: &Piece) -> Bits {
        let rows = piece.rows();
        match self {
            Condition::Named(column, names) => Bits::of(rows, piece.names(column).passing(|name| names.contains(name))),
            Condition::Since(at) => Bits::of(rows, |row| piece.said_at[row] >= *at),
            Condition::Until(at) => Bits::of(rows, |row| piece.said_at[row] < *at),
            Condition::Within(all) => {
                let within = |at: Millis| all.iter().any(|(from, to)| (*from..*to).contains(&at));
                Bits::of(rows, |row| within(piece.said_at[row]))
            }
            Condition::Of(events) => Bits::of(rows, |row| events.contains(&piece.events[row])),
        }
    }
}

impl Warm {
    /// How often an answer, and a question's vector, had been worked out before.
    pub fn hit_rates(&self) -> [HitRate; 2] {
        self.answered.rates()
    }

    /// Whether no later epoch than this one was read.
    fn is_newest(&self, snapshot: &Snapshot) -> bool {
        self.newest.fetch_max(snapshot.epoch(), Ordering::Relaxed) <= snapshot.epoch()
    }

    /// Lets go of what no fragment here needs, once that is as much as what is needed: older snapshots may ask again.
    fn forget(&self, snapshot: &Snapshot, fragments: &[Fragment]) {
        let needed: BTreeSet<&str> = fragments.iter().map(|fragment| fragment.name.as_str()).collect();
        let mut pieces = lock(&self.pieces);
        let rows: usize = fragments.iter().map(|fragment| fragment.rows).sum();
        let kept: usize = pieces.values().map(|piece| piece.rows()).sum();
        if self.is_newest(snapshot) && kept > 2 * rows {
            pieces.retain(|name, _| needed.contains(name.as_str()));
            lock(&self.codes).retain(|(_, name), _| needed.contains(name.as_str()));
        }
    }
}
