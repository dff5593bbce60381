//! The file of a vault: a head in the clear (what it is, how the key is made, salt) and one box, XChaCha20-Poly1305, that holds
//! all entries as JSON and vouches for the head.
//!
//! So whatever is changed, cut off or swapped in it is noticed; that the whole file is an older copy is not. It is replaced as a
//! whole, fsynced, with a new nonce each time. Whoever changes it holds a lock on the file beside it. Cost: the file, in memory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key::{COST_MAX, Cost, Key, KeySource};
use super::{Entries, VaultError};

const MAGIC: &[u8; 8] = b"NEXUSVLT";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
/// The largest vault.
const BYTES_MAX: u64 = 16 << 20;
/// How often, and how often at most, it is asked whether another has finished.
const PAUSE: Duration = Duration::from_millis(50);
const TRIES: u32 = 1_200;

/// What stands before the box.
#[derive(Debug)]
pub(crate) struct Head {
    /// Where the key is from.
    pub(crate) source: KeySource,
    /// What making it from a passphrase takes.
    pub(crate) cost: Cost,
    /// What makes it another one for each vault, and names it in a keyring.
    pub(crate) salt: [u8; SALT_BYTES],
}

/// Who holds this may change the vault.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

impl Head {
    /// Of a vault that is new.
    pub(crate) fn new(source: KeySource, cost: Cost) -> Result<Head, VaultError> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        Ok(Head { source, cost, salt })
    }

    /// As it stands in the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, self.source.byte()]);
        for part in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            bytes.extend(part.to_le_bytes());
        }
        bytes.extend(self.salt);
        bytes
    }

    /// Reads it; gives what comes after it.
    fn parse(bytes: &[u8]) -> Result<(Head, &[u8]), &'static str> {
        const SHORT: &str = "it is cut off";
        let rest = bytes.strip_prefix(MAGIC).ok_or("it is no vault")?;
        let ([version, source], rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        if *version != VERSION {
            return Err("it was written by a newer Nexus, or is damaged");
        }
        let source = KeySource::of(*source).ok_or("it is damaged: it does not say where its key is from")?;
        let (memory_kib, rest) = number(rest).ok_or(SHORT)?;
        let (passes, rest) = number(rest).ok_or(SHORT)?;
        let (lanes, rest) = number(rest).ok_or(SHORT)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(SHORT)?;
        let cost = Cost { memory_kib, passes, lanes };
        if memory_kib > COST_MAX.memory_kib || passes > COST_MAX.passes || lanes > COST_MAX.lanes {
            return Err("it is damaged: no key costs as much as it says");
        }
        Ok((Head { source, cost, salt: *salt }, rest))
    }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

/// Fills it with what nobody can guess.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::getrandom(bytes).map_err(|error| VaultError::Failed(format!("the system gives no randomness: {error}")))
}

fn cipher(key: &Key) -> Result<XChaCha20Poly1305, VaultError> {
    XChaCha20Poly1305::new_from_slice(&key[..]).map_err(|_| VaultError::Failed("a key has 32 bytes".into()))
}

/// A whole file that holds these entries.
pub(crate) fn seal(head: &Head, key: &Key, entries: &Entries) -> Result<Vec<u8>, VaultError> {
    let unfit = || VaultError::Failed("the entries cannot be sealed".into());
    let plain = serde_json::to_vec(entries).map(Zeroizing::new).map_err(|_| unfit())?;
    let mut nonce = [0; NONCE_BYTES];
    random(&mut nonce)?;
    let mut bytes = head.bytes();
    let sealed = cipher(key)?.encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &bytes });
    let sealed = sealed.map_err(|_| unfit())?;
    bytes.extend(nonce);
    bytes.extend(sealed);
    if bytes.len() as u64 > BYTES_MAX {
        return Err(VaultError::Argument(format!("a vault holds {} MiB at most", BYTES_MAX >> 20)));
    }
    Ok(bytes)
}

/// The head of a file, and what comes after it.
pub(crate) fn head<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Head, &'a [u8]), VaultError> {
    Head::parse(bytes).map_err(|wrong| VaultError::Unreadable(format!("{}: {wrong}", path.display())))
}

/// What is in the box. No error quotes anything of it.
pub(crate) fn open(path: &Path, head: &Head, key: &Key, sealed: &[u8]) -> Result<Entries, VaultError> {
    let unreadable = |wrong: &str| VaultError::Unreadable(format!("{}: {wrong}", path.display()));
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| unreadable("it is cut off"))?;
    let head = head.bytes();
    let plain = cipher(key)?.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &head });
    let plain = plain.map(Zeroizing::new).map_err(|_| {
        unreadable(
            "it does not open: the key is wrong, or the file was changed or damaged; which of these cannot be told",
        )
    })?;
    serde_json::from_slice(&plain).map_err(|_| unreadable("its entries were written by a newer Nexus"))
}

/// The file as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, VaultError> {
    let size = std::fs::metadata(path).map_err(|error| failed(path, &error))?.len();
    if size > BYTES_MAX {
        return Err(VaultError::Unreadable(format!("{}: it is no vault: it is too large", path.display())));
    }
    std::fs::read(path).map_err(|error| failed(path, &error))
}

/// Makes the folder that a vault is to be in.
pub(crate) fn prepare(path: &Path) -> Result<(), VaultError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder(path));
    made.map_err(|error| VaultError::Failed(format!("{}: {error}", folder(path).display())))
}

/// Puts a file in the place of the one that is there, all of it or nothing.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    replace(path, bytes).map_err(|error| failed(path, &error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder(path))?.sync_all()
}

/// Waits until nobody else changes it; a minute at most.
pub(crate) async fn lock(path: &Path) -> Result<Held, VaultError> {
    let beside = beside(path, ".lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&beside);
    let file = opened.map_err(|error| VaultError::Failed(format!("{}: {error}", beside.display())))?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Held { _file: file }),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => {
                return Err(VaultError::Failed(format!("{}: {error}", beside.display())));
            }
        }
    }
    Err(VaultError::Busy(format!("{}: another process is changing it; try again when it has ended", path.display())))
}

fn failed(path: &Path, error: &io::Error) -> VaultError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            VaultError::Missing(format!("{path}: there is no vault; nexus vault init makes one"))
        }
        _ => VaultError::Failed(format!("{path}: {error}")),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
