//! `nexus run`: follows feeds until ctrl-C or SIGTERM; SIGHUP reads the configuration again.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use nexus::{Control, FeedRun, FeedState, FeedsConfig, Settings, Told};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Outcome, Result};
use crate::place::Place;
use crate::print::{Out, Sheet, Tone, number};
use crate::relay;

/// So much of what is told waits to be printed; the rest is not.
const TOLD_MAX: usize = 1_000;

pub(crate) fn run(place: &Place, out: &Out, config: &Path, check: bool) -> Result {
    let feeds = FeedsConfig::read(config, &place.scope.as_str().into())?;
    if check {
        return checked(out, &feeds);
    }
    let run = FeedRun::new(feeds);
    // Before the store is opened, which takes a while where it is large.
    steer(run.control(), config.to_path_buf(), place.scope.clone());
    let mut nexus = place.write_with(Settings::default())?;
    let relay = relay::listen(place, run.control());
    if let Err(error) = &relay {
        out.hint(&format!("other commands cannot write while this runs: no socket in the store: {error}"));
    }
    if !out.json {
        out.hint("Following; ctrl-C ends, SIGHUP reads the configuration again.");
    }
    // Printed by a thread of its own: who does not read, or reads slowly, holds up nothing, and does not end the run.
    let followed = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Told>(TOLD_MAX);
        scope.spawn(move || receiver.into_iter().for_each(|told| drop(tell(out, &told))));
        run.follow(&mut nexus, &mut |told| drop(sender.try_send(told.clone())))
    });
    drop(relay);
    let health = followed?;
    nexus.close()?;
    if out.json {
        out.value(&health)?;
        return Ok(Outcome::Done);
    }
    let mut sheet =
        Sheet::new(&["feed", "messages", "news", "rejected"], "nothing was followed").right(1).right(2).right(3);
    for (feed, health) in health {
        sheet.row([feed.to_string(), number(health.messages), number(health.news), number(health.rejects)]);
    }
    out.table(sheet)?;
    Ok(Outcome::Done)
}

fn checked(out: &Out, feeds: &FeedsConfig) -> Result {
    let tried = feeds.check()?;
    let all = tried.iter().all(|(_, answer)| answer.is_ok());
    let rows = feeds.names().zip(&tried).map(|((feed, kind, scope), (_, answer))| (feed, kind, scope, answer));
    if out.json {
        let row = |(feed, kind, scope, answer): (&str, &str, &str, &std::result::Result<(), String>)| json!({"feed": feed, "kind": kind, "scope": scope, "works": answer.is_ok(), "reason": answer.as_ref().err()});
        out.value(&rows.map(row).collect::<Vec<_>>())?;
        return Ok(Outcome::found(all));
    }
    let mut sheet = Sheet::new(&["feed", "kind", "scope", "state"], "no feeds");
    for (feed, kind, scope, answer) in rows {
        let state = answer.as_ref().err().map_or("works", String::as_str);
        sheet.row([feed.to_string(), kind.to_string(), scope.to_string(), state.to_string()]);
    }
    out.table(sheet)?;
    Ok(Outcome::found(all))
}

fn tell(out: &Out, told: &Told) -> Result<()> {
    if out.json {
        return out.line(&json!(told).to_string());
    }
    let (tone, state) = match told.state {
        FeedState::Works => (Tone::Good, "works"),
        FeedState::Starting => (Tone::Faint, "starts"),
        FeedState::Waits => (Tone::Bad, "broke"),
        FeedState::Open => (Tone::Bad, "keeps breaking"),
        FeedState::Refused => (Tone::Bad, "is refused"),
    };
    let reason = told.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let again = told.again_in.map(|wait| format!("; again in {:.1} s", wait as f64 / 1000.0)).unwrap_or_default();
    out.line(&format!("{} {}{reason}{again}", told.feed, out.toned(tone, state)))
}

/// Signals become orders, from when this returns on. A second ctrl-C ends the process at once, which loses nothing that was
/// acknowledged.
fn steer(control: Control, config: PathBuf, scope: String) {
    let (listening, listens) = std::sync::mpsc::channel::<()>();
    let reload = reloading(control.clone(), config, scope);
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else { return };
            drop(listening);
            let mut stopping = false;
            loop {
                tokio::select! {
                    // One that waits is enough: it will read what is there then.
                    _ = hangup.recv() => {
                        let _ = reload.try_send(());
                    }
                    _ = interrupt.recv() => {
                        if stopping {
                            std::process::exit(130);
                        }
                        stopping = true;
                        control.stop();
                        said("\nfinishing what is at hand; ctrl-C again to stop at once");
                    }
                    _ = terminate.recv() => control.stop(),
                }
            }
        });
    });
    // The other end is dropped when it listens, and when it cannot.
    let _ = listens.recv();
}

/// Reads the configuration again whenever it is told to, on a thread of its own: secrets may take their time, and ctrl-C
/// is heard meanwhile.
fn reloading(control: Control, config: PathBuf, scope: String) -> SyncSender<()> {
    let (reload, told) = sync_channel(1);
    std::thread::spawn(move || {
        for () in told {
            match FeedsConfig::read(&config, &scope.as_str().into()) {
                Ok(feeds) => control.reload(feeds),
                Err(error) => said(&format!("nexus: {error}; what was followed goes on")),
            }
        }
    });
    reload
}

fn said(text: &str) {
    use std::io::Write;
    // Nowhere is left to say that standard error cannot be written.
    let _ = writeln!(std::io::stderr(), "{text}");
}
