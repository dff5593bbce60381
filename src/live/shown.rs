//! Where a run shows how it is: in a file of the store, and on a port if the configuration names one.
//!
//! Both are served by the feeds' threads and judged as they are asked, so they tell of an engine that hangs. Who reaches
//! the port reads the names of feeds and why they fail; nobody can change anything. Cost: a file of some kilobytes every
//! other second.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use nexus_connectors::live::serve::{Answer, Handler, Request, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::health::{Overall, Published, RunHealth};
use super::metrics;
use crate::{Error, ErrorKind, Result};

/// How often the file is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);
/// How long to wait before a port that broke is taken again.
const AGAIN: Duration = Duration::from_secs(5);
/// Nobody has anything to send here.
const BODY_BYTES_MAX: usize = 1 << 10;
/// Of an answer in words.
const WORDS: &str = "text/plain; charset=utf-8";

/// The file and the port of a run.
pub(super) struct Shown<'a> {
    runtime: &'a Runtime,
    published: Published,
    port: Option<(SocketAddr, JoinHandle<()>)>,
}

impl<'a> Shown<'a> {
    /// Shows it from now on, until the runtime is no more.
    pub(super) fn start(
        runtime: &'a Runtime,
        published: Published,
        store: PathBuf,
        at: Option<SocketAddr>,
    ) -> Result<Shown<'a>> {
        let mut shown = Shown { runtime, published: published.clone(), port: None };
        shown.listen(at)?;
        runtime.spawn(write(published, store));
        Ok(shown)
    }

    /// Listens there from now on, and nowhere else. If it cannot, all stays as it was.
    pub(super) fn listen(&mut self, at: Option<SocketAddr>) -> Result<()> {
        if self.port.as_ref().map(|(at, _)| *at) == at {
            return Ok(());
        }
        let port = match at {
            None => None,
            Some(at) => {
                let listener = self.runtime.block_on(TcpListener::bind(at)).map_err(|error| taken(at, &error))?;
                let paths = Arc::new(Paths(self.published.clone()));
                Some((at, self.runtime.spawn(answer(at, listener, paths))))
            }
        };
        if let Some((_, before)) = std::mem::replace(&mut self.port, port) {
            before.abort();
        }
        Ok(())
    }
}

fn taken(at: SocketAddr, error: &std::io::Error) -> Error {
    let message = format!("health.listen: {at}: {error}: choose another port, or end what listens there");
    Error::new(ErrorKind::Io, message)
}

/// Leaves behind how a run ended: nothing if it ended well.
pub(super) fn leave(published: &Published, store: &Path, ended: &Result<()>) {
    let Err(error) = ended else { return RunHealth::remove(store) };
    published.engine().failed = Some(error.to_string());
    if let Err(error) = published.now().write(store) {
        tracing::warn!(%error, "how the run ended cannot be written");
    }
}

async fn write(published: Published, store: PathBuf) {
    loop {
        let (published, store) = (published.clone(), store.clone());
        // Not on the thread of the sockets: a disk may take its time.
        let written = tokio::task::spawn_blocking(move || published.now().write(&store)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "how the run is cannot be written");
        }
        tokio::time::sleep(WRITTEN_EVERY).await;
    }
}

async fn answer(at: SocketAddr, listener: TcpListener, paths: Arc<Paths>) {
    let mut listener = listener;
    loop {
        let error = serve(listener, BODY_BYTES_MAX, paths.clone()).await;
        tracing::warn!(%at, %error, "nobody can ask how the run is");
        listener = loop {
            tokio::time::sleep(AGAIN).await;
            match TcpListener::bind(at).await {
                Ok(listener) => break listener,
                Err(error) => tracing::warn!(%at, %error, "nobody can ask how the run is"),
            }
        };
    }
}

/// What can be asked.
struct Paths(Published);

impl Paths {
    fn answered(&self, method: &str, path: &str) -> Answer {
        if !matches!(method, "GET" | "HEAD") {
            return whole(405, WORDS, "only GET is answered here\n");
        }
        match path {
            "/health" => {
                let health = self.0.now();
                let status = if health.overall == Overall::Failing { 503 } else { 200 };
                match serde_json::to_vec_pretty(&health) {
                    Ok(body) => whole(status, "application/json", body),
                    Err(error) => whole(500, WORDS, error.to_string()),
                }
            }
            "/metrics" => match metrics::metrics(&self.0) {
                Ok(body) => whole(200, metrics::KIND, body),
                Err(error) => whole(500, WORDS, error.to_string()),
            },
            _ => whole(404, WORDS, "there are /health and /metrics\n"),
        }
    }
}

impl Handler for Paths {
    fn answer(&self, request: Request) -> BoxFuture<'_, Answer> {
        Box::pin(ready(self.answered(&request.method, &request.path)))
    }
}

fn whole(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, kind, headers: vec![("cache-control", "no-store".into())], body: body.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::run::network;
    use super::*;

    #[test]
    fn what_is_asked_is_answered() {
        let paths = Paths(Published::new(Default::default()));
        let asked = |method, path| {
            let answer = paths.answered(method, path);
            (answer.status, String::from_utf8(answer.body).unwrap())
        };
        let (status, body) = asked("GET", "/health");
        assert_eq!((status, serde_json::from_str::<RunHealth>(&body).unwrap().overall), (200, Overall::Healthy));
        assert!(asked("GET", "/metrics").1.contains("nexus_health{state=\"healthy\"} 1.0\n"));
        assert_eq!((asked("GET", "/").0, asked("POST", "/health").0), (404, 405));
        paths.0.engine().failed = Some("the disk is gone".into());
        let (status, body) = asked("GET", "/health");
        assert_eq!(status, 503);
        assert!(body.contains("the engine failed: the disk is gone"), "{body}");
    }

    #[test]
    fn a_port_that_is_taken_changes_nothing() {
        let (runtime, store) = (network().unwrap(), tempfile::tempdir().unwrap());
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap();
        let published = Published::new(Default::default());
        let start = |at| Shown::start(&runtime, published.clone(), store.path().to_path_buf(), at);
        let error = start(Some(taken)).err().unwrap().to_string();
        assert!(error.starts_with(&format!("health.listen: {taken}: ")) && error.ends_with("listens there"), "{error}");
        let mut shown = start(None).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        shown.listen(Some(free)).unwrap();
        assert!(shown.listen(Some(taken)).is_err());
        assert!(std::net::TcpStream::connect(free).is_ok());
        shown.listen(Some(free)).unwrap();
    }

    #[test]
    fn a_run_that_ended_well_leaves_nothing() {
        let (store, published) = (tempfile::tempdir().unwrap(), Published::new(Default::default()));
        published.now().write(store.path()).unwrap();
        leave(&published, store.path(), &Err(Error::argument("no room")));
        let left = RunHealth::of(store.path()).unwrap();
        assert_eq!((left.overall, left.reasons), (Overall::Failing, vec!["the engine failed: no room".into()]));
        leave(&published, store.path(), &Ok(()));
        assert_eq!(RunHealth::of(store.path()), None);
    }
}
