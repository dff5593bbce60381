//! Policy by hand: who "I" is, who is who, what is wrong, and the page of rules a user can edit.

use nexus_query::FactView;
use nexus_types::{Key, Object, Policy, PolicyRow, Predicate, Text};
use serde::{Deserialize, Serialize};

use crate::writer::{Nexus, Receipt};
use crate::{Error, Result, clock};

/// What the user says of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correction {
    /// It was never so: the claims behind it count for nothing.
    Wrong,
    /// It is something else: the user's own word, with full trust.
    Is(String),
}

/// The page of rules, in TOML: how predicates consolidate and whom to trust. What it does not list keeps its default:
/// unknown predicates add up, unknown sources are trusted fully.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// One entry per predicate.
    #[serde(default, rename = "predicate", skip_serializing_if = "Vec::is_empty")]
    pub predicates: Vec<Predicate>,
    /// One entry per source that is not trusted fully.
    #[serde(default, rename = "trust", skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<Trust>,
}

/// How far a source is trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The account or feed.
    pub source: Text,
    /// 0 (not at all) to 1000 (fully).
    pub trust: u16,
}

impl PolicyFile {
    /// Reads the page; an error names the line.
    pub fn parse(text: &str) -> Result<PolicyFile> {
        let file: PolicyFile =
            toml::from_str(text).map_err(|error| Error::argument(format!("the policy file: {error}")))?;
        if let Some(trust) = file.trusts.iter().find(|trust| trust.trust > 1000) {
            return Err(Error::argument(format!("trust in {} is {}: give 0 to 1000", trust.source, trust.trust)));
        }
        let mut names: Vec<&Text> = file.predicates.iter().map(|predicate| &predicate.name).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::argument(format!("the policy file names the predicate {} twice", pair[0])));
        }
        file.predicates.iter().try_for_each(|predicate| file.check(predicate))?;
        Ok(file)
    }

    /// Whether what a predicate says of others fits what they say.
    fn check(&self, predicate: &Predicate) -> Result<()> {
        let Predicate { name, inverse, symmetric, .. } = predicate;
        let other = |name: &Text| self.predicates.iter().find(|other| other.name == *name);
        if *symmetric && inverse.is_some() {
            return Err(Error::argument(format!("{name} is symmetric: it is its own inverse, and has no other")));
        }
        if let Some(inverse) = inverse
            && other(inverse).is_none_or(|other| other.inverse.as_ref() != Some(name))
        {
            return Err(Error::argument(format!(
                "{name} has the inverse {inverse}: then {inverse} has the inverse {name}"
            )));
        }
        Ok(())
    }

    /// Writes the page.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(Error::internal)
    }

    /// The rows of a scope that the page governs, as the page.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a PolicyRow>) -> PolicyFile {
        let mut file = PolicyFile::default();
        for row in rows {
            match &row.policy {
                Policy::Predicate(predicate) => file.predicates.push(predicate.clone()),
                Policy::Trust { source, trust } => file.trusts.push(Trust { source: source.clone(), trust: *trust }),
                _ => {}
            }
        }
        file
    }

    /// The page as rows.
    pub(crate) fn policies(&self) -> Vec<Policy> {
        let predicates = self.predicates.iter().cloned().map(Policy::Predicate);
        let trusts = self.trusts.iter().map(|trust| Policy::Trust { source: trust.source.clone(), trust: trust.trust });
        predicates.chain(trusts).collect()
    }
}

impl Nexus {
    /// The scope's page of rules.
    pub fn policy(&self) -> PolicyFile {
        PolicyFile::of(self.engine.policy.iter().filter(|row| row.scope == *self.scope()))
    }

    /// Says who "I" is in this scope: a full name, a mail address, or an identity key such as `account:slack/anna`.
    pub fn set_me(&mut self, name: &str) -> Result<Receipt> {
        let key = typed_key(name)?;
        self.change_policy(vec![Policy::Me(key)], Vec::new())
    }

    /// Says in which zone "yesterday" is meant: an IANA name such as `Europe/Berlin`.
    pub fn set_time_zone(&mut self, zone: &str) -> Result<Receipt> {
        jiff::tz::TimeZone::get(zone).map_err(|_| {
            Error::argument(format!("{zone} is not a time zone: give an IANA name such as Europe/Berlin"))
        })?;
        let held = self.engine.policy.iter().filter(|row| row.scope == *self.scope());
        let removed =
            held.map(|row| row.policy.clone()).filter(|policy| matches!(policy, Policy::TimeZone(_))).collect();
        self.change_policy(vec![Policy::TimeZone(zone.into())], removed)
    }

    /// These two are one person: names, ids or identity keys.
    pub fn same(&mut self, a: &str, b: &str) -> Result<Receipt> {
        let (a, b) = self.key_pair(a, b)?;
        self.change_policy(vec![Policy::Same(a.clone(), b.clone())], vec![Policy::NotSame(a, b)])
    }

    /// These two are not one person, whatever else says so. Two names of one entity take back the user's own word that
    /// joined them.
    pub fn not_same(&mut self, a: &str, b: &str) -> Result<Receipt> {
        let memory = self.memory()?;
        let (a, b) = (memory.key_of(a)?, memory.key_of(b)?);
        let ours: Vec<String> = memory.entity(&a)?.into_iter().flat_map(|entity| entity.keys).collect();
        let is_ours = |key: &Key| ours.iter().any(|ours| **ours == **key);
        let said = self.engine.policy.iter().filter(|row| row.scope == *self.scope()).map(|row| &row.policy);
        let of_us = |policy: &&Policy| matches!(policy, Policy::Same(x, y) if is_ours(x) && is_ours(y));
        let said: Vec<Policy> = said.filter(of_us).cloned().collect();
        if a != b {
            let (a, b) = (a.clone().min(b.clone()), a.max(b));
            let ends = |key: &Key| *key == a || *key == b;
            let joined = |policy: &Policy| matches!(policy, Policy::Same(x, y) if ends(x) || ends(y));
            let removed = said.into_iter().filter(joined).collect();
            return self.change_policy(vec![Policy::NotSame(a, b)], removed);
        }
        match said.len() {
            0 => Err(Error::argument(format!("{a} is one identity key, and nobody said that it is another"))),
            1 => self.change_policy(Vec::new(), said),
            _ => Err(Error::argument(format!("more than one `same` joined them: name two of {}", ours.join(", ")))),
        }
    }

    /// Corrects a fact, named by its id or the beginning of it.
    pub fn correct(&mut self, fact: &str, correction: Correction) -> Result<Receipt> {
        let memory = self.memory()?;
        let why = memory.why(fact)?;
        let added = match correction {
            Correction::Wrong => memory.claims_for(&why.fact.id)?.into_iter().map(Policy::Reject).collect(),
            Correction::Is(value) if value.trim().is_empty() => {
                return Err(Error::argument("the value is empty: say what it is instead, or that the fact is wrong"));
            }
            Correction::Is(value) => vec![self.asserted(&memory, &why.fact, &value)?],
        };
        self.change_policy(added, Vec::new())
    }

    fn asserted(&self, memory: &crate::Memory, fact: &FactView, value: &str) -> Result<Policy> {
        let subject = memory.key_of(&fact.subject_id)?;
        let somebody = match fact.object_id {
            Some(_) => self.key_of(value).ok().map(Object::Key),
            None => None,
        };
        Ok(Policy::Assert {
            subject,
            predicate: fact.predicate.as_str().into(),
            object: somebody.unwrap_or_else(|| Object::Value(value.trim().into())),
            said_at: clock::now(),
            valid_from: None,
        })
    }

    fn key_pair(&self, a: &str, b: &str) -> Result<(Key, Key)> {
        let (a, b) = (self.key_of(a)?, self.key_of(b)?);
        match a.cmp(&b) {
            std::cmp::Ordering::Less => Ok((a, b)),
            std::cmp::Ordering::Greater => Ok((b, a)),
            std::cmp::Ordering::Equal => Err(Error::argument(format!("{a} and {b} are one identity key already"))),
        }
    }

    fn key_of(&self, name: &str) -> Result<Key> {
        self.memory()?.key_of(name)
    }
}

/// What a user types as an identity: a key as it stands, a mail address, or a full name.
fn typed_key(name: &str) -> Result<Key> {
    let name = name.trim();
    let known = ["account:", "mail:", "name:", "person:", "relative:"].iter().any(|prefix| name.starts_with(prefix));
    if name.is_empty() {
        return Err(Error::argument("the name is empty: give a full name, a mail address or an identity key"));
    }
    if known {
        return Ok(name.into());
    }
    if nexus_types::entity::is_mail(name) {
        return Ok(nexus_types::entity::account_key("mail", name));
    }
    // A bare name is how "I" signs in Nexus itself; on other platforms it is told apart by its key.
    Ok(nexus_types::entity::name_key(name).unwrap_or_else(|| nexus_types::entity::account_key("nexus", name)))
}
