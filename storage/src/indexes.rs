//! Indexes: which column of which table has one, of what kind, and how it is built and extended.
//!
//! An index covers the fragments there were when it was last extended; newer ones are read directly. Extending adds a
//! segment over the new fragments; when there are many segments they are merged into one.

use lance::dataset::Dataset;
use lance::index::DatasetIndexExt;
use lance_index::IndexType;
use lance_index::optimize::OptimizeOptions;
use lance_index::scalar::{BuiltinIndexType, InvertedIndexParams, ScalarIndexParams};

use crate::settings::Settings;

/// More segments than this are merged into one.
const SEGMENTS_MAX: usize = 8;
/// Memory for building a text index.
const TEXT_INDEX_MIB: u64 = 256;

/// Kinds of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ordered: equality and ranges.
    Ordered,
    /// A bitmap per value: for columns of few values.
    Values,
    /// Words.
    Words,
}

/// One index that a table should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) column: &'static str,
    pub(crate) kind: Kind,
}

/// What each table is read by besides its key.
const BY_TABLE: &[(&str, &[(&str, Kind)])] = &[
    ("events", &[("scope", Kind::Values), ("reply_to", Kind::Ordered), ("said_at", Kind::Ordered)]),
    (
        "passages",
        &[
            ("text", Kind::Words),
            ("scope", Kind::Values),
            ("event", Kind::Ordered),
            ("previous", Kind::Ordered),
            ("text_hash", Kind::Ordered),
        ],
    ),
    ("mentions", &[("event", Kind::Ordered), ("entity", Kind::Ordered)]),
    ("claims", &[("event", Kind::Ordered), ("subject", Kind::Ordered)]),
    ("decisions", &[("fact", Kind::Ordered)]),
    ("facts", &[("scope", Kind::Values), ("id", Kind::Ordered), ("subject", Kind::Ordered)]),
    ("salience", &[("target", Kind::Ordered)]),
    ("rankings", &[("entity", Kind::Ordered)]),
    ("evidence", &[("a", Kind::Ordered)]),
    ("patterns", &[("target", Kind::Ordered)]),
];

/// The indexes that a table has from its first row on: until there is one, Lance would not know how text becomes words.
pub(crate) fn at_birth(name: &str) -> Vec<Wanted> {
    listed(name).filter(|index| index.kind == Kind::Words).collect()
}

/// The indexes that a table of this name and size should have.
pub(crate) fn wanted(name: &str, key: &str, rows: u64, settings: &Settings) -> Vec<Wanted> {
    let mut wanted = at_birth(name);
    if rows >= settings.index_rows_min {
        // Only known key columns can be named for the life of the program; all tables have one of these.
        let keys = ["id", "ask", "text_hash", "claim", "version"].into_iter().filter(|known| *known == key);
        wanted.extend(keys.map(|column| Wanted { column, kind: Kind::Ordered }));
        wanted.extend(listed(name).filter(|index| index.kind != Kind::Words));
    }
    wanted
}

fn listed(name: &str) -> impl Iterator<Item = Wanted> {
    let columns = BY_TABLE.iter().filter(move |(table, _)| *table == name).flat_map(|(_, columns)| columns.iter());
    columns.map(|&(column, kind)| Wanted { column, kind })
}

/// How an index stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) segments: usize,
    pub(crate) unindexed_rows: u64,
}

impl Wanted {
    pub(crate) fn name(&self) -> String {
        format!("{}_index", self.column)
    }

    /// How the index stands in this version of the table; no segments if it is not there.
    pub(crate) async fn standing(&self, table: &Dataset) -> lance::Result<Standing> {
        let segments = table.load_indices_by_name(&self.name()).await?;
        let covered = |id: u64| {
            segments.iter().any(|one| one.fragment_bitmap.as_ref().is_some_and(|bitmap| bitmap.contains(id as u32)))
        };
        let open = table.fragments().iter().filter(|fragment| !covered(fragment.id));
        let unindexed_rows = open.map(|fragment| fragment.num_rows().unwrap_or_default() as u64).sum();
        Ok(Standing { segments: segments.len(), unindexed_rows })
    }

    /// Builds the index over all rows.
    pub(crate) async fn create(&self, table: &mut Dataset) -> lance::Result<()> {
        let (name, columns) = (Some(self.name()), [self.column]);
        match self.kind {
            Kind::Ordered => {
                table.create_index(&columns, IndexType::BTree, name, &ScalarIndexParams::default(), true).await?;
            }
            Kind::Values => {
                let params = ScalarIndexParams::for_builtin(BuiltinIndexType::Bitmap);
                table.create_index(&columns, IndexType::Bitmap, name, &params, true).await?;
            }
            Kind::Words => {
                let params = words();
                table.create_index(&columns, IndexType::Inverted, name, &params, true).await?;
            }
        }
        Ok(())
    }

    /// Brings the rows since the last time into the index.
    pub(crate) async fn extend(&self, table: &mut Dataset, segments: usize) -> lance::Result<()> {
        let options =
            if segments >= SEGMENTS_MAX { OptimizeOptions::merge(segments) } else { OptimizeOptions::append() };
        table.optimize_indices(&options.index_names(vec![self.name()])).await
    }
}

/// How text becomes words: split at what is no letter or digit, lower case, accents off, English stems; every word counts.
fn words() -> InvertedIndexParams {
    InvertedIndexParams::default()
        .base_tokenizer("simple".to_string())
        .lower_case(true)
        .ascii_folding(true)
        .stem(true)
        .remove_stop_words(false)
        .with_position(false)
        .memory_limit_mb(TEXT_INDEX_MIB)
        .num_workers(1)
}
