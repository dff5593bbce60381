//! The key of a vault: 32 random bytes in a file or in the system's keyring, or made from a passphrase by Argon2id.
//!
//! A keyring is asked through its own program, `secret-tool` or on a Mac `security`; a key never stands on a command line. What a
//! passphrase or a keyring gave is kept as long as the process lives, so that it is asked for, and paid for, once.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::file::{Head, random};
use super::{VaultError, VaultPlace};
use crate::live::Secret;

/// The variable that holds the passphrase.
pub const PASSPHRASE: &str = "NEXUS_VAULT_PASSPHRASE";
const KEY_BYTES: usize = 32;
/// The name under which keyrings hold keys of vaults.
const SERVICE: &str = "nexus-vault";

/// What opens a vault.
pub(crate) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// Where the key of a vault is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// From a file.
    File,
    /// From a passphrase.
    Passphrase,
    /// From the system's keyring.
    Keyring,
}

/// What making a key from a passphrase takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// What it takes for new vaults, and what is spent at most on one that says so.
pub(crate) const COST: Cost = Cost { memory_kib: 64 << 10, passes: 3, lanes: 1 };
pub(crate) const COST_MAX: Cost = Cost { memory_kib: 256 << 10, passes: 16, lanes: 4 };

/// Keys that were made or looked up, by the heads of their vaults, each with the passphrase that made it.
static KEYS: Mutex<BTreeMap<Vec<u8>, (Option<Secret>, Key)>> = Mutex::new(BTreeMap::new());

impl KeySource {
    pub(crate) fn byte(self) -> u8 {
        match self {
            KeySource::File => 1,
            KeySource::Passphrase => 2,
            KeySource::Keyring => 3,
        }
    }

    pub(crate) fn of(byte: u8) -> Option<KeySource> {
        [KeySource::File, KeySource::Passphrase, KeySource::Keyring].into_iter().find(|source| source.byte() == byte)
    }
}

/// The key of a vault that is.
pub(crate) fn found(place: &VaultPlace, head: &Head) -> Result<Key, VaultError> {
    match head.source {
        KeySource::File => in_file(key_file(place)?),
        KeySource::Passphrase => {
            let passphrase = passphrase(place)?;
            once(head, Some(&passphrase), || derived(&passphrase, head))
        }
        KeySource::Keyring => once(head, None, || in_keyring(head)),
    }
}

/// The key of a vault that is to be.
pub(crate) fn made(place: &VaultPlace, head: &Head) -> Result<Key, VaultError> {
    match head.source {
        KeySource::Passphrase => found(place, head),
        KeySource::File => {
            let path = key_file(place)?;
            put_into_file(path)?;
            in_file(path)
        }
        KeySource::Keyring => {
            let mut key = Key::new([0; KEY_BYTES]);
            random(&mut key[..])?;
            put_into_keyring(head, &Zeroizing::new(STANDARD.encode(&key[..])))?;
            match in_keyring(head)? == key {
                true => Ok(key),
                false => Err(VaultError::Failed("the keyring gives back another key than it was given".into())),
            }
        }
    }
}

fn once(
    head: &Head,
    passphrase: Option<&Secret>,
    make: impl FnOnce() -> Result<Key, VaultError>,
) -> Result<Key, VaultError> {
    // Held while a key is made, so that all who wait for it pay once.
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let head = head.bytes();
    if let Some((by, key)) = keys.get(&head)
        && by.as_ref() == passphrase
    {
        return Ok(key.clone());
    }
    let key = make()?;
    keys.insert(head, (passphrase.cloned(), key.clone()));
    Ok(key)
}

fn passphrase(place: &VaultPlace) -> Result<Secret, VaultError> {
    let set = || std::env::var(PASSPHRASE).ok().map(Secret::from);
    let given = place.passphrase.clone().or_else(set).filter(|passphrase| !passphrase.expose().is_empty());
    let missing = || format!("{}: it opens with a passphrase: set {PASSPHRASE}", place.path.display());
    given.ok_or_else(|| VaultError::Argument(missing()))
}

fn derived(passphrase: &Secret, head: &Head) -> Result<Key, VaultError> {
    let unfit = |error: argon2::Error| VaultError::Unreadable(format!("no key can be made as it says: {error}"));
    let Cost { memory_kib, passes, lanes } = head.cost;
    let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(unfit)?;
    let mut key = Key::new([0; KEY_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.expose().as_bytes(), &head.salt, &mut key[..]).map_err(unfit)?;
    Ok(key)
}

fn key_file(place: &VaultPlace) -> Result<&Path, VaultError> {
    let missing = || {
        let path = place.path.display();
        VaultError::Argument(format!(
            "{path}: its key is in a file: name it, --key-file FILE, or key_file = in [vault]"
        ))
    };
    place.key_file.as_deref().ok_or_else(missing)
}

fn in_file(path: &Path) -> Result<Key, VaultError> {
    let shown = path.display();
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => VaultError::Missing(format!("{shown}: the vault's key is not there")),
        _ => VaultError::Failed(format!("{shown}: {error}")),
    };
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(VaultError::Argument(format!("{shown}: others may read it, which a key must not be: chmod 600")));
    }
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(failed)?;
    let key = <[u8; KEY_BYTES]>::try_from(&bytes[..]).map(Key::new);
    key.map_err(|_| VaultError::Unreadable(format!("{shown}: it is no key of a vault: that has {KEY_BYTES} bytes")))
}

/// Makes one, unless it is there.
fn put_into_file(path: &Path) -> Result<(), VaultError> {
    let failed = |error: std::io::Error| VaultError::Failed(format!("{}: {error}", path.display()));
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        opened => opened.map_err(failed)?,
    };
    let mut key = Key::new([0; KEY_BYTES]);
    random(&mut key[..])?;
    file.write_all(&key[..]).and_then(|()| file.sync_all()).map_err(failed)
}

/// Under which name a keyring holds it.
fn account(head: &Head) -> String {
    head.salt.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn in_keyring(head: &Head) -> Result<Key, VaultError> {
    let account = account(head);
    let told = if cfg!(target_os = "macos") {
        asked("security", &["find-generic-password", "-s", SERVICE, "-a", &account, "-w"], "")
    } else {
        asked("secret-tool", &["lookup", "service", SERVICE, "account", &account], "")
    };
    let told = told?;
    let bytes = STANDARD.decode(told.trim_ascii()).map(Zeroizing::new).unwrap_or_default();
    let key = <[u8; KEY_BYTES]>::try_from(&bytes[..]).map(Key::new);
    key.map_err(|_| VaultError::Missing(format!("the keyring holds no key of the vault {account}")))
}

fn put_into_keyring(head: &Head, key: &str) -> Result<(), VaultError> {
    let account = account(head);
    let told = if cfg!(target_os = "macos") {
        // Read from standard input, as a command of its own language.
        let command = Zeroizing::new(format!("add-generic-password -U -s {SERVICE} -a {account} -w {key}\n"));
        asked("security", &["-i"], &command)
    } else {
        asked("secret-tool", &["store", "--label", "Nexus vault", "service", SERVICE, "account", &account], key)
    };
    told.map(drop)
}

/// What a program says that is given this on its standard input.
fn asked(program: &str, arguments: &[&str], input: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let failed = |error: std::io::Error| VaultError::Failed(format!("the keyring: {program}: {error}"));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    // Whoever ends without having read it says why by its exit code.
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    let said = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(VaultError::Failed(format!("the keyring: {program}: it says no ({})", output.status)));
    }
    written.map_err(failed)?;
    Ok(said)
}
