//! `nexus ingest`: whole inputs, with progress, and a way to stop that loses nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nexus::connectors::{Reader, open_reader};
use nexus::{Error, Go, IngestOptions, IngestReport, Progress, Settings};

use crate::args::Ingest;
use crate::failure::{Outcome, Result};
use crate::place::Place;
use crate::print::{Out, count, number};

pub(crate) fn ingest(place: &Place, out: &Out, asked: Ingest) -> Result {
    let text = |value: &Option<String>| value.as_deref().map(Into::into);
    let options = IngestOptions {
        source: text(&asked.source),
        platform: text(&asked.platform),
        channel: text(&asked.channel),
        format: asked.format,
        whole: asked.whole,
        time_zone: text(&asked.time_zone),
        answer_all: true,
    };
    let mut nexus = place.write_with(Settings { embed: !asked.no_embed, ..Settings::default() })?;
    let stop = stop_on_ctrl_c(out, out.json);
    let bar = out.progress();
    let mut watch = |progress: &Progress| {
        bar.told(progress);
        if stop.load(Ordering::Relaxed) { Go::Stop } else { Go::On }
    };
    let (streams, paths): (Vec<_>, Vec<_>) = asked.paths.into_iter().partition(|path| path == Path::new("-"));
    let mut reports = Vec::new();
    if !paths.is_empty() {
        reports.push(nexus.ingest(&paths, &options, &mut watch)?);
    }
    if !streams.is_empty() {
        let reader: Reader = place.stdin();
        let source = open_reader("standard input", reader, &nexus.connector_options(&options));
        let source = source.map_err(|error| Error::argument(error.to_string()))?;
        reports.push(nexus.ingest_source("standard input", source, &options, &mut watch)?);
    }
    bar.finish();
    nexus.close()?;
    let report = sum(reports);
    print(out, &report)?;
    let nothing = report.messages == 0 && report.rejects > 0;
    Ok(if report.stopped { Outcome::Stopped } else { Outcome::found(!nothing) })
}

/// How many reasons for rejects are shown; the table has them all.
const REASONS_SHOWN: usize = 3;

fn sum(reports: Vec<IngestReport>) -> IngestReport {
    let mut total = IngestReport::default();
    for report in reports {
        total.inputs += report.inputs;
        total.messages += report.messages;
        total.added += report.added;
        total.changed += report.changed;
        total.deleted += report.deleted;
        total.unchanged += report.unchanged;
        total.rejects += report.rejects;
        for (reason, times) in report.reasons {
            *total.reasons.entry(reason).or_default() += times;
        }
        total.facts.0 += report.facts.0;
        total.facts.1 += report.facts.1;
        total.open_asks = report.open_asks;
        total.millis += report.millis;
        total.stopped |= report.stopped;
    }
    total
}

/// The counts, in the last line: everything that was read is in one of them.
fn print(out: &Out, report: &IngestReport) -> Result<()> {
    if out.json {
        return out.value(report);
    }
    if report.open_asks > 0 {
        out.hint(&format!(
            "{} still wait for a model; the next write goes on with them",
            count(report.open_asks, "text")
        ));
    }
    if report.rejects > 0 {
        let mut reasons: Vec<(&String, &usize)> = report.reasons.iter().collect();
        reasons.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        for (reason, times) in reasons.into_iter().take(REASONS_SHOWN) {
            out.hint(&format!("{} rejected: {reason}", number(*times as u64)));
        }
        out.hint("What could not be read, and where: nexus sql 'SELECT file, position, reason FROM rejects'");
    }
    if report.stopped {
        out.hint("Stopped; all that is counted here is kept. To go on: the same command again.");
    }
    let seconds = report.millis as f64 / 1000.0;
    let rate = report.messages as f64 / seconds.max(0.001);
    out.line(&format!(
        "{}, {}: {} added, {} edited, {} deleted, {} unchanged, {} rejected; facts +{} -{}; {seconds:.1} s, {}/s",
        count(report.inputs, "input"),
        count(report.messages as usize, "message"),
        number(report.added as u64),
        number(report.changed as u64),
        number(report.deleted as u64),
        number(report.unchanged as u64),
        number(report.rejects as u64),
        number(report.facts.0 as u64),
        number(report.facts.1 as u64),
        number(rate as u64),
    ))
}

/// A flag that ctrl-C sets, or that whoever typed the command has gone; a second ctrl-C ends the process at once, which loses nothing that was acknowledged.
pub(crate) fn stop_on_ctrl_c(out: &Out, quiet: bool) -> Arc<AtomicBool> {
    if let Some(gone) = out.gone() {
        return gone;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                if !quiet {
                    use std::io::Write;
                    let _ = writeln!(std::io::stderr(), "\nfinishing what is at hand; ctrl-C again to stop at once");
                }
            }
        });
    });
    stop
}
