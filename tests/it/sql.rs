//! SQL over the sample history: every statement of `tests/slt/*.slt`, which are those that docs/sql.md shows.

use std::path::Path;

use nexus::{Go, IngestOptions, Memory};
use sqllogictest::{DBOutput, DefaultColumnType, Runner};

use crate::support::open;

struct Sql<'a>(&'a Memory);

impl sqllogictest::DB for Sql<'_> {
    type Error = nexus::Error;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, statement: &str) -> Result<DBOutput<DefaultColumnType>, nexus::Error> {
        let batches = self.0.sql(statement)?;
        let options = arrow::util::display::FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in &batches {
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                .collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let shown = columns.iter().map(|column| column.value(row).to_string());
                shown.map(|value| if value.is_empty() { "(empty)".into() } else { value }).collect()
            }));
        }
        let types = vec![DefaultColumnType::Any; batches.first().map_or(0, |batch| batch.num_columns())];
        Ok(DBOutput::Rows { types, rows })
    }
}

#[test]
fn every_documented_statement_gives_what_it_says() {
    let root = Path::new(".");
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    let history = root.join("examples/data/history");
    nexus.ingest(&[history], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    let memory = nexus.memory().unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("tests/slt")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "slt")) {
        let mut runner = Runner::new(|| async { Ok(Sql(&memory)) });
        if std::env::var_os("NEXUS_UPDATE_SLT").is_some() {
            let update = runner.update_test_file(
                &file,
                " ",
                sqllogictest::default_validator,
                sqllogictest::default_normalizer,
                sqllogictest::default_column_validator,
            );
            futures::executor::block_on(update).unwrap();
        } else if let Err(error) = runner.run_file(&file) {
            panic!("{error}\nTo take the new results over: NEXUS_UPDATE_SLT=1 cargo test --test it sql::");
        }
    }
}
