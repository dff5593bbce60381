//! Archives: one portable file of a scope's inputs.
//!
//! JSON lines: a head that names the format, one line per event (tombstones included, so that what was deleted or
//! forgotten stays so elsewhere) and, if asked for, per policy row, and an end with the count and a checksum chained over
//! every line. Importing is admission: the greater version of each event wins, as if both histories had been ingested.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use nexus_types::id::Hash128;
use nexus_types::tables::EventRecord;
use nexus_types::{Policy, PolicyRow, Scope};
use serde::{Deserialize, Serialize};

use crate::admit::Record;
use crate::engine::Engine;
use crate::writer::Nexus;
use crate::{Error, ErrorKind, Memory, Result};

/// The version of the archive's format.
const ARCHIVE_VERSION: u32 = 1;
/// Events admitted as one epoch.
const EVENTS_PER_EPOCH: usize = 20_000;

/// What an export or import carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// Events, tombstones included.
    pub events: u64,
    /// Of these, new to the store (import only).
    pub news: u64,
    /// Policy rows.
    pub policy: u64,
}

/// One line of an archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line.
    NexusArchive { version: u32, scope: Scope },
    /// An event or its tombstone.
    Event(Box<EventRecord>),
    /// A policy row.
    Policy(Policy),
    /// The last line.
    End { lines: u64, checksum: Hash128 },
}

/// A checksum chained over lines.
#[derive(Clone, Copy, Default)]
struct Chain {
    lines: u64,
    checksum: Hash128,
}

impl Chain {
    fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.checksum = Hash128::of("archive", &[&self.checksum.to_bytes(), line]);
    }
}

impl Memory {
    /// Writes the scope's events, and on request its policy, to a new file.
    pub fn export(&self, path: &Path, policy: bool) -> Result<ExportReport> {
        let file =
            File::create_new(path).map_err(|error| Error::io(format!("the archive {}", path.display()), error))?;
        let written = self.write_archive(BufWriter::new(&file), policy);
        let synced = written.and_then(|report| {
            file.sync_all().map_err(|error| Error::io(format!("the archive {}", path.display()), error))?;
            Ok(report)
        });
        if synced.is_err() {
            // Half an archive must not be taken for a whole one; the error that stopped it is the one to show.
            let _ = std::fs::remove_file(path);
        }
        synced
    }

    fn write_archive(&self, mut out: impl Write, policy: bool) -> Result<ExportReport> {
        let (mut chain, mut report) = (Chain::default(), ExportReport::default());
        let mut put = |line: &Line| -> Result<()> {
            let mut bytes = serde_json::to_vec(line).map_err(Error::internal)?;
            chain.add(&bytes);
            bytes.push(b'\n');
            out.write_all(&bytes).map_err(|error| Error::io("the archive", error))
        };
        put(&Line::NexusArchive { version: ARCHIVE_VERSION, scope: self.scope().into() })?;
        self.each_event(|record| {
            report.events += 1;
            put(&Line::Event(Box::new(record)))
        })?;
        if policy {
            for row in self.policy_rows()? {
                report.policy += 1;
                put(&Line::Policy(row.policy))?;
            }
        }
        let end = Line::End { lines: chain.lines, checksum: chain.checksum };
        let bytes = serde_json::to_vec(&end).map_err(Error::internal)?;
        out.write_all(&bytes)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(|error| Error::io("the archive", error))?;
        Ok(report)
    }
}

impl Nexus {
    /// Takes in an archive, into this scope. It is checked whole before anything of it is taken in.
    pub fn import(&mut self, path: &Path) -> Result<ExportReport> {
        each_line(path, |_| Ok(()))?;
        let scope = self.scope().clone();
        self.engine.ensure_scope(&scope)?;
        self.engine.whole(|engine| {
            let done = engine.import(path, &scope);
            // What was raised and not acknowledged would be no news to the next import.
            engine.unless_failed(done)
        })
    }
}

impl Engine {
    fn import(&mut self, path: &Path, scope: &Scope) -> Result<ExportReport> {
        let (mut report, mut events, mut policy) = (ExportReport::default(), Vec::new(), Vec::new());
        each_line(path, |line| {
            match line {
                Line::Event(record) => {
                    report.events += 1;
                    let record = rescoped(*record, scope);
                    if self.heads.raise(&record) {
                        report.news += 1;
                        events.push(record);
                    }
                }
                Line::Policy(row) => {
                    report.policy += 1;
                    policy.push(PolicyRow { scope: scope.clone(), policy: row });
                }
                Line::NexusArchive { .. } | Line::End { .. } => {}
            }
            if events.len() >= EVENTS_PER_EPOCH {
                self.acknowledge(vec![Record::Events(std::mem::take(&mut events))])?;
                self.turn()?;
            }
            Ok(())
        })?;
        self.acknowledge(vec![Record::Events(events), Record::Policy { added: policy, removed: Vec::new() }])?;
        self.turn()?;
        Ok(report)
    }
}

/// An event as it is in another scope: ids are made of the scope's name too.
fn rescoped(mut record: EventRecord, scope: &Scope) -> EventRecord {
    if record.scope != *scope {
        record.scope = scope.clone();
        if let Some(event) = &mut record.event {
            event.scope = scope.clone();
            record.id = event.id();
        }
    }
    record
}

/// Reads an archive line by line; an error names the line. The checksum is checked at the end.
fn each_line(path: &Path, mut visit: impl FnMut(Line) -> Result<()>) -> Result<()> {
    let name = path.display();
    let file = File::open(path).map_err(|error| Error::io(format!("the archive {name}"), error))?;
    let damaged = |what: String| {
        Error::new(ErrorKind::Corrupt, format!("the archive {name} {what}; export it again. Nothing was taken in"))
    };
    let (mut chain, mut ended) = (Chain::default(), false);
    for (at, line) in BufReader::new(file).split(b'\n').enumerate() {
        let bytes = line.map_err(|error| Error::io(format!("the archive {name}"), error))?;
        let line: Line = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("cannot be read at line {}: {error}", at + 1)))?;
        match &line {
            Line::NexusArchive { version, .. } if *version != ARCHIVE_VERSION => {
                return Err(Error::new(
                    ErrorKind::Format,
                    format!("the archive {name} has format {version}; this Nexus reads {ARCHIVE_VERSION}"),
                ));
            }
            Line::End { lines, checksum } => {
                if *lines != chain.lines || *checksum != chain.checksum {
                    return Err(damaged("does not have the checksum it names".into()));
                }
                ended = true;
            }
            _ if ended => return Err(damaged("goes on after its end".into())),
            _ => chain.add(&bytes),
        }
        if at == 0 && !matches!(line, Line::NexusArchive { .. }) {
            return Err(damaged("does not begin like one".into()));
        }
        visit(line)?;
    }
    if ended { Ok(()) } else { Err(damaged("has no end: it is cut off".into())) }
}
