//! What an account holds, as its feed notes it: which mail has which number where. Pure but for sending.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Change, Scope, Text};

use crate::live::{Batch, Broken, Named, Outlet};
use crate::{Item, Rejected};

/// Stands between the parts of a note's key.
const BETWEEN: char = '\u{1f}';

/// Stands before the validity in the name under which old numbers wait; no mailbox that is followed has it.
const OLD: char = '\u{1e}';

/// A mailbox.
#[derive(Debug, Default)]
struct Mailbox {
    /// As long as this stays, a number is one mail.
    validity: u32,
    /// The number that the next mail gets, at least.
    next: u32,
    /// The mails by number; empty for what could not be read.
    mails: BTreeMap<u32, Text>,
}

/// An account.
#[derive(Debug)]
pub(super) struct Account {
    scope: Scope,
    source: Text,
    boxes: BTreeMap<String, Mailbox>,
    /// How often a mail was deleted.
    deleted: BTreeMap<Text, u64>,
    /// What was missing at the last look.
    missing: BTreeSet<(String, u32)>,
}

impl Account {
    /// As the notes have it.
    pub(super) fn new(named: &Named, source: Text, notes: BTreeMap<Text, Text>) -> Account {
        let (boxes, deleted, missing) = Default::default();
        let mut account = Account { scope: named.scope.clone(), source, boxes, deleted, missing };
        for (key, value) in notes {
            let mut parts = key.split(BETWEEN);
            match (parts.next(), parts.next(), parts.next()) {
                (Some("box"), Some(name), None) => {
                    let mut numbers = value.split(' ').filter_map(|number| number.parse().ok());
                    let held = account.boxes.entry(name.into()).or_default();
                    (held.validity, held.next) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
                }
                (Some("mail"), Some(name), Some(uid)) => {
                    if let Ok(uid) = uid.parse() {
                        account.boxes.entry(name.into()).or_default().mails.insert(uid, value);
                    }
                }
                (Some("deleted"), Some(id), None) => _ = account.deleted.insert(id.into(), value.parse().unwrap_or(0)),
                _ => {}
            }
        }
        account
    }

    /// The number that the next mail of a mailbox has at least.
    pub(super) fn next(&self, name: &str) -> u32 {
        self.boxes.get(name).map_or(1, |held| held.next.max(1))
    }

    /// A mailbox was opened. Under another validity its numbers mean nothing any more: what it held is missing until it is
    /// found again.
    pub(super) async fn opened(&mut self, name: &str, validity: u32, outlet: &Outlet) -> Result<(), Broken> {
        let held = self.boxes.entry(name.into()).or_default();
        if held.validity == validity {
            return Ok(());
        }
        let before = std::mem::replace(held, Mailbox { validity, next: 1, mails: BTreeMap::new() });
        if before.mails.is_empty() {
            return Ok(());
        }
        // Under a name that no mailbox has, the old numbers wait until all was looked at.
        let old = format!("{name}{OLD}{}", before.validity);
        let mut notes: Vec<(Text, Option<Text>)> = vec![(box_key(name), Some(format!("{validity} 1").into()))];
        for (uid, id) in &before.mails {
            notes.push((mail_key(name, *uid), None));
            notes.push((mail_key(&old, *uid), Some(id.clone())));
        }
        self.boxes.insert(old, before);
        outlet.send(Batch { notes, ..Batch::default() }).await.map(drop)
    }

    /// Takes in mails of a mailbox, read or not.
    pub(super) async fn take(
        &mut self,
        name: &str,
        mails: Vec<(u32, Result<Change, Rejected>)>,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let held = self.boxes.entry(name.into()).or_default();
        let mut batch = Batch::default();
        for (uid, read) in mails {
            let id = match read {
                Ok(Change::Upsert(mut event)) => {
                    let id = event.external_id.clone();
                    event.revision = Some(self.deleted.get(&id).copied().unwrap_or(0));
                    batch.items.push(Item::Change(Change::Upsert(event)));
                    id
                }
                Ok(other) => {
                    batch.items.push(Item::Change(other));
                    "".into()
                }
                Err(reject) => {
                    batch.items.push(Item::Reject(reject));
                    "".into()
                }
            };
            held.next = held.next.max(uid.saturating_add(1));
            held.mails.insert(uid, id.clone());
            batch.notes.push((mail_key(name, uid), Some(id)));
        }
        if batch.notes.is_empty() {
            return Ok(());
        }
        batch.notes.push((box_key(name), Some(format!("{} {}", held.validity, held.next).into())));
        outlet.send(batch).await.map(drop)
    }

    /// The numbers of a mailbox that are noted and not there.
    pub(super) fn missing(&self, name: &str, there: &BTreeSet<u32>) -> BTreeSet<(String, u32)> {
        let held = self.boxes.get(name).into_iter().flat_map(|held| held.mails.keys());
        held.filter(|uid| !there.contains(uid)).map(|uid| (name.to_string(), *uid)).collect()
    }

    /// Lets go of numbers that are missing, and deletes the mails that are nowhere else. Unless there is one mailbox `alone`,
    /// only what was missing at the last look too: a mail that is moved may be seen to go before it is seen to come.
    pub(super) async fn settle(
        &mut self,
        mut missing: BTreeSet<(String, u32)>,
        alone: bool,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let old = self.boxes.iter().filter(|(name, _)| is_old(name));
        missing.extend(old.flat_map(|(name, held)| held.mails.keys().map(|uid| (name.clone(), *uid))));
        let before = std::mem::replace(&mut self.missing, missing.clone());
        let gone: Vec<(String, u32)> =
            missing.into_iter().filter(|one| alone || before.contains(one) || is_old(&one.0)).collect();
        let mut batch = Batch::default();
        let mut lost = BTreeSet::new();
        for (name, uid) in gone {
            let Some(held) = self.boxes.get_mut(&name) else { continue };
            lost.extend(held.mails.remove(&uid).filter(|id| !id.is_empty()));
            batch.notes.push((mail_key(&name, uid), None));
        }
        self.boxes.retain(|name, held| !is_old(name) || !held.mails.is_empty());
        let elsewhere = |id: &&Text| lost.contains(*id);
        let kept: BTreeSet<Text> =
            self.boxes.values().flat_map(|held| held.mails.values()).filter(elsewhere).cloned().collect();
        for id in lost.difference(&kept) {
            let times = self.deleted.entry(id.clone()).or_insert(0);
            let revision = Some(*times);
            *times += 1;
            batch.notes.push((format!("deleted{BETWEEN}{id}").into(), Some(times.to_string().into())));
            let (scope, source) = (self.scope.clone(), self.source.clone());
            batch.items.push(Item::Change(Change::Retract { scope, source, external_id: id.clone(), revision }));
        }
        if batch.notes.is_empty() { Ok(()) } else { outlet.send(batch).await.map(drop) }
    }
}

fn box_key(name: &str) -> Text {
    format!("box{BETWEEN}{name}").into()
}

fn mail_key(name: &str, uid: u32) -> Text {
    format!("mail{BETWEEN}{name}{BETWEEN}{uid}").into()
}

/// Whether a name is of numbers under a validity that is over.
fn is_old(name: &str) -> bool {
    name.contains(OLD)
}
