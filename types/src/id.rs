//! Ids: 128-bit content hashes, one newtype per noun.
//!
//! An id is the truncated BLAKE3 hash of what identifies a row, each part prefixed with its length, so that two different
//! lists of parts never hash the same bytes. Shown and stored as 32 lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 bits of BLAKE3, the value inside every id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Hash128(pub [u64; 2]);

impl Hash128 {
    /// The hash of a list of parts; `domain` keeps ids of different nouns apart.
    pub fn of(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self::from_bytes(bytes)
    }

    /// The 16 bytes, most significant first: they sort as the hash does and as its text does.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0[0].to_be_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_be_bytes());
        bytes
    }

    /// The inverse of [`Hash128::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let half = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_be_bytes(word)
        };
        Self([half(0), half(8)])
    }
}

impl fmt::Display for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

impl fmt::Debug for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct NotAnId;

impl FromStr for Hash128 {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAnId);
        }
        let half = |part: &str| u64::from_str_radix(part, 16).map_err(|_| NotAnId);
        Ok(Self([half(&text[..16])?, half(&text[16..])?]))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $domain:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        pub struct $name(pub Hash128);

        impl $name {
            /// The id of what these parts identify.
            pub fn of(parts: &[&[u8]]) -> Self {
                Self(Hash128::of($domain, parts))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// One event: hash of (scope, source, external id).
    EventId,
    "event"
);
id!(
    /// One passage: hash of (event, ordinal).
    PassageId,
    "passage"
);
id!(
    /// A text, by its content alone.
    TextHash,
    "text"
);
id!(
    /// One claim: hash of (passage, its place in the extraction, what it says).
    ClaimId,
    "claim"
);
id!(
    /// One fact: its opening claim's id, so that renaming an entity does not rename its facts.
    FactId,
    "fact"
);
id!(
    /// One entity: hash of (scope, its oldest identity key).
    EntityId,
    "entity"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_round_trip_in_order() {
        let a = EventId::of(&[b"scope", b"irc", b"1"]);
        let b = EventId::of(&[b"scope", b"irc", b"2"]);
        assert_eq!(a.to_string().parse(), Ok(a));
        assert_eq!(Hash128::from_bytes(a.0.to_bytes()), a.0);
        assert_eq!(a < b, a.to_string() < b.to_string());
        assert_eq!(a < b, a.0.to_bytes() < b.0.to_bytes());
    }

    #[test]
    fn parts_and_domains_are_kept_apart() {
        assert_ne!(Hash128::of("x", &[b"ab", b"c"]), Hash128::of("x", &[b"a", b"bc"]));
        assert_ne!(Hash128::of("x", &[b"a"]), Hash128::of("y", &[b"a"]));
        assert_eq!("xyz".parse::<EventId>(), Err(NotAnId));
    }
}
