//! The derived tables: all that the graph computes. Each row's key is a hash of what makes it that row.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int16Array, Int64Array, RecordBatch, UInt16Array, UInt32Array};
use arrow_schema::{DataType, Field};

use super::{
    Table, batch, lists, number, optional_shown, optional_strings, optional_text, shown, strings, table, text, texts,
    time, times,
};
use crate::{
    AffectRow, Claim, Decision, Entity, EventId, EventRow, Evidence, Fact, Hash128, Held, MentionRow, Object, Passage,
    Pattern, Ranking, Salience, Watched,
};

/// A passage with its event and its place in the conversation, as the graph gives it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct PassageRow {
    /// The passage.
    pub passage: Passage,
    /// The event it is a piece of.
    pub event: Arc<EventRow>,
    /// The event before it in the same conversation.
    pub previous: Option<EventId>,
}

/// `passages`: pieces of text, each with what recall filters by.
pub struct PassagesTable;

impl PassagesTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("event"),
            number("ordinal", DataType::UInt32),
            number("start", DataType::UInt32),
            number("end", DataType::UInt32),
            text("text_hash"),
            text("text"),
            time("said_at", false),
            text("author"),
            text("platform"),
            text("channel"),
            optional_text("thread"),
            text("kind"),
            optional_text("previous"),
        ];
        table("passages", "id", true, fields)
    }

    /// Rows, each with its text, to columns.
    pub fn encode(rows: &[(PassageRow, crate::Text)]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(|(row, _)| row.passage.id)),
            strings(rows.iter().map(|(row, _)| &*row.passage.scope)),
            shown(rows.iter().map(|(row, _)| row.passage.event)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(row, _)| row.passage.ordinal))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(row, _)| row.passage.span.start))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(row, _)| row.passage.span.end))),
            shown(rows.iter().map(|(row, _)| row.passage.text)),
            strings(rows.iter().map(|(_, text)| &**text)),
            times(rows.iter().map(|(row, _)| Some(row.event.said_at))),
            strings(rows.iter().map(|(row, _)| &*row.event.author)),
            strings(rows.iter().map(|(row, _)| &*row.event.platform)),
            strings(rows.iter().map(|(row, _)| &*row.event.channel)),
            optional_strings(rows.iter().map(|(row, _)| row.event.thread.as_deref())),
            strings(rows.iter().map(|(row, _)| row.event.kind.name())),
            optional_shown(rows.iter().map(|(row, _)| row.previous)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `mentions`: what passages name, and who it is.
pub struct MentionsTable;

impl MentionsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("passage"),
            text("event"),
            number("start", DataType::UInt32),
            number("end", DataType::UInt32),
            text("kind"),
            text("name"),
            optional_text("entity"),
        ];
        table("mentions", "id", true, fields)
    }

    /// The key: where it is named and as what.
    pub fn key(row: &MentionRow) -> String {
        let place = [row.span.start.to_le_bytes(), row.span.end.to_le_bytes()].concat();
        Hash128::of("mention", &[&row.passage.0.to_bytes(), &place, row.kind.name().as_bytes(), row.name.as_bytes()])
            .to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[MentionRow]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            shown(rows.iter().map(|row| row.passage)),
            shown(rows.iter().map(|row| row.event)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.span.start))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.span.end))),
            strings(rows.iter().map(|row| row.kind.name())),
            strings(rows.iter().map(|row| &*row.name)),
            optional_shown(rows.iter().map(|row| row.entity)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `entities`: who is who.
pub struct EntitiesTable;

impl EntitiesTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("name"),
            text("kind"),
            texts("keys"),
            texts("aliases"),
            time("first_said_at", false),
        ];
        table("entities", "id", true, fields)
    }

    /// Rows to columns.
    pub fn encode(rows: &[Entity]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(|row| row.id)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.name)),
            strings(rows.iter().map(|row| &*row.kind)),
            lists(rows.iter().map(|row| row.keys.as_slice())),
            lists(rows.iter().map(|row| row.aliases.as_slice())),
            times(rows.iter().map(|row| Some(row.first_said_at))),
        ];
        batch(&Self::table(), columns)
    }
}

/// `evidence`: why two identity keys are held to be one person.
pub struct EvidenceTable;

impl EvidenceTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![text("id"), text("scope"), text("a"), text("b"), text("kind"), optional_text("event")];
        table("evidence", "id", true, fields)
    }

    /// The key: the two keys, and of which kind the evidence is.
    pub fn key(row: &Evidence) -> String {
        let parts = [&*row.scope, &*row.a, &*row.b, row.kind.name()];
        Hash128::of("evidence", &parts.map(str::as_bytes)).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Evidence]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.a)),
            strings(rows.iter().map(|row| &*row.b)),
            strings(rows.iter().map(|row| row.kind.name())),
            optional_shown(rows.iter().map(|row| row.event)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `claims`: what each passage says, grounded, by identity keys.
pub struct ClaimsTable;

impl ClaimsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            time("said_at", false),
            text("event"),
            text("passage"),
            number("start", DataType::UInt32),
            number("end", DataType::UInt32),
            text("source"),
            text("subject"),
            text("predicate"),
            optional_text("object"),
            optional_text("object_key"),
            text("further"),
            text("polarity"),
            text("aspect"),
            text("modality"),
            optional_text("reported_by"),
            text("tense"),
            time("valid_from", true),
            time("valid_to", true),
            number("confidence", DataType::UInt16),
        ];
        table("claims", "id", true, fields)
    }

    /// Rows to columns.
    pub fn encode<'a>(rows: impl Iterator<Item = &'a Claim> + Clone) -> RecordBatch {
        let value = |claim: &'a Claim| match &claim.object {
            Object::Value(value) => Some(&**value),
            Object::Key(_) => None,
        };
        let key = |claim: &'a Claim| match &claim.object {
            Object::Key(key) => Some(&**key),
            Object::Value(_) => None,
        };
        let columns: Vec<ArrayRef> = vec![
            shown(rows.clone().map(|row| row.id)),
            strings(rows.clone().map(|row| &*row.scope)),
            times(rows.clone().map(|row| Some(row.said_at))),
            shown(rows.clone().map(|row| row.event)),
            shown(rows.clone().map(|row| row.passage)),
            Arc::new(UInt32Array::from_iter_values(rows.clone().map(|row| row.span.start))),
            Arc::new(UInt32Array::from_iter_values(rows.clone().map(|row| row.span.end))),
            strings(rows.clone().map(|row| &*row.source)),
            strings(rows.clone().map(|row| &*row.subject)),
            strings(rows.clone().map(|row| &*row.predicate)),
            optional_strings(rows.clone().map(value)),
            optional_strings(rows.clone().map(key)),
            strings(rows.clone().map(|row| &*row.further)),
            strings(rows.clone().map(|row| row.polarity.name())),
            strings(rows.clone().map(|row| row.aspect.name())),
            strings(rows.clone().map(|row| row.modality.name())),
            optional_strings(rows.clone().map(|row| row.reported_by.as_deref())),
            strings(rows.clone().map(|row| row.tense.name())),
            times(rows.clone().map(|row| row.valid_from)),
            times(rows.clone().map(|row| row.valid_to)),
            Arc::new(UInt16Array::from_iter_values(rows.map(|row| row.confidence))),
        ];
        batch(&Self::table(), columns)
    }
}

/// `decisions`: what consolidation did with each claim, and why.
pub struct DecisionsTable;

impl DecisionsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("claim"),
            text("scope"),
            time("said_at", false),
            text("action"),
            optional_text("fact"),
            optional_text("replaced"),
            text("reason"),
        ];
        table("decisions", "claim", true, fields)
    }

    /// Rows to columns.
    pub fn encode(rows: &[Decision]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(|row| row.claim)),
            strings(rows.iter().map(|row| &*row.scope)),
            times(rows.iter().map(|row| Some(row.said_at))),
            strings(rows.iter().map(|row| row.action.name())),
            optional_shown(rows.iter().map(|row| row.fact)),
            optional_shown(rows.iter().map(|row| row.replaced)),
            strings(rows.iter().map(|row| &*row.reason)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `facts`: what memory holds and held, one row per version.
pub struct FactsTable;

impl FactsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("version"),
            text("id"),
            text("scope"),
            text("subject"),
            text("predicate"),
            optional_text("object"),
            optional_text("object_entity"),
            time("valid_from", true),
            time("valid_to", true),
            time("known_from", false),
            time("known_to", true),
            number("confidence", DataType::UInt16),
            number("support", DataType::UInt32),
            text("status"),
            optional_text("ended_by"),
        ];
        table("facts", "version", true, fields)
    }

    /// The key: the fact and since when this version of it was held.
    pub fn key(row: &Fact) -> String {
        Hash128::of("fact version", &[&row.id.0.to_bytes(), &row.known_from.to_le_bytes()]).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Fact]) -> RecordBatch {
        let value = |row: &Fact| match &row.object {
            Held::Value(value) => Some(value.clone()),
            Held::Entity(_) => None,
        };
        let entity = |row: &Fact| match &row.object {
            Held::Entity(entity) => Some(*entity),
            Held::Value(_) => None,
        };
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            shown(rows.iter().map(|row| row.id)),
            strings(rows.iter().map(|row| &*row.scope)),
            shown(rows.iter().map(|row| row.subject)),
            strings(rows.iter().map(|row| &*row.predicate)),
            optional_strings(rows.iter().map(value)),
            optional_shown(rows.iter().map(entity)),
            times(rows.iter().map(|row| row.valid_from)),
            times(rows.iter().map(|row| row.valid_to)),
            times(rows.iter().map(|row| Some(row.known_from))),
            times(rows.iter().map(|row| row.known_to)),
            Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.confidence))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.support))),
            strings(rows.iter().map(|row| row.status.name())),
            optional_shown(rows.iter().map(|row| row.ended_by)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `salience`: how much events and entities matter.
pub struct SalienceTable;

impl SalienceTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![text("id"), text("scope"), text("kind"), text("target"), number("score", DataType::Int64)];
        table("salience", "id", true, fields)
    }

    /// The key: what it is the salience of.
    pub fn key(row: &Salience) -> String {
        Hash128::of("salience", &[row.kind.as_bytes(), &row.target.to_bytes()]).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Salience]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.kind)),
            shown(rows.iter().map(|row| row.target)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        batch(&Self::table(), columns)
    }
}

/// `rankings`: the most salient events about each entity.
pub struct RankingsTable;

impl RankingsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("entity"),
            number("rank", DataType::UInt32),
            text("event"),
            number("score", DataType::Int64),
        ];
        table("rankings", "id", true, fields)
    }

    /// The key: the place in the ranking.
    pub fn key(row: &Ranking) -> String {
        Hash128::of("ranking", &[&row.entity.0.to_bytes(), &row.rank.to_le_bytes()]).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Ranking]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            shown(rows.iter().map(|row| row.entity)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.rank))),
            shown(rows.iter().map(|row| row.event)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        batch(&Self::table(), columns)
    }
}

/// `watched`: the kept rankings of watched questions.
pub struct WatchedTable;

impl WatchedTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("question"),
            number("rank", DataType::UInt32),
            text("passage"),
            text("event"),
            time("said_at", false),
            number("score", DataType::Int64),
        ];
        table("watched", "id", true, fields)
    }

    /// The key: the place in the ranking.
    pub fn key(row: &Watched) -> String {
        let place = row.rank.to_le_bytes();
        Hash128::of("watched", &[row.scope.as_bytes(), row.question.as_bytes(), &place]).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Watched]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.question)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.rank))),
            shown(rows.iter().map(|row| row.passage)),
            shown(rows.iter().map(|row| row.event)),
            times(rows.iter().map(|row| Some(row.said_at))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        batch(&Self::table(), columns)
    }
}

/// `affects`: what events feel like.
pub struct AffectsTable;

impl AffectsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("event"),
            text("scope"),
            number("valence", DataType::Int16),
            number("confidence", DataType::UInt16),
            text("signals"),
        ];
        table("affects", "event", true, fields)
    }

    /// Rows to columns.
    pub fn encode(rows: &[AffectRow]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(|row| row.event)),
            strings(rows.iter().map(|row| &*row.scope)),
            Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.valence))),
            Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.confidence))),
            strings(rows.iter().map(|row| &*row.signals)),
        ];
        batch(&Self::table(), columns)
    }
}

/// `patterns`: how the moods of people and threads go, and when they turn.
pub struct PatternsTable;

impl PatternsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("kind"),
            text("about"),
            text("target"),
            time("at", false),
            number("messages", DataType::UInt32),
            number("valence", DataType::Int16),
            Field::new("before", DataType::Int16, true),
        ];
        table("patterns", "id", true, fields)
    }

    /// The key: of whom, of which kind, and when.
    pub fn key(row: &Pattern) -> String {
        let parts = [&row.scope, &row.kind, &row.about, &row.target].map(|part| part.as_bytes());
        let at = row.at.to_le_bytes();
        Hash128::of("pattern", &[parts.as_slice(), &[&at]].concat()).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Pattern]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.kind)),
            strings(rows.iter().map(|row| &*row.about)),
            strings(rows.iter().map(|row| &*row.target)),
            times(rows.iter().map(|row| Some(row.at))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.messages))),
            Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.valence))),
            Arc::new(Int16Array::from_iter(rows.iter().map(|row| row.before))),
        ];
        batch(&Self::table(), columns)
    }
}
