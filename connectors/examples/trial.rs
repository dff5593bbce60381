//! trial
#![allow(missing_docs)]
use nexus_connectors::*;
use nexus_types::*;
use std::collections::{BTreeMap, BTreeSet};
fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let show: usize = args.next().unwrap().parse().unwrap();
    let paths: Vec<_> = args.map(Into::into).collect();
    let started = std::time::Instant::now();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut n = 0u64;
    let mut to = 0u64;
    let mut shown = 0;
    let mut bytes = 0;
    let keep = std::env::var("IDS").is_ok();
    for input in expand(&paths).unwrap() {
        bytes += input.bytes;
        let source = match open(&input.path, &Options::new("me")) {
            Ok(s) => s,
            Err(e) => {
                println!("OPEN {e}");
                *counts.entry("open error".into()).or_default() += 1;
                continue;
            }
        };
        let f = source.format();
        for item in source {
            n += 1;
            match item {
                Item::Change(Change::Upsert(e)) => {
                    *counts
                        .entry(format!(
                            "{f} {}{}",
                            e.kind,
                            if e.meta.iter().any(|(k, _)| &**k == "action") { " action" } else { "" }
                        ))
                        .or_default() += 1;
                    to += u64::from(!e.addressees.is_empty());
                    if shown < show {
                        shown += 1;
                        println!("{e:#?}");
                    }
                    if keep && !ids.insert(e.id()) {
                        println!("DUP {:?} {}", e.external_id, e.author);
                    }
                }
                Item::Change(c) => {
                    *counts.entry(format!("{f} {c:?}").chars().take(30).collect()).or_default() += 1;
                }
                Item::Reject(r) => {
                    println!("REJECT {} {}: {} | {:.200}", input.path.display(), r.position, r.reason, r.raw);
                    *counts.entry("reject".into()).or_default() += 1;
                }
            }
        }
    }
    let s = started.elapsed().as_secs_f64();
    println!(
        "{counts:#?} items {n} addressed {to} in {s:.3} s: {:.0}/s, {:.1} MB/s",
        n as f64 / s,
        bytes as f64 / s / 1e6
    );
}
