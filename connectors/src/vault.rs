//! The vault: one encrypted file of secrets that a configuration names, and the protocols by which some are renewed.
//!
//! All entries are in one box, so that none can be changed, swapped or set back by itself. The file is read whole, and written
//! whole under a lock: a new one takes the place of the old. A token that runs out is renewed ahead of time, by one at a time,
//! and what the provider gives is on the disk before it is used. Cost: a key from a passphrase takes 64 MiB and some tenths of
//! a second, once a process; a look is the reading of a small file.

mod browser;
mod device;
mod file;
mod key;
mod oauth1;
mod oauth2;
mod totp;

use std::collections::BTreeMap;
use std::path::PathBuf;

use nexus_types::Millis;
use serde::{Deserialize, Serialize};

use crate::live::{Broken, Secret};
use file::Head;
use key::{Cost, Key};

pub use self::key::{KeySource, PASSPHRASE};
pub use self::oauth1::OAuth1;
pub(crate) use self::oauth1::signed;
pub use self::oauth2::{Grant, Provider, login};
pub use self::totp::Totp;

/// What a vault holds, by name.
pub type Entries = BTreeMap<String, Entry>;

/// Where a vault is, and where its key is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultPlace {
    /// The encrypted file.
    pub path: PathBuf,
    /// The file of the key, where the key is in one.
    pub key_file: Option<PathBuf>,
    /// The passphrase, if somebody typed it; else it is in the variable [`PASSPHRASE`].
    pub passphrase: Option<Secret>,
}

/// One entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A password, a token that does not run out, and the like.
    Secret(#[serde(with = "boxed")] Secret),
    /// An account that somebody signed in to; its token is renewed.
    OAuth2(Grant),
    /// What requests are signed with.
    OAuth1(OAuth1),
    /// What one-time passwords are made from.
    Totp(Totp),
}

/// What is wrong with a vault, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no such vault, or no such entry.
    #[error("{0}")]
    Missing(String),
    /// What was given cannot be used.
    #[error("{0}")]
    Argument(String),
    /// The file cannot be opened with this key.
    #[error("{0}")]
    Unreadable(String),
    /// Somebody else is changing it.
    #[error("{0}")]
    Busy(String),
    /// The disk, another program or a provider failed.
    #[error("{0}")]
    Failed(String),
}

/// A vault that is open.
struct Opened {
    head: Head,
    key: Key,
    entries: Entries,
}

impl VaultPlace {
    /// Makes an empty vault whose key is from there; with [`KeySource::File`] also the key, unless that file exists.
    pub async fn create(&self, source: KeySource) -> Result<(), VaultError> {
        self.create_with(source, key::COST).await
    }

    async fn create_with(&self, source: KeySource, cost: Cost) -> Result<(), VaultError> {
        file::prepare(&self.path)?;
        let _held = file::lock(&self.path).await?;
        if self.path.exists() {
            let path = self.path.display();
            return Err(VaultError::Argument(format!("{path}: there is a vault already; move it away to begin anew")));
        }
        let head = Head::new(source, cost)?;
        let key = key::made(self, &head)?;
        file::write(&self.path, &file::seal(&head, &key, &Entries::new())?)
    }

    /// Where its key is from; this needs no key.
    pub fn source(&self) -> Result<KeySource, VaultError> {
        let bytes = file::read(&self.path)?;
        file::head(&self.path, &bytes).map(|(head, _)| head.source)
    }

    /// What it holds.
    pub fn entries(&self) -> Result<Entries, VaultError> {
        self.opened().map(|opened| opened.entries)
    }

    /// The entry of that name.
    pub fn entry(&self, name: &str) -> Result<Entry, VaultError> {
        let missing = || {
            let path = self.path.display();
            VaultError::Missing(format!("{path}: it holds no {name:?}; nexus vault list shows what it holds"))
        };
        self.entries()?.remove(name).ok_or_else(missing)
    }

    /// Changes what it holds; if that fails, it is as it was.
    pub async fn change<R>(&self, change: impl FnOnce(&mut Entries) -> Result<R, VaultError>) -> Result<R, VaultError> {
        // Before the lock, whose file would be left where there is no vault.
        self.source()?;
        let held = file::lock(&self.path).await?;
        self.changed(&held, change)
    }

    /// The same, by whoever holds the lock.
    fn changed<R>(
        &self,
        _held: &file::Held,
        change: impl FnOnce(&mut Entries) -> Result<R, VaultError>,
    ) -> Result<R, VaultError> {
        let Opened { head, key, mut entries } = self.opened()?;
        let result = change(&mut entries)?;
        file::write(&self.path, &file::seal(&head, &key, &entries)?)?;
        Ok(result)
    }

    fn opened(&self) -> Result<Opened, VaultError> {
        let bytes = file::read(&self.path)?;
        let (head, sealed) = file::head(&self.path, &bytes)?;
        let key = key::found(self, &head)?;
        let entries = file::open(&self.path, &head, &key, sealed)?;
        Ok(Opened { head, key, entries })
    }
}

impl Entry {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Secret(_) => "secret",
            Entry::OAuth2(_) => "oauth2",
            Entry::OAuth1(_) => "oauth1",
            Entry::Totp(_) => "totp",
        }
    }

    /// When what it has runs out, if it does.
    pub fn expires_at(&self) -> Option<Millis> {
        match self {
            Entry::OAuth2(grant) => grant.expires_at,
            _ => None,
        }
    }
}

/// What is to be sent, as it is; a token may have run out.
pub(crate) fn read(place: &VaultPlace, name: &str) -> Result<Secret, String> {
    match place.entry(name).map_err(|error| error.to_string())? {
        Entry::Secret(secret) => Ok(secret),
        Entry::OAuth2(grant) => Ok(grant.access),
        Entry::OAuth1(_) => Err(format!("{name}: requests are signed with it, it is not sent")),
        Entry::Totp(_) => Err(format!("{name}: it makes one-time passwords, for people: nexus vault code {name}")),
    }
}

/// What is to be sent now: a token that runs out soon is renewed first.
pub(crate) async fn fetch(place: &VaultPlace, name: &str, now: Millis) -> Result<Secret, Broken> {
    match place.entry(name).map_err(broken)? {
        Entry::OAuth2(grant) => self::oauth2::access(place, name, grant, now).await,
        _ => read(place, name).map_err(Broken::Refused),
    }
}

/// What requests are signed with.
pub(crate) fn oauth1(place: &VaultPlace, name: &str) -> Result<OAuth1, String> {
    match place.entry(name).map_err(|error| error.to_string())? {
        Entry::OAuth1(keys) => Ok(keys),
        other => Err(format!("{name}: it is {}, not oauth1", other.kind())),
    }
}

fn broken(error: VaultError) -> Broken {
    match error {
        VaultError::Busy(_) | VaultError::Failed(_) => Broken::Retry(error.to_string()),
        _ => Broken::Refused(error.to_string()),
    }
}

/// Secrets are written into the box alone; [`Secret`] by itself cannot be written anywhere.
mod boxed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::live::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::from)
    }

    /// The same for one that may be missing.
    pub(super) mod maybe {
        use serde::{Deserialize, Deserializer, Serializer};

        use crate::live::Secret;

        pub(in crate::vault) fn serialize<S: Serializer>(
            secret: &Option<Secret>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match secret {
                Some(secret) => serializer.serialize_some(secret.expose()),
                None => serializer.serialize_none(),
            }
        }

        pub(in crate::vault) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Secret>, D::Error> {
            Option::<String>::deserialize(deserializer).map(|text| text.map(Secret::from))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    /// As cheap as it goes.
    const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    /// Where the head says where the key is from.
    const SOURCE_AT: usize = 9;

    fn place(folder: &Path) -> VaultPlace {
        VaultPlace { path: folder.join("vault"), key_file: Some(folder.join("key")), passphrase: None }
    }

    async fn filled(place: &VaultPlace, source: KeySource) {
        place.create_with(source, QUICK).await.unwrap();
        let put = |entries: &mut Entries| {
            entries.insert("mail".into(), Entry::Secret(Secret::from("hunter2".to_string())));
            Ok(())
        };
        place.change(put).await.unwrap();
    }

    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    }

    #[tokio::test]
    async fn what_is_put_in_comes_out_and_only_with_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        filled(&place, KeySource::File).await;
        assert_eq!(read(&place, "mail").unwrap().expose(), "hunter2");
        assert_eq!((mode(&place.path), mode(&folder.path().join("key"))), (0o600, 0o600));
        assert!(!String::from_utf8_lossy(&std::fs::read(&place.path).unwrap()).contains("hunter2"));
        assert!(matches!(place.entry("irc"), Err(VaultError::Missing(_))));
        assert!(matches!(place.create(KeySource::File).await, Err(VaultError::Argument(_))));
        // A change that fails changes nothing.
        let fails = |entries: &mut Entries| {
            entries.clear();
            Err::<(), _>(VaultError::Argument("no".into()))
        };
        place.change(fails).await.unwrap_err();
        assert_eq!(place.entries().unwrap().len(), 1);
        // Another key, one that others may read, and none.
        let key = folder.path().join("key");
        std::fs::write(&key, [7; 32]).unwrap();
        let error = place.entries().unwrap_err();
        assert!(matches!(&error, VaultError::Unreadable(text) if text.contains("the key is wrong, or")), "{error}");
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        assert!(place.entries().unwrap_err().to_string().contains("others may read it"));
        let error = VaultPlace { key_file: None, ..place }.entries().unwrap_err();
        assert!(error.to_string().contains("key_file"), "{error}");
    }

    #[tokio::test]
    async fn no_byte_can_be_changed_or_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        filled(&place, KeySource::File).await;
        let whole = std::fs::read(&place.path).unwrap();
        let fails = |bytes: &[u8], how: &str| {
            std::fs::write(&place.path, bytes).unwrap();
            let error = place.entries().expect_err(how);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{how}: {error}");
            assert!(error.to_string().starts_with(&place.path.display().to_string()), "{how}: {error}");
        };
        for length in 0..whole.len() {
            fails(&whole[..length], &format!("cut to {length}"));
        }
        for at in 0..whole.len() {
            for bit in [0, 7] {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                // Another source of the key needs another key: that it is missing is said instead.
                if at != SOURCE_AT {
                    fails(&other, &format!("byte {at}"));
                }
            }
        }
        std::fs::write(&place.path, &whole).unwrap();
        assert_eq!(place.entries().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_passphrase_opens_it_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let with = |text: &str| VaultPlace {
            key_file: None,
            passphrase: Some(Secret::from(text.to_string())),
            ..place(folder.path())
        };
        filled(&with("correct horse"), KeySource::Passphrase).await;
        assert_eq!(with("").source().unwrap(), KeySource::Passphrase);
        assert_eq!(read(&with("correct horse"), "mail").unwrap().expose(), "hunter2");
        assert!(matches!(with("battery").entries(), Err(VaultError::Unreadable(_))));
        // What making the key costs is part of what is sealed, and bounded before it is spent.
        let mut bytes = std::fs::read(&with("").path).unwrap();
        bytes[SOURCE_AT + 4] = 0xff;
        std::fs::write(&with("").path, &bytes).unwrap();
        assert!(matches!(with("correct horse").entries(), Err(VaultError::Unreadable(_))));
    }
}
