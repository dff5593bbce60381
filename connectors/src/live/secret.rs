//! Secrets by reference: a configuration names where one is, never what it is.
//!
//! A secret is wiped from memory when it is gone, and never shows. Cost: a look into the environment, or at a small file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use nexus_types::Millis;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::Broken;
use crate::vault::{self, OAuth1, VaultPlace};

/// Where a secret is: `{ env = "NAME" }`, `{ file = "PATH" }` or `{ vault = "NAME" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In a variable of the environment.
    Env(String),
    /// In a file: its first line.
    File(PathBuf),
    /// In the vault.
    Vault {
        /// Under this name.
        name: String,
        /// Which vault.
        place: VaultPlace,
    },
}

/// A secret; it never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl SecretRef {
    /// Looks it up, as it is.
    pub fn read(&self) -> Result<Secret, String> {
        let (place, found) = match self {
            SecretRef::Env(name) => {
                (format!("the variable {name}"), std::env::var(name).map_err(|_| "it is not set".to_string()))
            }
            SecretRef::File(path) => {
                (path.display().to_string(), std::fs::read_to_string(path).map_err(|error| error.to_string()))
            }
            SecretRef::Vault { name, place } => return vault::read(place, name),
        };
        let text = found.map(Zeroizing::new).map_err(|error| format!("{place}: {error}"))?;
        match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
            Some(line) => Ok(Secret::from(line.to_string())),
            None => Err(format!("{place}: it is empty")),
        }
    }

    /// Looks it up to be used now: a token that runs out soon is renewed first. `field` names it in errors.
    pub async fn fetch(&self, field: &str, now: Millis) -> Result<Secret, Broken> {
        let SecretRef::Vault { name, place } = self else {
            return self.read().map_err(|error| Broken::Refused(format!("{field}: {error}")));
        };
        vault::fetch(place, name, now).await.map_err(|broken| match broken {
            Broken::Retry(reason) => Broken::Retry(format!("{field}: {reason}")),
            Broken::Wait(reason, pause) => Broken::Wait(format!("{field}: {reason}"), pause),
            Broken::Refused(reason) => Broken::Refused(format!("{field}: {reason}")),
            Broken::Closed => Broken::Closed,
        })
    }

    /// Looks up what requests are signed with, in an account's name.
    pub fn oauth1(&self) -> Result<OAuth1, String> {
        match self {
            SecretRef::Vault { name, place } => vault::oauth1(place, name),
            _ => Err("an OAuth 1.0a key is four texts, which only the vault holds: nexus vault set NAME --kind oauth1"
                .into()),
        }
    }
}

impl Secret {
    /// The secret itself: to be sent, never to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// Reads a reference. Its errors never quote what they found: that may be the secret itself.
struct Reading;

const EXPECTED: &str = "a secret does not stand in a configuration: name where it is, { env = \"NAME\" }, \
                        { file = \"PATH\" } or { vault = \"NAME\" }";

impl<'de> Visitor<'de> for Reading {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        while let Some((key, value)) = map.next_entry().map_err(|_| A::Error::custom(EXPECTED))? {
            given.insert(key, value);
        }
        let found = match (given.remove("env"), given.remove("file"), given.remove("vault")) {
            (Some(name), None, None) => SecretRef::Env(name),
            (None, Some(path), None) => SecretRef::File(path.into()),
            (None, None, Some(name)) => {
                // Whoever reads the configuration says which vault, unless it stands there.
                let path = given.remove("path").ok_or_else(|| A::Error::custom("which vault is not said"))?;
                let key_file = given.remove("key_file").map(PathBuf::from);
                SecretRef::Vault { name, place: VaultPlace { path: path.into(), key_file, passphrase: None } }
            }
            _ => return Err(A::Error::custom(EXPECTED)),
        };
        if given.is_empty() { Ok(found) } else { Err(A::Error::custom(EXPECTED)) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_is_read_and_does_not_show() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter2\n").unwrap();
        let secret = SecretRef::File(path).read().unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").contains("hunter2")), ("hunter2", false));
        for wrong in [
            "\"hunter2\"",
            "7",
            "{}",
            "{\"env\": \"A\", \"file\": \"B\"}",
            "{\"env\": \"A\", \"path\": \"hunter2\"}",
            "{\"is\": \"hunter2\"}",
            "{\"env\": 7}",
            "[\"hunter2\"]",
        ] {
            let error = serde_json::from_str::<SecretRef>(wrong).unwrap_err().to_string();
            assert!(error.contains(EXPECTED) && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(serde_json::from_str::<SecretRef>("{\"env\": \"A\"}").unwrap(), SecretRef::Env("A".into()));
        let vault = serde_json::from_str::<SecretRef>("{\"vault\": \"a\", \"path\": \"/v\", \"key_file\": \"/k\"}");
        let place = VaultPlace { path: "/v".into(), key_file: Some("/k".into()), passphrase: None };
        assert_eq!(vault.unwrap(), SecretRef::Vault { name: "a".into(), place });
        let error = SecretRef::Env("NEXUS_NO_SUCH_SECRET".into()).read().unwrap_err();
        assert_eq!(error, "the variable NEXUS_NO_SUCH_SECRET: it is not set");
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        assert!(SecretRef::File(folder.path().join("empty")).read().unwrap_err().ends_with("it is empty"));
    }
}
