//! Trying a configuration: is each feed let in where it wants to go? Takes nothing in.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use nexus_connectors::live::{Outlet, Resume};
use nexus_types::Text;

use super::config::{Entry, FeedsConfig};
use super::run::network;
use crate::{Result, clock};

/// How long a feed may take until it works.
const PATIENCE: Duration = Duration::from_secs(30);

impl FeedsConfig {
    /// Starts every feed until it works, or says why it does not. All at once; at most half a minute.
    pub fn check(&self) -> Result<Vec<(Text, std::result::Result<(), String>)>> {
        let runtime = network()?;
        let tried: Vec<_> = self.entries().map(|entry| (entry, runtime.spawn(tried(entry.clone())))).collect();
        let all = tried.into_iter().map(|(entry, trying)| {
            let answer = runtime.block_on(trying).unwrap_or_else(|error| Err(error.to_string()));
            (entry.named.feed.clone(), answer)
        });
        let all = all.collect();
        runtime.shutdown_background();
        Ok(all)
    }
}

async fn tried(entry: Entry) -> std::result::Result<(), String> {
    let mut feed = entry.feed().map_err(|error| error.to_string())?;
    let healthy = Arc::new(AtomicBool::new(false));
    // What it gives is let go of.
    let outlet = Outlet::new(entry.named.clone(), Arc::new(|_| true), healthy.clone(), clock::now);
    let from = Resume { at: clock::now(), ..Resume::default() };
    let works = async {
        while !healthy.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let following = AssertUnwindSafe(feed.follow(from, &outlet)).catch_unwind();
    tokio::select! {
        () = works => Ok(()),
        () = tokio::time::sleep(PATIENCE) => Err(format!("it did not work within {} s", PATIENCE.as_secs())),
        broken = following => match broken {
            Ok(Err(broken)) => Err(broken.reason().into()),
            Err(_) => Err("a bug: it panicked".into()),
        },
    }
}
