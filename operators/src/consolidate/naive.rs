//! What consolidation means, by brute force: the twin that [`super::consolidate`] must agree with.
//!
//! Valid time is cut into cells at every instant that a key's claims name. Claims are painted onto the cells one after
//! another; a fact is a run of cells of one colour. After each claim the whole picture is taken, and the versions of
//! facts are what differs between one picture and the next. A cell has several colours where they are disputed. Shares no
//! code with the fold. Cost: quadratic, and more.

use std::collections::BTreeMap;

use nexus_types::time::{MILLIS_MAX, MILLIS_MIN};
use nexus_types::{
    Action, Aspect, Cardinality, ClaimId, Decision, Fact, FactId, Held, Millis, Modality, Polarity, Policy, PolicyRow,
    Predicate, Status,
};

use super::Resolved;

/// The facts and decisions that these claims make under this policy.
pub fn consolidate(claims: &[Resolved], policy: &[PolicyRow]) -> (Vec<Fact>, Vec<Decision>) {
    let mut keys: BTreeMap<_, Vec<Laid>> = BTreeMap::new();
    for row in claims {
        for (key, ends) in places(row, policy) {
            keys.entry(key).or_default().push(Laid { row, ends });
        }
    }
    let (mut facts, mut decisions) = (Vec::new(), Vec::new());
    for ((cardinality, _, group, ..), mut rows) in keys {
        rows.sort_by_key(|laid| (laid.row.claim.said_at, laid.row.claim.id));
        let mut canvas = Canvas::new(cardinality, group.starts_with("pair "), &rows);
        for (at, Laid { row, ends }) in rows.iter().enumerate() {
            let before = canvas.picture();
            let (action, fact, replaced, reason) = canvas.take(at, strength(row, policy));
            canvas.calm(&before);
            canvas.remember(&before, row.claim.said_at, &mut facts);
            if *ends {
                continue;
            }
            let (claim, scope, said_at) = (row.claim.id, row.claim.scope.clone(), row.claim.said_at);
            decisions.push(Decision { claim, scope, said_at, action, fact, replaced, reason: reason.into() });
        }
        facts.extend(canvas.picture().into_values());
    }
    (facts, decisions)
}

/// A claim on a key: its own, or one of another predicate that it may end.
struct Laid<'a> {
    row: &'a Resolved,
    ends: bool,
}

/// What is folded together: cardinality, scope, predicate (the lesser of two), whose it is, and of what.
type Key = (Cardinality, String, String, String, String);

/// The keys of a claim, and whether it only ends something there.
fn places(row: &Resolved, policy: &[PolicyRow]) -> Vec<(Key, bool)> {
    let claim = &row.claim;
    let rule_of = |name: &str| {
        let called = |row: &str| {
            let rules = policy.iter().filter(|rule| rule.scope == claim.scope).filter_map(|rule| match &rule.policy {
                Policy::Predicate(rule) if &*rule.name == row => Some(rule.clone()),
                _ => None,
            });
            rules.max()
        };
        let of_many = if name.starts_with("number_of_") { called("number_of_*") } else { None };
        let of_many = if name.ends_with("_is") { of_many.or_else(|| called("*_is")) } else { of_many };
        let rule = called(name).or(of_many).unwrap_or(Predicate::new(name, Cardinality::Add));
        Predicate { name: name.into(), ..rule }
    };
    let rule = rule_of(&claim.predicate);
    let cardinality = rule.cardinality;
    let key = |cardinality, predicate: &str, subject: &str, object: &str| -> Key {
        (cardinality, claim.scope.to_string(), predicate.into(), subject.into(), object.into())
    };
    let (name, subject, object) = (rule.name.to_string(), words(&Held::Entity(row.subject)), words(&row.object));
    let inverse = if rule.symmetric { Some(name.clone()) } else { rule.inverse.as_ref().map(|name| name.to_string()) };
    let two = matches!(row.object, Held::Entity(object) if object != row.subject);
    let own = match (cardinality, inverse.filter(|_| two), &rule.opposite) {
        (Cardinality::Replace, ..) => key(cardinality, &name, &subject, ""),
        (_, Some(inverse), _) => {
            let turned = if name == inverse { object < subject } else { inverse < name };
            let pair = if cardinality == Cardinality::Event { "" } else { "pair " };
            let group = format!("{pair}{}", (&name).min(&inverse));
            if turned {
                key(cardinality, &group, &object, &subject)
            } else {
                key(cardinality, &group, &subject, &object)
            }
        }
        (Cardinality::Add, None, Some(other)) => key(cardinality, (&*name).min(other), &subject, &object),
        _ => key(cardinality, &name, &subject, &object),
    };
    let begins = claim.aspect == Aspect::Begins || claim.aspect == Aspect::Holds && cardinality == Cardinality::Event;
    let said = claim.polarity == Polarity::Affirmed && claim.modality == Modality::Asserted;
    let silent = matches!(&row.object, Held::Value(text) if text.trim().is_empty());
    let ended = rule.ends.iter().filter(|other| begins && said && !silent && **other != claim.predicate);
    let ended = ended.filter(|other| rule_of(other).cardinality == Cardinality::Replace);
    let ended = ended.map(|other| (key(Cardinality::Replace, other, &subject, ""), true));
    ended.chain([(own, false)]).collect()
}

/// A value for comparison: entities by id, texts by their words in lower case.
fn words(value: &Held) -> String {
    match value {
        Held::Entity(id) => format!("entity {id}"),
        Held::Value(text) => {
            let lower: String = text.chars().flat_map(char::to_lowercase).collect();
            format!("value {}", lower.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}

/// Whether a text is another with more words before it, or after it.
fn finer(exact: &str, vague: &str) -> bool {
    let list = |text: &str| text.split(' ').skip(1).map(String::from).collect::<Vec<_>>();
    let texts = exact.starts_with("value ") && vague.starts_with("value ");
    let (exact, vague) = (list(exact), list(vague));
    texts && exact.len() > vague.len() && (exact.ends_with(&vague) || exact.starts_with(&vague))
}

/// Confidence times trust; `None` for a rejected claim.
fn strength(row: &Resolved, policy: &[PolicyRow]) -> Option<u32> {
    let rules = || policy.iter().filter(|rule| rule.scope == row.claim.scope).map(|rule| &rule.policy);
    if rules().any(|rule| *rule == Policy::Reject(row.claim.id)) {
        return None;
    }
    let trust = rules().filter_map(|rule| match rule {
        Policy::Trust { source, trust } if *source == row.claim.source => Some(u32::from(*trust)),
        _ => None,
    });
    Some(u32::from(row.claim.confidence).min(1000) * trust.max().unwrap_or(1000).min(1000) / 1000)
}

/// A colour: one fact.
#[derive(Clone)]
struct Colour {
    id: FactId,
    opening: usize,
    /// Where somebody said that it ends.
    ends: Option<Millis>,
    /// Which claim of another predicate ended it there.
    ended_by: Option<ClaimId>,
    disputed: bool,
    support: u32,
    confidence: u32,
    known_from: Millis,
}

type Taken = (Action, Option<FactId>, Option<FactId>, &'static str);

struct Canvas<'a> {
    cardinality: Cardinality,
    /// Whether all claims say the same, from either end.
    pairs: bool,
    rows: &'a [Laid<'a>],
    /// The instants between cells: cell `n` reaches from `times[n]` to `times[n + 1]`, the last one for ever.
    times: Vec<Millis>,
    /// The colours of each cell: one, or those that are, or were, disputed.
    cells: Vec<Vec<usize>>,
    colours: Vec<Colour>,
    /// Facts beside the line: colour, beginning (if known) and end. Vague ones, and those that happened.
    beside: Vec<(usize, Option<Millis>, Millis)>,
}

const DAY: Millis = 24 * 60 * 60 * 1000;

impl<'a> Canvas<'a> {
    fn new(cardinality: Cardinality, pairs: bool, rows: &'a [Laid<'a>]) -> Self {
        let named = |Laid { row, .. }: &Laid| [Some(row.claim.said_at), row.claim.valid_from, row.claim.valid_to];
        let mut times: Vec<Millis> = rows.iter().flat_map(named).flatten().map(within).collect();
        times.sort_unstable();
        times.dedup();
        let cells = vec![Vec::new(); times.len()];
        Canvas { cardinality, pairs, rows, times, cells, colours: Vec::new(), beside: Vec::new() }
    }

    /// Every fact that is held, as it is held.
    fn picture(&self) -> BTreeMap<FactId, Fact> {
        let on_the_line = (0..self.colours.len()).filter_map(|colour| {
            let (from, to) = self.run(colour)?;
            let status = match to {
                _ if self.colours[colour].disputed => Status::Disputed,
                None => Status::Current,
                Some(to) if self.colours[colour].ends == Some(to) => Status::Ended,
                Some(_) => Status::Superseded,
            };
            Some(self.fact(colour, Some(from), to, status))
        });
        let beside = self.beside.iter().map(|(colour, from, to)| self.fact(*colour, *from, Some(*to), Status::Ended));
        on_the_line.chain(beside).map(|fact| (fact.id, fact)).collect()
    }

    fn fact(&self, colour: usize, valid_from: Option<Millis>, valid_to: Option<Millis>, status: Status) -> Fact {
        let colour = &self.colours[colour];
        let opening = self.rows[colour.opening].row;
        Fact {
            id: colour.id,
            known_from: colour.known_from,
            known_to: None,
            scope: opening.claim.scope.clone(),
            subject: opening.subject,
            predicate: opening.claim.predicate.clone(),
            object: opening.object.clone(),
            valid_from,
            valid_to,
            confidence: colour.confidence as u16,
            support: colour.support,
            status,
            ended_by: colour.ended_by.filter(|_| status == Status::Ended && valid_to == colour.ends),
        }
    }

    /// What has another beginning or end than before, or stands alone, is not disputed any more.
    fn calm(&mut self, before: &BTreeMap<FactId, Fact>) {
        for colour in 0..self.colours.len() {
            let Some((first, last)) = self.span(colour) else { continue };
            let run = self.run(colour).map(|(from, to)| (Some(from), to));
            let old = before.get(&self.colours[colour].id).map(|fact| (fact.valid_from, fact.valid_to));
            let moved = old.is_some() && old != run;
            let alone = self.cells[first..last].iter().all(|cell| cell.len() == 1);
            self.colours[colour].disputed &= !moved && !alone;
        }
    }

    /// Compares the picture before a claim with the one after it: what changed is a new version.
    fn remember(&mut self, before: &BTreeMap<FactId, Fact>, said_at: Millis, facts: &mut Vec<Fact>) {
        let now = within(said_at);
        let after = self.picture();
        for (id, old) in before {
            let form = |fact: &Fact| (fact.valid_from, fact.valid_to, fact.status);
            if after.get(id).is_some_and(|new| form(new) == form(old)) {
                continue;
            }
            if old.known_from != now {
                facts.push(Fact { known_to: Some(now), ..old.clone() });
            }
            self.colours.iter_mut().filter(|colour| colour.id == *id).for_each(|colour| colour.known_from = now);
        }
    }

    fn take(&mut self, at: usize, strength: Option<u32>) -> Taken {
        let Laid { row, ends } = &self.rows[at];
        let claim = &row.claim;
        let Some(strength) = strength else { return nothing("rejected by the user") };
        match claim.modality {
            Modality::Intended => return nothing("intended, not a fact"),
            Modality::Hedged => return nothing("not said for sure"),
            Modality::Hypothetical => return nothing("said of what might be, not of what is"),
            Modality::Asked => return nothing("asked, not said"),
            Modality::Reported => return nothing("somebody else's word"),
            Modality::Asserted if strength == 0 => return nothing("its source is not trusted at all"),
            Modality::Asserted => {}
        }
        let (now, from, to) = (within(claim.said_at), claim.valid_from.map(within), claim.valid_to.map(within));
        if *ends {
            self.end_other(at, from.unwrap_or(now), strength);
            return nothing("");
        }
        let silent = matches!(&row.object, Held::Value(text) if text.trim().is_empty());
        let affirmed = claim.polarity == Polarity::Affirmed;
        match claim.aspect {
            Aspect::Ends if !affirmed => nothing("denying an end changes nothing"),
            _ if self.cardinality == Cardinality::Event => self.take_event(at, (now, from, to), silent, strength),
            _ if !affirmed => self.end(at, from.unwrap_or(now), silent, strength, "it denies what was held"),
            Aspect::Ends => self.end(at, to.or(from).unwrap_or(now), silent, strength, "it says that this ended"),
            _ if silent => nothing("it says nothing"),
            Aspect::Was if from.is_none() => self.vague(at, to.unwrap_or(now), strength),
            Aspect::Was => self.paint(at, from.unwrap_or(now), Some(to.unwrap_or(now)), strength),
            _ => self.paint(at, from.unwrap_or(now), to, strength),
        }
    }

    /// An affirmed value from one instant to another, or to the next value that is there.
    fn paint(&mut self, at: usize, from: Millis, to: Option<Millis>, strength: u32) -> Taken {
        if to.is_some_and(|to| to <= from) {
            return nothing("it would end before it begins");
        }
        let first = self.cell(from);
        let begins = |cell: &usize| !self.cells[*cell].is_empty() && self.cells[*cell] != self.cells[cell - 1];
        let next = (first + 1..self.cells.len()).find(begins);
        let soon = next.filter(|cell| to.is_none_or(|to| self.times[*cell] < to));
        let own = self.alike_in(at, first).or_else(|| soon.and_then(|cell| self.alike_in(at, cell)));
        let mut settles = false;
        let (first, last, ends) = match own {
            None => (first, to.map_or(next.unwrap_or(self.cells.len()), |to| self.cell(to)), to),
            Some(own) => {
                let (a, b) = self.span(own).unwrap_or((first, first));
                let further = to.filter(|to| b == self.cells.len() || self.cell(*to) > b);
                let (last, ends) = further.map_or((b, self.colours[own].ends), |to| (self.cell(to), Some(to)));
                settles = self.cells[a].len() > 1;
                if (a.min(first), last) == (a, b) && (!settles || self.at_once(at, own)) {
                    return self.agree(own, strength);
                }
                (a.min(first), last, ends)
            }
        };
        let others: Vec<usize> =
            self.cells[first..last].iter().flatten().copied().filter(|other| Some(*other) != own).collect();
        if let Some(strong) = others.iter().find(|other| self.colours[**other].confidence > 2 * strength) {
            return self.weaker(*strong);
        }
        let mut refined = false;
        if own.is_none() && self.contradicts(at, (first, last), strength) {
            let mine = words(&self.rows[at].row.object);
            match self.cells[first][..] {
                [other] if finer(&words(&self.rows[self.colours[other].opening].row.object), &mine) => {
                    return self.agree(other, strength);
                }
                [other] if finer(&mine, &words(&self.rows[self.colours[other].opening].row.object)) => refined = true,
                _ => return self.dispute(at, (first, last), to, strength),
            }
        }
        let replaced = others.first().map(|other| self.colours[*other].id);
        let colour = match own {
            Some(own) => {
                self.strengthen(own, strength);
                own
            }
            None => self.open(at, strength),
        };
        // What was disputed with it goes, whole.
        let rivals = own.and_then(|own| self.span(own)).map_or(Vec::new(), |(a, _)| self.cells[a].clone());
        for rival in rivals.into_iter().filter(|rival| *rival != colour) {
            self.cells.iter_mut().for_each(|cell| cell.retain(|other| *other != rival));
        }
        self.fill(at, colour, first, last);
        if self.colours[colour].ends != ends {
            (self.colours[colour].ends, self.colours[colour].ended_by) = (ends, None);
        }
        let (action, reason) = match (own, replaced) {
            _ if settles => (Action::Update, "it settles which of several values holds"),
            (Some(_), _) => (Action::Update, "it says more about when the same held"),
            (None, Some(_)) if refined => (Action::Update, "it says more exactly what was said at the same time"),
            (None, Some(_)) => (Action::Update, "it takes another value's place"),
            (None, None) => (Action::Add, "nothing else was held"),
        };
        (action, Some(self.colours[colour].id), replaced, reason)
    }

    /// Whether exactly these cells have colours that were said at the same time, and are neither far stronger nor far
    /// weaker.
    fn contradicts(&self, at: usize, cells: (usize, usize), strength: u32) -> bool {
        let here = &self.cells[cells.0];
        let first = here.first().is_some_and(|other| self.span(*other) == Some(cells) && self.at_once(at, *other));
        first && here.iter().all(|other| strength <= 2 * self.colours[*other].confidence)
    }

    /// One colour more on cells that have some.
    fn dispute(&mut self, at: usize, (first, last): (usize, usize), ends: Option<Millis>, strength: u32) -> Taken {
        let colour = self.open(at, strength);
        self.cells[first..last].iter_mut().for_each(|cell| cell.push(colour));
        for other in self.cells[first].clone() {
            self.colours[other].disputed = true;
        }
        self.colours[colour].ends = ends;
        let reason = "another value was said for the same time, at the same time: both stay, disputed";
        (Action::Add, Some(self.colours[colour].id), None, reason)
    }

    /// The value ends; whatever is there, if the claim names none.
    fn end(&mut self, at: usize, time: Millis, any: bool, strength: u32, reason: &'static str) -> Taken {
        let cell = self.cell(time);
        let before = cell.checked_sub(1).map_or(Vec::new(), |cell| self.cells[cell].clone());
        let own = before.iter().copied().find(|colour| self.alike(at, *colour));
        if let Some(colour) = if any { before.first().copied() } else { own } {
            if !self.cells[cell].contains(&colour) {
                return (Action::Noop, Some(self.colours[colour].id), None, "it had ended already");
            }
            let ending = if any { before.clone() } else { vec![colour] };
            if let Some(strong) = ending.iter().find(|colour| self.colours[**colour].confidence > 2 * strength) {
                return self.weaker(*strong);
            }
            // Of several values one that does not hold any more was the wrong one.
            let from = if any || before.len() == 1 { cell } else { 0 };
            for ending in ending {
                self.cells[from..].iter_mut().for_each(|cell| cell.retain(|colour| *colour != ending));
                (self.colours[ending].ends, self.colours[ending].ended_by) = (Some(time), None);
            }
            return (Action::Delete, Some(self.colours[colour].id), None, reason);
        }
        let held = self.alike_in(at, self.cell(within(self.rows[at].row.claim.said_at)));
        match held.filter(|colour| self.run(*colour).is_some_and(|(from, _)| from >= time)) {
            None => nothing("nothing of the kind was held"),
            Some(colour) if self.colours[colour].confidence > 2 * strength => self.weaker(colour),
            Some(colour) => {
                self.cells.iter_mut().for_each(|cell| cell.retain(|other| *other != colour));
                (Action::Delete, Some(self.colours[colour].id), None, "it ended before it was thought to begin")
            }
        }
    }

    /// Something else begins: what holds ends, if it is another value, and no stronger.
    fn end_other(&mut self, at: usize, time: Millis, strength: u32) {
        let cell = self.cell(time);
        let before = cell.checked_sub(1).map_or(Vec::new(), |cell| self.cells[cell].clone());
        let stays = |colour: &usize| {
            let over = !self.cells[cell].contains(colour);
            over || self.alike(at, *colour) || self.colours[*colour].confidence > 2 * strength
        };
        if before.iter().any(stays) {
            return;
        }
        for ending in before {
            self.cells[cell..].iter_mut().for_each(|cell| cell.retain(|colour| *colour != ending));
            let by = Some(self.rows[at].row.claim.id);
            (self.colours[ending].ends, self.colours[ending].ended_by) = (Some(time), by);
        }
    }

    /// It was so, nobody knows since when.
    fn vague(&mut self, at: usize, until: Millis, strength: u32) -> Taken {
        let cell = self.cell(until);
        if cell.checked_sub(1).is_some_and(|cell| self.alike_in(at, cell).is_some()) {
            return self.end(at, until, false, strength, "it was so, and is not any more");
        }
        let on_the_line = self.cells[..cell].iter().rev().flatten().copied();
        let beside = self.beside.iter().rev().map(|(colour, ..)| *colour);
        let found = on_the_line.chain(beside).find(|colour| self.alike(at, *colour));
        if let Some(colour) = found {
            return self.agree(colour, strength);
        }
        let first = self.cells.iter().position(|cell| !cell.is_empty()).map_or(until, |cell| self.times[cell]);
        let colour = self.open(at, strength);
        self.beside.push((colour, None, first.min(until)));
        (Action::Add, Some(self.colours[colour].id), None, "it was so once, nobody said when")
    }

    /// What happens, by day; the line is not used.
    fn take_event(
        &mut self,
        at: usize,
        (now, from, to): (Millis, Option<Millis>, Option<Millis>),
        silent: bool,
        strength: u32,
    ) -> Taken {
        let claim = &self.rows[at].row.claim;
        let ends = claim.aspect == Aspect::Ends;
        if ends || claim.polarity == Polarity::Denied {
            let Some(found) = self.event(|start| from.is_none_or(|from| day(start) == Some(from.div_euclid(DAY))))
            else {
                return nothing("nothing of the kind was held");
            };
            let (colour, start, _) = self.beside[found];
            if ends && start.is_none_or(|start| start < now) {
                return (Action::Noop, Some(self.colours[colour].id), None, "what happened does not end");
            }
            if self.colours[colour].confidence > 2 * strength {
                return self.weaker(colour);
            }
            self.beside.remove(found);
            let reason = if ends { "it calls off what was to come" } else { "it denies that this happened" };
            return (Action::Delete, Some(self.colours[colour].id), None, reason);
        }
        if silent {
            return nothing("it says nothing");
        }
        let once = claim.aspect == Aspect::Was && from.is_none() && to.is_none();
        let start = from.or(to).unwrap_or(now);
        let end = to.filter(|_| from.is_some()).unwrap_or((start.div_euclid(DAY) + 1) * DAY);
        if !once && end <= start {
            return nothing("it would end before it begins");
        }
        let found = match once {
            true => self.event(|start| start.is_none_or(|start| start < now)),
            false => self.event(|other| day(other) == Some(start.div_euclid(DAY))),
        };
        if let Some(found) = found {
            return self.agree(self.beside[found].0, strength);
        }
        let colour = self.open(at, strength);
        self.beside.push(if once { (colour, None, now) } else { (colour, Some(start), end) });
        let reason = if once {
            "it was so once, nobody said when"
        } else {
            "it happened, and no other word on that day said so"
        };
        (Action::Add, Some(self.colours[colour].id), None, reason)
    }

    /// The latest event whose beginning fits.
    fn event(&self, fits: impl Fn(Option<Millis>) -> bool) -> Option<usize> {
        let fitting = (0..self.beside.len()).filter(|at| fits(self.beside[*at].1));
        fitting.max_by_key(|at| self.beside[*at].1)
    }

    /// Paints cells; a colour that is left on both sides goes on under another name on the right.
    fn fill(&mut self, at: usize, colour: usize, first: usize, last: usize) {
        self.cells.iter_mut().for_each(|cell| cell.retain(|other| *other != colour));
        let before = first.checked_sub(1).map_or(Vec::new(), |cell| self.cells[cell].clone());
        for left in before {
            if self.cells.get(last).is_none_or(|cell| !cell.contains(&left)) {
                continue;
            }
            let claim = &self.rows[at].row.claim;
            let id = FactId::of(&[&self.colours[left].id.0.to_bytes(), &claim.id.0.to_bytes()]);
            let known_from = within(claim.said_at);
            self.colours.push(Colour { id, known_from, disputed: false, ..self.colours[left].clone() });
            let right = self.colours.len() - 1;
            for other in self.cells[last..].iter_mut().flatten().filter(|other| **other == left) {
                *other = right;
            }
        }
        self.cells[first..last].fill(vec![colour]);
    }

    fn open(&mut self, at: usize, strength: u32) -> usize {
        let claim = &self.rows[at].row.claim;
        let (id, known_from) = (FactId(claim.id.0), within(claim.said_at));
        let (ends, ended_by, disputed, confidence) = (None, None, false, strength);
        self.colours.push(Colour { id, opening: at, ends, ended_by, disputed, support: 1, confidence, known_from });
        self.colours.len() - 1
    }

    fn agree(&mut self, colour: usize, strength: u32) -> Taken {
        self.strengthen(colour, strength);
        (Action::Noop, Some(self.colours[colour].id), None, "it agrees with what is held")
    }

    fn strengthen(&mut self, colour: usize, strength: u32) {
        let colour = &mut self.colours[colour];
        colour.support += 1;
        colour.confidence += (1000 - colour.confidence) * strength / 4000;
    }

    fn weaker(&self, colour: usize) -> Taken {
        (Action::Noop, Some(self.colours[colour].id), None, "a word more than twice as strong says otherwise")
    }

    fn alike_in(&self, at: usize, cell: usize) -> Option<usize> {
        self.cells[cell].iter().copied().find(|colour| self.alike(at, *colour))
    }

    /// Whether a claim was said at the time of the one that opened a colour.
    fn at_once(&self, at: usize, colour: usize) -> bool {
        self.rows[at].row.claim.said_at == self.rows[self.colours[colour].opening].row.claim.said_at
    }

    fn alike(&self, at: usize, colour: usize) -> bool {
        let (mine, its) = (self.rows[at].row, self.rows[self.colours[colour].opening].row);
        match self.cardinality {
            Cardinality::Replace => words(&mine.object) == words(&its.object),
            Cardinality::Add if self.pairs => true,
            Cardinality::Add => mine.claim.predicate == its.claim.predicate,
            Cardinality::Event => true,
        }
    }

    /// The cell that begins at an instant.
    fn cell(&self, time: Millis) -> usize {
        self.times.partition_point(|other| *other < time)
    }

    /// The cells of a colour: the first, and the one after the last.
    fn span(&self, colour: usize) -> Option<(usize, usize)> {
        let first = self.cells.iter().position(|cell| cell.contains(&colour))?;
        let last = self.cells.iter().rposition(|cell| cell.contains(&colour))?;
        Some((first, last + 1))
    }

    /// When a colour is on the line; without an end, for ever.
    fn run(&self, colour: usize) -> Option<(Millis, Option<Millis>)> {
        self.span(colour).map(|(first, last)| (self.times[first], self.times.get(last).copied()))
    }
}

fn nothing(reason: &'static str) -> Taken {
    (Action::Noop, None, None, reason)
}

fn within(time: Millis) -> Millis {
    time.clamp(MILLIS_MIN, MILLIS_MAX)
}

fn day(time: Option<Millis>) -> Option<i64> {
    time.map(|time| time.div_euclid(DAY))
}
