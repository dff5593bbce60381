//! What feeds share to which a platform pushes: a server, and beside it the answering of what comes, many at once.
//!
//! A request is answered once what it brought is on the disk, so that its sender may forget it. Where there is no room for
//! so long, or too much is being taken in, the sender is asked to come again. Cost: up to [`OPEN_MAX`] requests in memory.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::serve::{Answer, Handler, Request, serve};
use super::{Batch, Broken, Outlet};

/// How long to wait for room.
const ROOM: Duration = Duration::from_secs(5);
/// So many requests are answered at once; those whose senders went away count until they are on the disk.
const OPEN_MAX: usize = 128;

/// The path that is posted to where a configuration names none.
pub(crate) fn root() -> String {
    "/".into()
}

/// An address to listen at.
pub(crate) fn address(listen: &str) -> Result<SocketAddr, String> {
    listen.parse().map_err(|_| format!("listen: {listen:?} is no address with a port, such as 127.0.0.1:9000"))
}

/// Whether this is a path that may be asked for.
pub(crate) fn is_path(path: &str) -> Result<(), String> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    if plain && path.starts_with('/') { Ok(()) } else { Err(format!("path: {path:?} is no path, such as /nexus")) }
}

/// What is said to who asks for something else than this path, or does not post.
pub(crate) fn misdirected(request: &Request, path: &str) -> Option<Answer> {
    if request.path != path {
        return Some(Answer::refusal(404, "nothing is taken in here"));
    }
    let allow = || Answer { headers: vec![("allow", "POST".into())], ..Answer::refusal(405, "post it") };
    (request.method != "POST").then(allow)
}

/// Listens, and gives every request to `answer`. What `answer` cannot go on from ends it.
pub(crate) async fn answered<F>(
    listen: SocketAddr,
    body_bytes_max: usize,
    outlet: &Outlet,
    answer: impl Fn(Request) -> F,
) -> Result<Infallible, Broken>
where
    F: Future<Output = Result<Answer, Broken>>,
{
    let gone = |error| Broken::Retry(format!("listen: {listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(gone)?;
    outlet.healthy();
    let (sender, mut requests) = mpsc::channel(1);
    let serving = serve(listener, body_bytes_max, Arc::new(Door(sender)));
    tokio::pin!(serving);
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            error = &mut serving => return Err(gone(error)),
            Some((request, reply)) = requests.recv(), if open.len() < OPEN_MAX => {
                let answering = answer(request);
                open.push(async move {
                    let answer = answering.await?;
                    // Who is not there any more comes again.
                    let _ = reply.send(answer);
                    Ok::<(), Broken>(())
                });
            }
            Some(done) = open.next(), if !open.is_empty() => done?,
        }
    }
}

/// Takes a batch in; false if there was no room. When it returns true, the batch is on the disk.
pub(crate) async fn kept(outlet: &Outlet, batch: Batch) -> Result<bool, Broken> {
    // What is given up was still waiting for room: nothing of it was delivered, and nothing is going to be.
    match timeout(ROOM, outlet.send(batch)).await {
        Ok(sent) => sent?.kept().await.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Asks to come again.
pub(crate) fn busy() -> Answer {
    Answer { headers: vec![("retry-after", "5".into())], ..Answer::refusal(503, "too much at once: send it again") }
}

/// What several answers share. A panic in one leaves it whole: nothing is changed halfway.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

type Reply = oneshot::Sender<Answer>;

/// Through which requests come in.
struct Door(mpsc::Sender<(Request, Reply)>);

impl Handler for Door {
    fn answer(&self, request: Request) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            match self.0.send((request, reply)).await {
                Ok(()) => answer.await.unwrap_or_else(|_| busy()),
                Err(_) => busy(),
            }
        })
    }
}
