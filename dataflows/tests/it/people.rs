//! Who is who, by brute force: the oracle's part on people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_operators::Resolved;
use nexus_types::*;

use crate::oracle::{Said, claim_id, read};
use crate::world::Ground;

/// A key within its scope.
type Who = (Scope, Key);

/// The account or mail address of an author.
pub(crate) fn account(author: &str, platform: &str) -> Option<Key> {
    let author = Author::parse(author);
    (!author.handle.is_empty()).then(|| author.key(platform))
}

pub(crate) fn speaker(event: &EventRow) -> Option<Key> {
    if event.kind == Kind::Post { None } else { account(&event.author, &event.platform) }
}

pub(crate) fn named(name: &str, event: &EventRow) -> Key {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    let bare = || format!("person:{}/{}/{}", event.platform, event.channel, words.join(" "));
    if words.len() > 1 { format!("name:{}", words.join(" ")).into() } else { bare().into() }
}

/// Who is who.
pub(crate) struct People {
    members: BTreeMap<Who, EntityId>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) evidence: Vec<Evidence>,
}

/// What is known of keys.
#[derive(Default)]
struct Known {
    first: BTreeMap<Who, i64>,
    names: BTreeSet<(Who, Text)>,
    places: BTreeSet<(Who, Text, Text)>,
    /// Scope, two keys, how far to trust it.
    bonds: BTreeSet<(Scope, Key, Key, u8)>,
    /// The same by kind, the lesser key first, with all that says so.
    reasons: BTreeMap<(Scope, Key, Key, EvidenceKind), BTreeSet<(i64, Option<EventId>)>>,
}

impl Known {
    fn seen(&mut self, scope: &Scope, key: &Key, at: i64) {
        let first = self.first.entry((scope.clone(), key.clone())).or_insert(at);
        *first = at.min(*first);
    }

    fn name(&mut self, scope: &Scope, key: &Key, name: &str) {
        self.names.insert(((scope.clone(), key.clone()), name.into()));
    }

    fn bond(&mut self, scope: &Scope, a: &Key, b: &Key, kind: EvidenceKind, event: Option<&EventRow>) {
        let at = event.map_or(time::MILLIS_MAX, |event| event.said_at);
        let tier = match kind {
            EvidenceKind::Same => 0,
            EvidenceKind::Account | EvidenceKind::Declared => 1,
            EvidenceKind::Rename | EvidenceKind::Signature => 2,
        };
        self.seen(scope, a, at);
        self.seen(scope, b, at);
        if a != b {
            let pair = (scope.clone(), a.min(b).clone(), a.max(b).clone(), kind);
            self.reasons.entry(pair).or_default().insert((at, event.map(|event| event.id)));
        }
        self.bonds.insert((scope.clone(), a.clone(), b.clone(), tier));
        self.bonds.insert((scope.clone(), b.clone(), a.clone(), tier));
    }

    fn event(&mut self, event: &EventRow) {
        let scope = &event.scope;
        let people = event.addressees.iter().map(|name| (name, false)).chain([(&event.author, true)]);
        for (author, spoke) in people.filter(|_| event.kind != Kind::Notice) {
            let Some(handle) = account(author, &event.platform) else { continue };
            self.seen(scope, &handle, event.said_at);
            if spoke {
                self.places.insert(((scope.clone(), handle.clone()), event.platform.clone(), event.channel.clone()));
            }
            if let Some(name) = Author::parse(author).name {
                self.name(scope, &handle, &name);
                let full = named(&name, event);
                if full.starts_with("name:") {
                    self.name(scope, &full, &name);
                    self.bond(scope, &handle, &full, EvidenceKind::Account, Some(event));
                }
            }
        }
        if let Some(to) = &event.rename_to
            && let (Some(from), Some(to)) = (account(&event.author, &event.platform), account(to, &event.platform))
        {
            self.bond(scope, &from, &to, EvidenceKind::Rename, Some(event));
        }
    }

    fn statement(&mut self, said: &Said, rejected: &BTreeSet<ClaimId>) {
        let (event, statement) = (&said.event, &said.statement);
        for mut term in [&statement.subject, &statement.object] {
            while let Term::Relative(_, of) = term {
                term = of;
            }
            if let Term::Person(name) = term {
                self.name(&event.scope, &named(name, event), name);
            }
        }
        let plain = statement.polarity == Polarity::Affirmed
            && statement.modality == Modality::Asserted
            && (statement.aspect == Aspect::Holds || statement.aspect == Aspect::Begins);
        let (Term::Speaker, Term::Value(word), true) = (&statement.subject, &statement.object, plain) else { return };
        let Some(me) = speaker(event) else { return };
        if rejected.contains(&claim_id(said, &me, &Object::Value(word.clone()))) {
            return;
        }
        match &*statement.predicate {
            "name" | "nickname" => {
                self.name(&event.scope, &me, word);
                if &*statement.predicate == "name" && word.contains(' ') {
                    self.name(&event.scope, &named(word, event), word);
                    self.bond(&event.scope, &me, &named(word, event), EvidenceKind::Declared, Some(event));
                }
            }
            "mail" if word.contains('@') => {
                self.bond(&event.scope, &me, &format!("mail:{word}").into(), EvidenceKind::Declared, Some(event));
            }
            _ => {}
        }
    }
}

impl People {
    pub(crate) fn of(live: &[&Arc<EventRow>], said: &[Said], claims: &[Arc<Claim>], policy: &[PolicyRow]) -> People {
        let mut known = Known::default();
        let rejected = policy.iter().filter_map(|row| match &row.policy {
            Policy::Reject(claim) => Some(*claim),
            _ => None,
        });
        let rejected = rejected.collect();
        live.iter().for_each(|event| known.event(event));
        said.iter().for_each(|said| known.statement(said, &rejected));
        for claim in claims {
            known.seen(&claim.scope, &claim.subject, claim.said_at);
            if let Object::Key(key) = &claim.object {
                known.seen(&claim.scope, key, claim.said_at);
            }
        }
        let mut apart: BTreeSet<(Scope, Key, Key)> = BTreeSet::new();
        for PolicyRow { scope, policy } in policy {
            match policy {
                Policy::Me(key) => known.bond(scope, &"me".into(), key, EvidenceKind::Same, None),
                Policy::Same(a, b) => known.bond(scope, a, b, EvidenceKind::Same, None),
                Policy::NotSame(a, b) if a != b => {
                    apart.extend([(scope.clone(), a.clone(), b.clone()), (scope.clone(), b.clone(), a.clone())]);
                }
                _ => {}
            }
        }
        let strong = strong(&known, &apart);
        let mut members = bare(&known, &strong);
        let mut keys: BTreeMap<(Scope, EntityId), BTreeSet<(i64, Key)>> = BTreeMap::new();
        for (who, first) in &known.first {
            let own = EntityId::of(&[who.0.as_bytes(), who.1.as_bytes()]);
            let holder = strong.get(who).copied().or_else(|| (!members.contains_key(who)).then_some(own));
            if let Some(entity) = holder {
                members.insert(who.clone(), entity);
                keys.entry((who.0.clone(), entity)).or_default().insert((*first, who.1.clone()));
            }
        }
        let entities = keys.into_iter().map(|((scope, id), keys)| entity(scope, id, keys, &known, &members, policy));
        let first = |(pair, said): (&(Scope, Key, Key, EvidenceKind), &BTreeSet<(i64, Option<EventId>)>)| {
            let ((scope, a, b, kind), event) = (pair.clone(), said.first().and_then(|(_, event)| *event));
            Evidence { scope, a, b, kind, event }
        };
        let evidence = known.reasons.iter().map(first).collect();
        People { entities: entities.collect(), evidence, members }
    }

    pub(crate) fn member(&self, scope: &Scope, key: &Key) -> Option<EntityId> {
        self.members.get(&(scope.clone(), key.clone())).copied()
    }

    pub(crate) fn about(&self, claim: &Arc<Claim>) -> Resolved {
        let object = match &claim.object {
            Object::Key(key) => Held::Entity(self.member(&claim.scope, key).unwrap()),
            Object::Value(value) => Held::Value(value.clone()),
        };
        Resolved { claim: claim.clone(), subject: self.member(&claim.scope, &claim.subject).unwrap(), object }
    }

    pub(crate) fn mentions(
        &self,
        passages: &[(Passage, Arc<EventRow>)],
        policy: &[PolicyRow],
        ground: &Ground,
    ) -> Vec<MentionRow> {
        let mut rows = BTreeSet::new();
        for (passage, event) in passages {
            for mention in read(passage, policy, ground).map_or(&[][..], |extraction| &extraction.mentions) {
                let key = match mention.kind {
                    MentionKind::Person => Some(named(&mention.name, event)),
                    MentionKind::Handle | MentionKind::Mail => account(&mention.name, &event.platform),
                    _ => None,
                };
                rows.insert(MentionRow {
                    scope: passage.scope.clone(),
                    passage: passage.id,
                    event: passage.event,
                    span: mention.span,
                    kind: mention.kind,
                    name: mention.name.clone(),
                    entity: key.and_then(|key| self.member(&passage.scope, &key)),
                });
            }
        }
        rows.into_iter().collect()
    }
}

/// The entities of all keys but bare names.
fn strong(known: &Known, apart: &BTreeSet<(Scope, Key, Key)>) -> BTreeMap<Who, EntityId> {
    let nodes: BTreeSet<&Who> = known.first.keys().filter(|who| !who.1.starts_with("person:")).collect();
    let reach = |from: &Who, tier: u8| {
        let (mut reached, mut next) = (BTreeSet::from([from.clone()]), vec![from.clone()]);
        while let Some((scope, key)) = next.pop() {
            for (_, _, to, _) in known.bonds.iter().filter(|bond| bond.0 == scope && bond.1 == key && bond.3 <= tier) {
                let who = (scope.clone(), to.clone());
                let cut = apart.contains(&(scope.clone(), key.clone(), to.clone()));
                if !cut && nodes.contains(&who) && reached.insert(who.clone()) {
                    next.push(who);
                }
            }
        }
        reached
    };
    let believed = |component: &BTreeSet<Who>| {
        let torn = |(scope, a, b): &(Scope, Key, Key)| {
            component.contains(&(scope.clone(), a.clone())) && component.contains(&(scope.clone(), b.clone()))
        };
        component.len() <= 64 && !apart.iter().any(torn)
    };
    let component = |who: &Who| {
        let component = [2, 1, 0].into_iter().map(|tier| reach(who, tier)).find(believed);
        component.unwrap_or_else(|| BTreeSet::from([who.clone()]))
    };
    let id = |who: &Who| {
        let (_, key) = component(who).into_iter().map(|who| (known.first[&who], who.1)).min().unwrap();
        EntityId::of(&[who.0.as_bytes(), key.as_bytes()])
    };
    nodes.iter().map(|who| ((*who).clone(), id(who))).collect()
}

/// Whom bare names mean.
fn bare(known: &Known, strong: &BTreeMap<Who, EntityId>) -> BTreeMap<Who, EntityId> {
    let mut heard: BTreeMap<Who, BTreeSet<EntityId>> = BTreeMap::new();
    for (who, platform, channel) in &known.places {
        let entity = strong[who];
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (other, _) in strong.iter().filter(|(other, own)| other.0 == who.0 && **own == entity) {
            names.extend(other.1.strip_prefix("account:").map(|rest| rest.rsplit('/').next().unwrap().to_string()));
            let own = known.names.iter().filter(|(key, _)| key == other);
            names.extend(own.filter_map(|(_, name)| name.split(' ').next()).map(str::to_lowercase));
        }
        for name in names {
            let key = format!("person:{platform}/{channel}/{name}");
            heard.entry((who.0.clone(), key.into())).or_default().insert(entity);
        }
    }
    let mut told: BTreeMap<Who, BTreeSet<EntityId>> = BTreeMap::new();
    for (scope, weak, other, _) in known.bonds.iter().filter(|bond| bond.1.starts_with("person:")) {
        let entity = strong.get(&(scope.clone(), other.clone()));
        entity.map(|entity| told.entry((scope.clone(), weak.clone())).or_default().insert(*entity));
    }
    let only = heard.into_iter().filter(|(_, them)| them.len() == 1);
    let mut meant: BTreeMap<Who, EntityId> = only.map(|(who, them)| (who, *them.first().unwrap())).collect();
    meant.extend(told.into_iter().map(|(who, them)| (who, *them.first().unwrap())));
    meant
}

fn entity(
    scope: Scope,
    id: EntityId,
    keys: BTreeSet<(i64, Key)>,
    known: &Known,
    members: &BTreeMap<Who, EntityId>,
    policy: &[PolicyRow],
) -> Entity {
    let means = |key: &Key| members.get(&(scope.clone(), key.clone())) == Some(&id);
    let (first_said_at, oldest) = keys.first().unwrap().clone();
    let names: BTreeSet<Text> = known
        .names
        .iter()
        .filter(|((own, key), _)| *own == scope && means(key))
        .map(|(_, name)| name.clone())
        .collect();
    let (mut calls, mut me) = (BTreeSet::new(), keys.iter().any(|(_, key)| &**key == "me"));
    for row in policy.iter().filter(|row| row.scope == scope) {
        match &row.policy {
            Policy::Call { key, name } if means(key) => _ = calls.insert(name.clone()),
            Policy::Me(key) if means(key) => me = true,
            _ => {}
        }
    }
    let mut fullest: Vec<&Text> = names.iter().collect();
    fullest.sort_by_key(|name| (-(name.split(' ').count() as i64), -(name.chars().count() as i64), (*name).clone()));
    let name = calls.last().or(fullest.first().copied()).cloned().unwrap_or_else(|| label(&oldest));
    let handles = keys.iter().filter(|(_, key)| key.starts_with("account:")).map(|(_, key)| label(key));
    let aliases: BTreeSet<Text> = names.iter().cloned().chain(calls).chain(handles).collect();
    let keys: BTreeSet<Key> = keys.into_iter().map(|(_, key)| key).collect();
    Entity {
        id,
        scope,
        name,
        kind: if me { "me".into() } else { "person".into() },
        keys: keys.into_iter().collect(),
        aliases: aliases.into_iter().collect(),
        first_said_at,
    }
}

fn label(key: &str) -> Text {
    match key.strip_prefix("relative:").and_then(|rest| rest.rsplit_once('/')) {
        Some((of, relation)) => format!("{}'s {relation}", label(of)).into(),
        None => key.rsplit([':', '/']).next().unwrap().into(),
    }
}
