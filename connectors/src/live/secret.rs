//! Secrets by reference: a configuration names where one is, never what it is.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where a secret is: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In a variable of the environment.
    Env(String),
    /// In a file: its first line.
    File(PathBuf),
}

/// A secret; it never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl SecretRef {
    /// Looks it up.
    pub fn read(&self) -> Result<Secret, String> {
        let (place, found) = match self {
            SecretRef::Env(name) => {
                (format!("the variable {name}"), std::env::var(name).map_err(|_| "it is not set".to_string()))
            }
            SecretRef::File(path) => {
                (path.display().to_string(), std::fs::read_to_string(path).map_err(|error| error.to_string()))
            }
        };
        let text = found.map_err(|error| format!("{place}: {error}"))?;
        match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
            Some(line) => Ok(Secret(line.into())),
            None => Err(format!("{place}: it is empty")),
        }
    }
}

impl Secret {
    /// The secret itself: to be sent, never to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// Reads a reference. Its errors never quote what they found: that may be the secret itself.
struct Reading;

const EXPECTED: &str =
    "a secret does not stand in a configuration: name where it is, { env = \"NAME\" } or { file = \"PATH\" }";

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
        let first: Option<(String, String)> = map.next_entry().map_err(|_| A::Error::custom(EXPECTED))?;
        let more = map.next_key::<String>().map_err(|_| A::Error::custom(EXPECTED))?.is_some();
        match first {
            Some((key, name)) if key == "env" && !more => Ok(SecretRef::Env(name)),
            Some((key, path)) if key == "file" && !more => Ok(SecretRef::File(path.into())),
            _ => Err(A::Error::custom(EXPECTED)),
        }
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
            "{\"is\": \"hunter2\"}",
            "{\"env\": 7}",
            "[\"hunter2\"]",
        ] {
            let error = serde_json::from_str::<SecretRef>(wrong).unwrap_err().to_string();
            assert!(error.contains(EXPECTED) && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(serde_json::from_str::<SecretRef>("{\"env\": \"A\"}").unwrap(), SecretRef::Env("A".into()));
        let error = SecretRef::Env("NEXUS_NO_SUCH_SECRET".into()).read().unwrap_err();
        assert_eq!(error, "the variable NEXUS_NO_SUCH_SECRET: it is not set");
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        assert!(SecretRef::File(folder.path().join("empty")).read().unwrap_err().ends_with("it is empty"));
    }
}
