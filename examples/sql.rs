//! Memory in SQL: every table is there, and recall is a function of it.
//!
//! `cargo run --example sql`

use arrow::util::pretty::pretty_format_batches;
use nexus::{Go, IngestOptions, Nexus};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/history");
    let report = nexus.ingest(&[history.into()], &IngestOptions::default(), &mut |_| Go::On)?;
    println!("{} messages, {} facts", report.messages, report.facts.0);

    let memory = nexus.memory()?;
    for statement in [
        // Who works where.
        "SELECT e.name, f.object AS works_at FROM facts f JOIN entities e ON e.id = f.subject
         WHERE f.predicate = 'works_at' AND f.status = 'current' ORDER BY e.name",
        // How much was said where.
        "SELECT platform, count(*) AS messages FROM events GROUP BY platform ORDER BY platform",
        // What was said about a bakery.
        "SELECT author, text FROM recall('a bakery', 3)",
    ] {
        println!("{}", pretty_format_batches(&memory.sql(statement)?)?);
    }
    Ok(nexus.close()?)
}
