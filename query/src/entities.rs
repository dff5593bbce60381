//! The scope's entities and the look-up of names: who is meant by "Anna".
//!
//! A name fits, in this order and by the first that finds anybody: a name, alias, key or its last part, in any case; the
//! beginning of an id; a word of a name ("Anna" for Anna Kowalska); the beginning of one name only. Reading is linear in
//! the entities, once per reader.

use std::collections::{BTreeMap, BTreeSet};

use nexus_storage::Snapshot;
use nexus_types::Millis;
use nexus_types::entity::key_label;
use serde::Serialize;

use crate::error::{QueryError, Result};
use crate::rows::{Rows, texts};

/// The fewest digits of an id that are taken for one.
const ID_PREFIX_MIN: usize = 4;
/// The most candidates an error lists.
const LISTED_MAX: usize = 12;

/// Somebody memory knows, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityRow {
    /// Its id.
    pub id: String,
    /// How to call it.
    pub name: String,
    /// `person`, or `me`.
    pub kind: String,
    /// Its identity keys.
    pub keys: Vec<String>,
    /// Every name it goes by.
    pub aliases: Vec<String>,
    /// When it first appeared.
    pub first_said_at: Millis,
}

impl EntityRow {
    /// What tells it apart from others of the same name: its name and its first key.
    fn told_apart(&self) -> String {
        format!("{} ({})", self.name, self.keys.first().map_or(self.id.as_str(), String::as_str))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// All entities of a scope, by id and by name.
pub(crate) struct Entities {
    by_id: BTreeMap<String, EntityRow>,
    by_name: BTreeMap<String, BTreeSet<String>>,
    by_word: BTreeMap<String, BTreeSet<String>>,
}

/// Reads the entities of the scope that `mine` filters by.
pub(crate) async fn read(snapshot: &Snapshot, mine: &str) -> Result<Entities> {
    let mut rows = Vec::new();
    for batch in snapshot.scan("entities", None, Some(mine)).await? {
        let batch = Rows(&batch);
        let (id, name, kind) = (batch.text("id")?, batch.text("name")?, batch.text("kind")?);
        let (keys, aliases, first) = (batch.list("keys")?, batch.list("aliases")?, batch.time("first_said_at")?);
        rows.extend((0..batch.len()).map(|at| EntityRow {
            id: id.value(at).into(),
            name: name.value(at).into(),
            kind: kind.value(at).into(),
            keys: texts(&keys, at),
            aliases: texts(&aliases, at),
            first_said_at: first.value(at),
        }));
    }
    Ok(Entities::of(rows))
}

impl Entities {
    fn of(rows: Vec<EntityRow>) -> Self {
        let mut by_name: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut by_word: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            let keys = row.keys.iter().flat_map(|key| [key.as_str(), key_label(key)]);
            let me = (row.kind == "me").then_some("me");
            for name in row.names().chain(keys).chain(me) {
                by_name.entry(name.trim().to_lowercase()).or_default().insert(row.id.clone());
            }
            for word in row.names().flat_map(str::split_whitespace) {
                by_word.entry(word.to_lowercase()).or_default().insert(row.id.clone());
            }
        }
        Entities { by_id: rows.into_iter().map(|row| (row.id.clone(), row)).collect(), by_name, by_word }
    }

    /// What the entity of that id is called; the id itself, if there is none.
    pub(crate) fn name(&self, id: &str) -> String {
        self.get(id).map_or_else(|| id.to_owned(), |row| row.name.clone())
    }

    /// The entity of that id.
    pub(crate) fn get(&self, id: &str) -> Option<&EntityRow> {
        self.by_id.get(id)
    }

    /// Everybody whose name, alias or key is exactly this, in lower case.
    pub(crate) fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a EntityRow> + use<'a> {
        self.by_name.get(name).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// Everybody called so, by the whole of a name or a word of one, each once.
    pub(crate) fn called(&self, name: &str) -> Vec<&EntityRow> {
        let by_word = self.by_word.get(name).into_iter().flatten().filter_map(|id| self.by_id.get(id));
        let mut found: Vec<&EntityRow> = self.named(name).chain(by_word).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        found
    }

    /// Everybody a name fits: first those whose whole name it is, each in the order of their names. Nobody is an error that lists who comes close.
    pub(crate) fn fitting(&self, name: &str) -> Result<Vec<&EntityRow>> {
        let wanted = name.trim().trim_start_matches('@').to_lowercase();
        let mut found = self.called(&wanted);
        if found.is_empty() && wanted.len() >= ID_PREFIX_MIN && wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            found = self
                .by_id
                .range(wanted.clone()..)
                .map_while(|(id, row)| id.starts_with(&wanted).then_some(row))
                .collect();
        }
        if found.is_empty() {
            found = self.starting_with(name, &wanted)?;
        }
        let whole: BTreeSet<&String> = self.named(&wanted).map(|row| &row.id).collect();
        found.sort_by_key(|row| (!whole.contains(&row.id), &row.name, &row.id));
        Ok(found)
    }

    /// The one that a name fits, the whole of a name before a word of one; several are an error that lists them.
    pub(crate) fn the(&self, name: &str) -> Result<&EntityRow> {
        let whole = name.trim().trim_start_matches('@').to_lowercase();
        let mut exact = self.named(&whole);
        if let (Some(one), None) = (exact.next(), exact.next()) {
            return Ok(one);
        }
        match self.fitting(name)?.as_slice() {
            [one] => Ok(one),
            many => Err(ambiguous(name, many)),
        }
    }

    fn starting_with(&self, name: &str, wanted: &str) -> Result<Vec<&EntityRow>> {
        let near: BTreeSet<&String> = match wanted.is_empty() {
            true => BTreeSet::new(),
            false => {
                let names = self.by_name.range(wanted.to_string()..).take_while(|(name, _)| name.starts_with(wanted));
                names.flat_map(|(_, ids)| ids).collect()
            }
        };
        let near: Vec<&EntityRow> = near.into_iter().filter_map(|id| self.by_id.get(id)).collect();
        match near.len() {
            0 => Err(QueryError::NotFound(format!("memory knows nobody called {name:?}{}", self.suggestions(wanted)))),
            1 => Ok(near),
            _ => Err(ambiguous(name, &near)),
        }
    }

    fn suggestions(&self, wanted: &str) -> String {
        let holds =
            |row: &&EntityRow| !wanted.is_empty() && row.names().any(|name| name.to_lowercase().contains(wanted));
        let names: Vec<&str> =
            self.by_id.values().filter(holds).map(|row| row.name.as_str()).take(LISTED_MAX).collect();
        if names.is_empty() { String::new() } else { format!("; names that contain it: {}", names.join(", ")) }
    }
}

fn ambiguous(name: &str, rows: &[&EntityRow]) -> QueryError {
    let mut candidates: Vec<String> = rows.iter().map(|row| row.told_apart()).collect();
    candidates.sort();
    if candidates.len() > LISTED_MAX {
        let more = candidates.len() - LISTED_MAX;
        candidates.truncate(LISTED_MAX);
        candidates.push(format!("and {more} more"));
    }
    QueryError::Ambiguous { what: "the name", name: name.into(), candidates }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(id: &str, name: &str, keys: &[&str], aliases: &[&str]) -> EntityRow {
        let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
        let (id, name, kind) = (format!("{id:0<32}"), name.into(), "person".into());
        EntityRow { id, name, kind, keys: texts(keys), aliases: texts(aliases), first_said_at: 0 }
    }

    fn people() -> Entities {
        Entities::of(vec![
            row("aa01", "Anna Kowalska", &["account:irc/anna", "mail:anna@example.org"], &["Anna", "anna"]),
            row("aa02", "Anna", &["account:slack/anna"], &["anna"]),
            row("bb03", "Bob O'Neil", &["account:irc/bob"], &["bob", "Bob O'Neil"]),
        ])
    }

    fn names(people: &Entities, name: &str) -> Vec<String> {
        people.fitting(name).unwrap().iter().map(|row| row.name.clone()).collect()
    }

    #[test]
    fn names_fit_in_order() {
        let people = people();
        assert_eq!(names(&people, "ANNA"), ["Anna", "Anna Kowalska"]);
        assert_eq!(names(&people, "@bob"), ["Bob O'Neil"]);
        assert_eq!(names(&people, "mail:anna@example.org"), ["Anna Kowalska"]);
        assert_eq!(names(&people, "aa02"), ["Anna"]);
        assert_eq!(names(&people, "kowalska"), ["Anna Kowalska"]);
        assert_eq!(names(&people, "anna k"), ["Anna Kowalska"]);
        assert_eq!(names(&people, "bob o'"), ["Bob O'Neil"]);
    }

    #[test]
    fn nobody_and_several_are_told() {
        let people = people();
        assert!(people.fitting("zoe").is_err() && people.fitting("").is_err());
        assert!(people.fitting("kowal").unwrap_err().to_string().contains("Anna Kowalska"));
        let said = people.the("anna").unwrap_err().to_string();
        assert!(said.contains("Anna (account:slack/anna); Anna Kowalska (account:irc/anna)"), "{said}");
    }
}
