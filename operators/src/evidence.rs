//! Evidence: which identity keys there are, since when, under which names, and what says that two of them are one.
//!
//! Every live event shows its author and addressees: a handle, and a full name if it comes with one, which the message
//! joins to the handle. A nick change joins two handles. People declare their names and mail addresses. Claims are about
//! keys. Policy names keys, too. So [`evidence()`] is a plain union of [`Clue`]s over all of these, each clue once.
//!
//! Cost: O(log n) for an ordinary message: the first time a name appears in a place is kept as a minimum per name and
//! place (`First`), and nothing goes on unless that minimum changes. The rest follows the number of names, not of messages.

use std::sync::Arc;

use nexus_types::entity::{account_key, is_mail, name_key};
use nexus_types::time::MILLIS_MAX;
use nexus_types::{
    Aspect, Author, Claim, ClaimId, EventId, EventRow, Evidence, EvidenceKind, Key, Kind, Millis, Modality, Object,
    Polarity, Policy, PolicyRow, Scope, Term, Text,
};
use serde::{Deserialize, Serialize};

use crate::extract::Said;
use crate::ground;
use crate::per_key::{State, distinct, per_key_with};
use crate::series::Series;
use crate::{Collection, Diff};

/// A key within its scope.
pub type Who = (Scope, Key);
/// Where people meet: platform and channel.
pub type Place = (Text, Text);

/// The key of "I" in every scope; policy says which other keys it is.
pub const ME: &str = "me";

/// One thing that is known of identity keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Clue {
    /// The key appeared at that time. A key that only policy names appears last of all.
    Seen(Who, Millis),
    /// It goes by that name.
    Name(Who, Text),
    /// It spoke in that place.
    Spoke(Who, Place),
    /// Two keys are one person, as was said then. What only policy says was said last of all.
    Bond(Evidence, Millis),
}

/// What is known of identity keys, sorted out.
pub struct Clues<'s> {
    /// Every key, and when it first appeared.
    pub seen: Collection<'s, (Who, Millis)>,
    /// The names it goes by.
    pub names: Collection<'s, (Who, Text)>,
    /// Where it spoke.
    pub spoke: Collection<'s, (Who, Place)>,
    /// What joins two of them: of each kind of evidence the first.
    pub bonds: Collection<'s, Evidence>,
}

/// What events, statements, claims and policy tell of identity keys.
pub fn evidence<'s>(
    events: Collection<'s, Arc<EventRow>>,
    statements: Collection<'s, Arc<Said>>,
    claims: Collection<'s, Arc<Claim>>,
    policy: Collection<'s, PolicyRow>,
) -> Clues<'s> {
    let voices = events.clone().flat_map(|event| voices(&event));
    let voices = per_key_with(voices, "first appearance of voices", First::default);
    let rejected = policy.clone().flat_map(rejected);
    let declared = statements.clone().flat_map(|said| declared(&said)).antijoin(rejected).flat_map(|(_, clues)| clues);
    let clues = voices.flat_map(|(voice, first)| of_voice(&voice, first)).concatenate([
        events.flat_map(|event| of_rename(&event)),
        statements.flat_map(|said| of_statement(&said)),
        claims.flat_map(|claim| of_claim(&claim)),
        policy.flat_map(|row| of_policy(&row)),
        declared,
    ]);
    Clues {
        seen: per_key_with(clues.clone().flat_map(seen), "first appearance of keys", First::default),
        names: distinct(clues.clone().flat_map(name), "names"),
        spoke: distinct(clues.clone().flat_map(spoke), "who spoke where"),
        bonds: per_key_with(clues.flat_map(bond), "first evidence for bonds", First::default)
            .map(|(bond, (_, event))| Evidence { event, ..bond }),
    }
}

/// Somebody's name, as a platform writes it, in a place where they spoke, or spoken to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Voice {
    scope: Scope,
    platform: Text,
    /// Where they spoke; `None` if they were spoken to.
    channel: Option<Text>,
    author: Text,
}

/// The least of the times a key was seen at, or of what else is given.
struct First<T>(Series<T, Diff>);

impl<T> Default for First<T> {
    fn default() -> Self {
        First(Series::default())
    }
}

impl<T: Ord + Copy> First<T> {
    fn least(&self) -> Option<T> {
        self.0.first().copied()
    }
}

impl<K: Clone, T: Ord + Copy + 'static> State<K, T> for First<T> {
    type Out = (K, T);

    fn update(&mut self, key: &K, changes: Vec<(T, Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        let before = self.least();
        for (at, diff) in changes {
            let count = self.0.entry(at);
            *count += diff;
            if *count == 0 {
                self.0.remove(&at);
            }
        }
        let after = self.least();
        if before != after {
            out.extend(before.map(|at| ((key.clone(), at), -1)));
            out.extend(after.map(|at| ((key.clone(), at), 1)));
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// When something was said, and in which event.
type Moment = (Millis, EventId);

fn voices(event: &EventRow) -> Vec<(Voice, Moment)> {
    if !event.live() || event.kind == Kind::Notice {
        return Vec::new();
    }
    let voice = |channel: Option<&Text>, author: &Text| {
        let (scope, platform) = (event.scope.clone(), event.platform.clone());
        (Voice { scope, platform, channel: channel.cloned(), author: author.clone() }, moment(event))
    };
    let addressed = event.addressees.iter().map(|name| voice(None, name));
    [voice(Some(&event.channel), &event.author)].into_iter().chain(addressed).collect()
}

fn moment(event: &EventRow) -> Moment {
    (event.said_at, event.id)
}

fn of_voice(voice: &Voice, first: Moment) -> Vec<Clue> {
    let Some(handle) = ground::handle(&voice.author, &voice.platform) else { return Vec::new() };
    let who = |key: &Key| (voice.scope.clone(), key.clone());
    let mut clues = vec![Clue::Seen(who(&handle), first.0)];
    clues.extend(voice.channel.iter().map(|channel| {
        let place = (voice.platform.clone(), channel.clone());
        Clue::Spoke(who(&handle), place)
    }));
    if let Some(name) = Author::parse(&voice.author).name {
        clues.push(Clue::Name(who(&handle), name.clone()));
        if let Some(key) = name_key(&name) {
            clues.push(Clue::Name(who(&key), name));
            clues.extend(joined(&voice.scope, &handle, &key, EvidenceKind::Account, Some(first)));
        }
    }
    clues
}

fn of_rename(event: &EventRow) -> Vec<Clue> {
    let Some(to) = event.rename_to.as_ref().filter(|_| event.live()) else { return Vec::new() };
    let keys = ground::handle(&event.author, &event.platform).zip(ground::handle(to, &event.platform));
    keys.map_or_else(Vec::new, |(from, to)| joined(&event.scope, &from, &to, EvidenceKind::Rename, Some(moment(event))))
}

/// The names a statement mentions, as written.
fn of_statement(said: &Said) -> Vec<Clue> {
    let mut clues = Vec::new();
    for mut term in [&said.statement.subject, &said.statement.object] {
        while let Term::Relative(_, of) = term {
            term = of;
        }
        let Term::Person(name) = term else { continue };
        let key = ground::named(name, &said.piece.event);
        clues.extend(key.map(|key| Clue::Name((said.piece.event.scope.clone(), key), name.trim().into())));
    }
    clues
}

/// What people say of their own names and addresses, with the claim it makes.
fn declared(said: &Said) -> Option<(ClaimId, Vec<Clue>)> {
    let (statement, event) = (&said.statement, &said.piece.event);
    let plain = statement.polarity == Polarity::Affirmed && statement.modality == Modality::Asserted;
    let now = matches!(statement.aspect, Aspect::Holds | Aspect::Begins);
    if statement.subject != Term::Speaker || !plain || !now {
        return None;
    }
    let (Term::Value(word) | Term::Person(word) | Term::Mail(word) | Term::Handle(word)) = &statement.object else {
        return None;
    };
    let (word, speaker) = (word.trim(), ground::speaker(event)?);
    let named = |key: &Key| Clue::Name((event.scope.clone(), key.clone()), word.into());
    let joined = |key: &Key| joined(&event.scope, &speaker, key, EvidenceKind::Declared, Some(moment(event)));
    let clues = match (&*statement.predicate, name_key(word)) {
        ("name", Some(key)) => [joined(&key), vec![named(&speaker), named(&key)]].concat(),
        ("name" | "nickname", _) if !word.is_empty() => vec![named(&speaker)],
        ("mail", _) if is_mail(word) => joined(&account_key(&event.platform, word)),
        _ => return None,
    };
    Some((ground::claim(said, None, None)?.id, clues))
}

fn of_claim(claim: &Claim) -> Vec<Clue> {
    let object = match &claim.object {
        Object::Key(key) => Some(key),
        Object::Value(_) => None,
    };
    let seen = |key: &Key| Clue::Seen((claim.scope.clone(), key.clone()), claim.said_at);
    [&claim.subject].into_iter().chain(object).map(seen).collect()
}

fn of_policy(row: &PolicyRow) -> Vec<Clue> {
    match &row.policy {
        Policy::Me(key) => joined(&row.scope, &ME.into(), key, EvidenceKind::Same, None),
        Policy::Same(a, b) => joined(&row.scope, a, b, EvidenceKind::Same, None),
        _ => Vec::new(),
    }
}

fn rejected(row: PolicyRow) -> Option<ClaimId> {
    match row.policy {
        Policy::Reject(claim) => Some(claim),
        _ => None,
    }
}

/// Two keys that are one person: both are seen, and joined unless they are one already. What has no moment is policy.
fn joined(scope: &Scope, a: &Key, b: &Key, kind: EvidenceKind, said: Option<Moment>) -> Vec<Clue> {
    let (a, b) = (a.min(b), a.max(b));
    let (at, event) = said.map_or((MILLIS_MAX, None), |(at, event)| (at, Some(event)));
    let mut clues: Vec<Clue> = [a, b].map(|key| Clue::Seen((scope.clone(), key.clone()), at)).into();
    if a != b {
        clues.push(Clue::Bond(Evidence { scope: scope.clone(), a: a.clone(), b: b.clone(), kind, event }, at));
    }
    clues
}

fn seen(clue: Clue) -> Option<(Who, Millis)> {
    if let Clue::Seen(who, at) = clue { Some((who, at)) } else { None }
}

fn name(clue: Clue) -> Option<(Who, Text)> {
    if let Clue::Name(who, name) = clue { Some((who, name)) } else { None }
}

fn spoke(clue: Clue) -> Option<(Who, Place)> {
    if let Clue::Spoke(who, place) = clue { Some((who, place)) } else { None }
}

/// A bond, whatever event says so; and which does, and when.
fn bond(clue: Clue) -> Option<(Evidence, (Millis, Option<EventId>))> {
    let Clue::Bond(evidence, at) = clue else { return None };
    let event = evidence.event;
    Some((Evidence { event: None, ..evidence }, (at, event)))
}

/// The meaning, by brute force: all clues of all rows, of each key and bond only its first appearance.
pub fn evidence_naive(
    events: &[Arc<EventRow>],
    statements: &[Arc<Said>],
    claims: &[Arc<Claim>],
    policy: &[PolicyRow],
) -> Vec<Clue> {
    let rejected = |id: &ClaimId| policy.iter().any(|row| matches!(&row.policy, Policy::Reject(claim) if claim == id));
    let voices = events.iter().flat_map(|event| voices(event)).flat_map(|(voice, at)| of_voice(&voice, at));
    let declared = statements.iter().filter_map(|said| declared(said)).filter(|(claim, _)| !rejected(claim));
    let mut clues: Vec<Clue> = voices
        .chain(events.iter().flat_map(|event| of_rename(event)))
        .chain(statements.iter().flat_map(|said| of_statement(said)))
        .chain(claims.iter().flat_map(|claim| of_claim(claim)))
        .chain(policy.iter().flat_map(of_policy))
        .chain(declared.flat_map(|(_, clues)| clues))
        .collect();
    clues.sort();
    let joins = |x: &Evidence, y: &Evidence| (&x.scope, &x.a, &x.b, x.kind) == (&y.scope, &y.a, &y.b, y.kind);
    let earlier = |clue: &Clue, bond: &Evidence, at: Millis| match clue {
        Clue::Bond(other, then) => joins(other, bond) && (*then, other.event) < (at, bond.event),
        _ => false,
    };
    let all = clues.clone();
    clues.retain(|clue| match clue {
        Clue::Bond(bond, at) => !all.iter().any(|other| earlier(other, bond, *at)),
        _ => true,
    });
    // Sorted, the earliest sight of a key comes first.
    clues.dedup_by(|next, kept| match (next, kept) {
        (Clue::Seen(next, _), Clue::Seen(kept, _)) => next == kept,
        (next, kept) => next == kept,
    });
    clues
}

#[cfg(test)]
mod tests {
    use nexus_types::Statement;

    use super::*;
    use crate::check::{Draw, check2};
    use crate::fake;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Row {
        Event(Arc<EventRow>),
        Said(Arc<Said>),
        Claim(Arc<Claim>),
    }

    fn said(draw: &mut Draw) -> Arc<Said> {
        let statement = match draw.one_in(2) {
            true => Statement { subject: Term::Speaker, modality: Modality::Asserted, ..fake::statement(draw) },
            false => fake::statement(draw),
        };
        // One place and few passages: so that policy can name the claim.
        Arc::new(Said { piece: fake::piece(draw), place: 0, statement })
    }

    fn row(draw: &mut Draw) -> Row {
        match draw.below(4) {
            0 => ground::claim(&said(draw), None, None).map_or_else(|| row(draw), |claim| Row::Claim(Arc::new(claim))),
            1 | 2 => Row::Said(said(draw)),
            _ => Row::Event(fake::event(draw)),
        }
    }

    fn policy(draw: &mut Draw) -> PolicyRow {
        let key = |draw: &mut Draw| (*draw.pick(&["account:irc/anna", "account:irc/ben", "me"])).into();
        let policy = match draw.below(4) {
            0 => Policy::Me(key(draw)),
            1 => Policy::Same(key(draw), key(draw)),
            2 => Policy::NotSame(key(draw), key(draw)),
            _ => ground::claim(&said(draw), None, None).map_or(Policy::Me(key(draw)), |claim| Policy::Reject(claim.id)),
        };
        PolicyRow { scope: fake::scope(draw), policy }
    }

    fn operator<'s>(rows: Collection<'s, Row>, policy: Collection<'s, PolicyRow>) -> Collection<'s, Clue> {
        let events = rows.clone().flat_map(|row| if let Row::Event(event) = row { Some(event) } else { None });
        let said = rows.clone().flat_map(|row| if let Row::Said(said) = row { Some(said) } else { None });
        let claims = rows.flat_map(|row| if let Row::Claim(claim) = row { Some(claim) } else { None });
        let clues = evidence(events, said, claims, policy);
        let seen = clues.seen.map(|(who, at)| Clue::Seen(who, at));
        let names = clues.names.map(|(who, name)| Clue::Name(who, name));
        let spoke = clues.spoke.map(|(who, place)| Clue::Spoke(who, place));
        seen.concat(names).concat(spoke).concat(clues.bonds.map(|bond| Clue::Bond(bond, 0)))
    }

    #[test]
    fn agrees_with_naive() {
        check2("evidence", (row, policy), operator, |rows, policy| {
            let (mut events, mut statements, mut claims) = (Vec::new(), Vec::new(), Vec::new());
            for row in rows.iter().cloned() {
                match row {
                    Row::Event(event) => events.push(event),
                    Row::Said(said) => statements.push(said),
                    Row::Claim(claim) => claims.push(claim),
                }
            }
            let clues = evidence_naive(&events, &statements, &claims, policy);
            // The operator keeps to itself when a bond was first spoken of.
            let timeless = |clue| if let Clue::Bond(bond, _) = clue { Clue::Bond(bond, 0) } else { clue };
            clues.into_iter().map(timeless).collect()
        });
    }

    #[test]
    fn a_display_name_joins_its_handle() {
        let voice = Voice {
            scope: "s".into(),
            platform: "mail".into(),
            channel: Some("inbox".into()),
            author: "Anna Kowalska <anna@example.org>".into(),
        };
        let (mail, name) = (Key::from("mail:anna@example.org"), Key::from("name:anna kowalska"));
        let first = (5, EventId::of(&[b"first"]));
        let clues = of_voice(&voice, first);
        assert!(clues.contains(&Clue::Name(("s".into(), mail.clone()), "Anna Kowalska".into())));
        assert!(clues.contains(&Clue::Seen(("s".into(), name.clone()), 5)));
        assert!(clues.iter().any(|clue| matches!(clue, Clue::Bond(bond, 5) if bond.a == mail && bond.b == name)));
        assert!(of_voice(&Voice { author: "".into(), ..voice }, first).is_empty());
    }
}
