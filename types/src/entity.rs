//! Entities: who is who. A component of identity keys joined by typed evidence.
//!
//! An identity key is a text that says of which sort it is: `account:irc/anna`, `mail:anna@example.org`,
//! `name:anna kowalska` (a full name, lower case), `person:#ubuntu/anna` (a bare name, as it is used in one channel),
//! `relative:account:irc/anna/sister` (somebody known only by a relation), `me`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::claim::named;
use crate::{EntityId, EventId, Millis, Scope, Text};

/// An identity key, in the form above.
pub type Key = Text;

/// Why two keys are held to be one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The user said so (`same`).
    Same,
    /// One message names both: `Anna Kowalska <anna@example.org>`.
    Account,
    /// They said so: "call me Anna", "my name is …", "my mail is …".
    Declared,
    /// The platform reported a nick change.
    Rename,
    /// A signature under a mail.
    Signature,
}

named!(EvidenceKind {
    Same = "same",
    Account = "account",
    Declared = "declared",
    Rename = "rename",
    Signature = "signature",
});

impl EvidenceKind {
    /// How far to trust it: 0 the user's word, 1 what a platform or the person states, 2 what is likely.
    pub fn tier(self) -> u8 {
        match self {
            EvidenceKind::Same => 0,
            EvidenceKind::Account | EvidenceKind::Declared => 1,
            EvidenceKind::Rename | EvidenceKind::Signature => 2,
        }
    }
}

/// One reason to hold two keys for one person: a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// Whose memory.
    pub scope: Scope,
    /// The lesser key.
    pub a: Key,
    /// The greater key.
    pub b: Key,
    /// Why.
    pub kind: EvidenceKind,
    /// The first event that says so; `None` for policy.
    pub event: Option<EventId>,
}

/// Somebody or something memory knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// Hash of (scope, oldest key).
    pub id: EntityId,
    /// Whose memory.
    pub scope: Scope,
    /// How to call it: the user's word, else the fullest name known, else the oldest key's.
    pub name: Text,
    /// `person`, or `me` for the scope's own "I".
    pub kind: Text,
    /// Its identity keys, sorted.
    pub keys: Vec<Key>,
    /// Every name it goes by, sorted.
    pub aliases: Vec<Text>,
    /// When a key of it first appeared.
    pub first_said_at: Millis,
}

/// The parts of an author or addressee: `Display Name <handle>`, a mail address, or a bare handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The display name, if it is given.
    pub name: Option<Text>,
    /// The handle or mail address.
    pub handle: Text,
}

impl Author {
    /// Takes an author apart. Total: whatever does not fit the form is a handle.
    pub fn parse(author: &str) -> Author {
        let author = author.trim();
        if let Some((name, rest)) = author.split_once('<')
            && let Some(handle) = rest.strip_suffix('>')
            && !handle.trim().is_empty()
        {
            let name = name.trim().trim_matches('"').trim();
            return Author { name: (!name.is_empty()).then(|| name.into()), handle: handle.trim().into() };
        }
        Author { name: None, handle: author.trim_start_matches('@').into() }
    }

    /// The identity key of the handle: a mail address is the same everywhere, a handle on its platform.
    pub fn key(&self, platform: &str) -> Key {
        account_key(platform, &self.handle)
    }
}

/// The identity key of a handle on a platform, or of a mail address.
pub fn account_key(platform: &str, handle: &str) -> Key {
    let handle = handle.trim().to_lowercase();
    if is_mail(&handle) { format!("mail:{handle}").into() } else { format!("account:{platform}/{handle}").into() }
}

/// The identity key of a full name (two words or more); `None` for a bare one.
pub fn name_key(name: &str) -> Option<Key> {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    (words.len() >= 2).then(|| format!("name:{}", words.join(" ")).into())
}

/// What a key looks like to a reader: its last part.
pub fn key_label(key: &str) -> &str {
    let rest = key.split_once(':').map_or(key, |(_, rest)| rest);
    if key.starts_with("account:") || key.starts_with("person:") || key.starts_with("relative:") {
        rest.rsplit_once('/').map_or(rest, |(_, last)| last)
    } else {
        rest
    }
}

/// Whether a text has the form of a mail address: one @, something before it, a dot after it, no blanks.
pub fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !domain.contains('@')
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_come_apart() {
        let anna = Author::parse("\"Anna Kowalska\" <Anna@Example.org>");
        assert_eq!(anna.name.as_deref(), Some("Anna Kowalska"));
        assert_eq!(&*anna.key("mail"), "mail:anna@example.org");
        assert_eq!(&*Author::parse("@Ben").key("slack"), "account:slack/ben");
        assert_eq!(&*Author::parse("<odd>nick").handle, "<odd>nick");
        assert_eq!(name_key("Anna"), None);
        assert_eq!(name_key("Anna  Kowalska").as_deref(), Some("name:anna kowalska"));
        assert_eq!(key_label("account:irc/anna"), "anna");
        assert_eq!(key_label("name:anna kowalska"), "anna kowalska");
    }
}
