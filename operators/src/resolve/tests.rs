//! Resolution against its naive twin, and in stories.

use nexus_types::{EvidenceKind, Text};

use super::*;
use crate::check::{Draw, check2};
use crate::evidence::Clue;

const KEYS: [&str; 9] = [
    "account:irc/anna",
    "account:irc/ann_k",
    "account:irc/ben",
    "mail:anna@example.org",
    "name:anna kowalska",
    "name:ben",
    "person:irc/#x/anna",
    "person:irc/#x/ben",
    "me",
];

fn key(draw: &mut Draw) -> Key {
    (*draw.pick(&KEYS)).into()
}

fn who(draw: &mut Draw) -> Who {
    (crate::fake::scope(draw), key(draw))
}

fn clue(draw: &mut Draw) -> Clue {
    let word = |draw: &mut Draw| Text::from(*draw.pick(&["Anna", "Anna Kowalska", "Ben", "Benjamin Ode"]));
    match draw.below(7) {
        0..=2 => Clue::Seen(who(draw), 7),
        3 => Clue::Name(who(draw), word(draw)),
        4 => Clue::Spoke(who(draw), ("irc".into(), (*draw.pick(&["#x", "#y"])).into())),
        _ => {
            let (scope, a, b) = (crate::fake::scope(draw), key(draw), key(draw));
            let kind = *draw.pick(EvidenceKind::ALL);
            // Evidence always lets its keys be seen; so do these tests.
            if a == b { Clue::Seen((scope, a), 7) } else { Clue::Bond(bond(&scope, &a, &b, kind), 7) }
        }
    }
}

fn bond(scope: &str, a: &Key, b: &Key, kind: EvidenceKind) -> Evidence {
    Evidence { scope: scope.into(), a: a.min(b).clone(), b: a.max(b).clone(), kind, event: None }
}

fn policy(draw: &mut Draw) -> PolicyRow {
    let policy = match draw.below(4) {
        0 => Policy::Me(key(draw)),
        1 => Policy::Call { key: key(draw), name: (*draw.pick(&["Anka", "Zed"])).into() },
        _ => Policy::NotSame(key(draw), key(draw)),
    };
    PolicyRow { scope: crate::fake::scope(draw), policy }
}

/// A clue, and what follows from it: who is joined or spoke has been seen.
fn with_sight(clue: Clue) -> Vec<Clue> {
    let sights = match &clue {
        Clue::Bond(bond, _) => {
            let sight = |key: &Key, at| Clue::Seen((bond.scope.clone(), key.clone()), at);
            vec![sight(&bond.a, 9), sight(&bond.b, 9)]
        }
        Clue::Spoke(who, _) => vec![Clue::Seen(who.clone(), 8)],
        _ => Vec::new(),
    };
    sights.into_iter().chain([clue]).collect()
}

fn clues(rows: Collection<'_, Clue>) -> Clues<'_> {
    let rows = rows.flat_map(with_sight);
    let seen = rows.clone().flat_map(|clue| if let Clue::Seen(who, at) = clue { Some((who, at)) } else { None });
    Clues {
        seen: seen.reduce(|_, at, out| out.push((*at[0].0, 1))),
        names: rows.clone().flat_map(|clue| if let Clue::Name(who, name) = clue { Some((who, name)) } else { None }),
        spoke: rows.clone().flat_map(|clue| if let Clue::Spoke(who, place) = clue { Some((who, place)) } else { None }),
        bonds: rows.flat_map(|clue| if let Clue::Bond(bond, _) = clue { Some(bond) } else { None }),
    }
}

fn all(clues: &[Clue]) -> Vec<Clue> {
    clues.iter().cloned().flat_map(with_sight).collect()
}

#[test]
fn members_agree_with_naive() {
    check2(
        "members",
        (clue, policy),
        |rows, policy| resolve(clues(rows), policy).members.as_collection(|who, entity| (who.clone(), *entity)),
        |rows, policy| resolve_naive(&all(rows), policy).0,
    );
}

#[test]
fn entities_agree_with_naive() {
    check2(
        "entities",
        (clue, policy),
        |rows, policy| resolve(clues(rows), policy).entities,
        |rows, policy| resolve_naive(&all(rows), policy).1,
    );
}

/// The keys of each entity that these bonds make, the user keeping these pairs apart.
fn entities(bonds: &[(&str, &str, EvidenceKind)], apart: &[(&str, &str)]) -> Vec<Vec<String>> {
    let clues: Vec<Clue> =
        bonds.iter().map(|(a, b, kind)| Clue::Bond(bond("s", &Key::from(*a), &Key::from(*b), *kind), 7)).collect();
    let not_same = |(a, b): &(&str, &str)| Policy::NotSame((*a).into(), (*b).into());
    let policy: Vec<PolicyRow> =
        apart.iter().map(|pair| PolicyRow { scope: "s".into(), policy: not_same(pair) }).collect();
    let (_, entities) = resolve_naive(&all(&clues), &policy);
    let mut keys: Vec<Vec<String>> =
        entities.iter().map(|entity| entity.keys.iter().map(|key| key.to_string()).collect()).collect();
    keys.sort();
    keys
}

#[test]
fn a_component_that_holds_two_kept_apart_falls_to_better_evidence() {
    use EvidenceKind::{Account, Rename, Same};
    let bonds = [("a", "b", Account), ("b", "c", Rename), ("c", "d", Same)];
    assert_eq!(entities(&bonds, &[]), [["a", "b", "c", "d"]]);
    assert_eq!(entities(&bonds, &[("a", "d")]), [["a", "b"], ["c", "d"]]);
    assert_eq!(entities(&bonds, &[("c", "d")]), [vec!["a", "b", "c"], vec!["d"]]);
}

#[test]
fn a_name_that_is_everybodys_joins_nobody() {
    let handles: Vec<String> = (0..KEYS_MAX).map(|n| format!("account:irc/{n:03}")).collect();
    let join =
        |n: usize| handles[..n].iter().map(|key| (key.as_str(), "name:root user", EvidenceKind::Account)).collect();
    let some: Vec<_> = join(KEYS_MAX - 1);
    assert_eq!(entities(&some, &[]).len(), 1);
    let many: Vec<_> = join(KEYS_MAX);
    assert_eq!(entities(&many, &[]).len(), KEYS_MAX + 1);
}

fn member(draw: &mut Draw) -> Who {
    let keys =
        ["name:anna kowalska", "account:irc/ben", "account:irc/anna", "mail:ben@example.org", "person:irc/#x/anna"];
    (crate::fake::scope(draw), Key::from(*draw.pick(&keys)))
}

fn members(keys: Collection<'_, Who>) -> Arrangement<'_, Who, EntityId> {
    keys.map(|who| (who.clone(), entity_id(&who))).arrange_by_key()
}

#[test]
fn mentions_find_their_entities() {
    let named =
        |draw: &mut Draw| Arc::new(Named { piece: crate::fake::piece(draw), mention: crate::fake::mention(draw) });
    check2(
        "mentions",
        (named, member),
        |rows, keys| mentioned(rows, members(keys)),
        |rows, keys| {
            let entity = |named: &Named| mention_key(named).filter(|key| keys.contains(key)).map(|key| entity_id(&key));
            rows.iter().map(|named| mention_row(named, entity(named))).collect()
        },
    );
}

#[test]
fn claims_find_their_entities() {
    fn claim(draw: &mut Draw) -> Arc<Claim> {
        let said =
            crate::extract::Said { piece: crate::fake::piece(draw), place: 0, statement: crate::fake::statement(draw) };
        ground::claim(&said, None, None).map_or_else(|| claim(draw), Arc::new)
    }
    check2(
        "about",
        (claim, member),
        |rows, keys| about(rows, members(keys)),
        |rows, keys| {
            let entity = |claim: &Claim, key: &Key| {
                let who = (claim.scope.clone(), key.clone());
                keys.contains(&who).then(|| entity_id(&who))
            };
            let resolved = |claim: &Arc<Claim>| {
                let object = match &claim.object {
                    Object::Value(value) => Held::Value(value.clone()),
                    Object::Key(key) => Held::Entity(entity(claim, key)?),
                };
                Some(Resolved { claim: claim.clone(), subject: entity(claim, &claim.subject)?, object })
            };
            rows.iter().filter_map(resolved).collect()
        },
    );
}
