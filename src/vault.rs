//! The vault of secrets, for people: making one, putting things in, signing in, and where configurations find it.
//!
//! Nothing that is returned or printed holds a secret, but a one-time password that was asked for. Cost: that of the vault.

use std::path::{Path, PathBuf};

use nexus_connectors::live::Secret;
use nexus_connectors::vault::{
    self, Entries, Entry, KeySource, OAuth1, PASSPHRASE, Provider, Totp, VaultError, VaultPlace,
};
use nexus_types::Millis;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{Error, ErrorKind, Result, clock};

/// The longest name of an entry.
const NAME_BYTES_MAX: usize = 64;

/// A vault, closed.
#[derive(Clone, Debug)]
pub struct Vault {
    place: VaultPlace,
}

/// What may be shown of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VaultEntry {
    /// Its name.
    pub name: String,
    /// What it is: secret, oauth2, oauth1 or totp.
    pub kind: &'static str,
    /// When its token runs out, if it does; milliseconds since 1970.
    pub expires_at: Option<Millis>,
    /// Whether that token is renewed without anybody signing in.
    pub renewable: bool,
}

/// `[vault]`: where the secrets are that a configuration names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VaultConfig {
    /// The file; by default the user's own.
    path: Option<String>,
    /// The file of its key, where the key is in one.
    key_file: Option<String>,
}

impl Vault {
    /// The vault in that file, else the user's own; its key in that file, if it is in one.
    pub fn at(path: Option<PathBuf>, key_file: Option<PathBuf>) -> Vault {
        Vault { place: VaultPlace { path: path.unwrap_or_else(usual), key_file, passphrase: None } }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Opens it with this passphrase instead of the one that the environment may hold.
    pub fn with_passphrase(&mut self, passphrase: String) {
        self.place.passphrase = Some(Secret::from(passphrase));
    }

    /// Whether somebody has to type a passphrase.
    pub fn asks_for_passphrase(&self) -> Result<bool> {
        Ok(self.place.source()? == KeySource::Passphrase && !Vault::has_passphrase())
    }

    /// Whether the environment holds a passphrase.
    pub fn has_passphrase() -> bool {
        std::env::var_os(PASSPHRASE).is_some_and(|passphrase| !passphrase.is_empty())
    }

    /// Makes an empty one.
    pub fn create(&self, source: KeySource) -> Result<()> {
        wait(self.place.create(source))
    }

    /// Puts something in: a `secret`, a `totp` (an otpauth:// address or base 32) or `oauth1` (four lines). Whether there was
    /// something under that name.
    pub fn set(&self, name: &str, kind: &str, text: &str) -> Result<bool> {
        check(name)?;
        let text = text.trim_end_matches(['\r', '\n']);
        let entry = match kind {
            _ if text.is_empty() => return Err(Error::argument("it is empty: nothing was put in")),
            "secret" => Entry::Secret(Secret::from(text.to_string())),
            "totp" => Entry::Totp(Totp::parse(text).map_err(Error::argument)?),
            "oauth1" => Entry::OAuth1(OAuth1::parse(text).map_err(Error::argument)?),
            _ => return Err(Error::argument("kinds are secret, totp and oauth1")),
        };
        self.put(name, entry)
    }

    fn put(&self, name: &str, entry: Entry) -> Result<bool> {
        wait(self.place.change(|entries: &mut Entries| Ok(entries.insert(name.to_string(), entry).is_some())))
    }

    /// Takes something out.
    pub fn remove(&self, name: &str) -> Result<()> {
        let missing = || VaultError::Missing(format!("{name}: it is not in the vault"));
        wait(self.place.change(|entries: &mut Entries| entries.remove(name).map(drop).ok_or_else(missing)))
    }

    /// What it holds.
    pub fn list(&self) -> Result<Vec<VaultEntry>> {
        Ok(self.place.entries()?.iter().map(|(name, entry)| VaultEntry::of(name, entry)).collect())
    }

    /// Lets somebody sign in, with the provider that is given, else again with the one of before. `say` tells what to do.
    pub fn log_in(&self, name: &str, provider: Option<Provider>, say: &mut dyn FnMut(&str)) -> Result<VaultEntry> {
        check(name)?;
        // Before anybody signs in for nothing.
        let mut entries = self.place.entries()?;
        let provider = match (provider, entries.remove(name)) {
            (Some(provider), _) => provider,
            (None, Some(Entry::OAuth2(grant))) => grant.provider,
            (None, _) => {
                let message =
                    format!("{name}: nobody has signed in to it yet: say where, --provider or --token-endpoint");
                return Err(Error::argument(message));
            }
        };
        let entry = Entry::OAuth2(wait(vault::login(provider, clock::now, say))?);
        let shown = VaultEntry::of(name, &entry);
        self.put(name, entry)?;
        Ok(shown)
    }

    /// A one-time password, and for how many more seconds it holds.
    pub fn code(&self, name: &str) -> Result<(String, u64)> {
        match self.place.entry(name)? {
            Entry::Totp(totp) => Ok(totp.code(clock::now())),
            other => Err(Error::argument(format!("{name}: it is {}, not totp", other.kind()))),
        }
    }
}

impl VaultEntry {
    fn of(name: &str, entry: &Entry) -> VaultEntry {
        let renewable = matches!(entry, Entry::OAuth2(grant) if grant.is_renewable());
        VaultEntry { name: name.into(), kind: entry.kind(), expires_at: entry.expires_at(), renewable }
    }
}

/// The user's own vault: `nexus/vault` in `$XDG_CONFIG_HOME`, or in `~/.config`.
fn usual() -> PathBuf {
    let given = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = given.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".config"));
    folder.join("nexus").join("vault")
}

/// A configuration says once where the vault is, under `[vault]`; whoever reads `{ vault = "NAME" }` in it is told.
pub(crate) fn tell(config: &mut Table) -> std::result::Result<(), String> {
    let told = match config.remove("vault") {
        Some(told) => VaultConfig::deserialize(told).map_err(|error| format!("vault: {}", error.message().trim()))?,
        None => VaultConfig { path: None, key_file: None },
    };
    let mut place = Table::new();
    let path = told.path.unwrap_or_else(|| usual().display().to_string());
    place.insert("path".into(), Value::String(path));
    place.extend(told.key_file.map(|file| ("key_file".to_string(), Value::String(file))));
    config.iter_mut().for_each(|(_, value)| tell_below(value, &place));
    Ok(())
}

fn tell_below(value: &mut Value, place: &Table) {
    match value {
        Value::Table(table) if table.get("vault").is_some_and(Value::is_str) => {
            for (key, value) in place {
                // What stands there is meant.
                table.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| tell_below(value, place)),
        Value::Array(values) => values.iter_mut().for_each(|value| tell_below(value, place)),
        _ => {}
    }
}

fn check(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    match !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(fits) {
        true => Ok(()),
        false => Err(Error::argument(format!("a name has 1 to {NAME_BYTES_MAX} letters, digits, _, - and ."))),
    }
}

fn wait<R>(work: impl Future<Output = std::result::Result<R, VaultError>>) -> Result<R> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| Error::io("a runtime", error))?.block_on(work)?)
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        let kind = match error {
            VaultError::Missing(_) => ErrorKind::NotFound,
            VaultError::Argument(_) => ErrorKind::Argument,
            VaultError::Unreadable(_) => ErrorKind::Corrupt,
            VaultError::Busy(_) => ErrorKind::Locked,
            VaultError::Failed(_) => ErrorKind::Io,
        };
        Error::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whoever_names_the_vault_is_told_where_it_is() {
        let mut config: Table = "[vault]\npath = \"/v\"\nkey_file = \"/k\"\n[feed.a]\ntoken = { vault = \"a\" }\n\
                                 more = [{ secret = { vault = \"b\", path = \"/other\" } }]\nvault_of = \"c\"\n"
            .parse()
            .unwrap();
        tell(&mut config).unwrap();
        let expected: Table = "[feed.a]\ntoken = { vault = \"a\", path = \"/v\", key_file = \"/k\" }\n\
                               more = [{ secret = { vault = \"b\", path = \"/other\", key_file = \"/k\" } }]\n\
                               vault_of = \"c\"\n"
            .parse()
            .unwrap();
        assert_eq!(config, expected);
        let mut wrong: Table = "[vault]\npassphrase = \"hunter2\"\n".parse().unwrap();
        let error = tell(&mut wrong).unwrap_err();
        assert!(error.starts_with("vault: unknown field `passphrase`") && !error.contains("hunter2"), "{error}");
    }
}
