//! A small HTTP/1.1 server: what platforms push comes through it, and what a run tells of itself.
//!
//! Connections stay open between requests; there are 64 at most, others wait to be let in. Whoever is slow
//! to ask, or to send a body, is sent away, and so is after some minutes whoever does not read answers. No connection's
//! failure ends the server; all end with it. Cost: a task and a body at most for each connection.

use std::convert::Infallible;
use std::io::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, EXPECT, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many connections are open at once.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take, counted from when the connection was ready for it.
const HEAD: Duration = Duration::from_secs(10);
/// How long a body may take.
const BODY: Duration = Duration::from_secs(15);
/// After so long a connection takes no more requests, and how long the last answer may take then.
const LONGEST: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(30));
/// How long to wait after a connection that could not be accepted, and after how many in a row to give up.
const FAILURES: (Duration, u32) = (Duration::from_millis(500), 60);

/// What was asked.
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, from its first `/`.
    pub path: String,
    /// What stands behind the `?`; empty if nothing does.
    pub query: String,
    /// The body, whole.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Request {
    /// A header, if it is there and is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The content type.
    pub kind: &'static str,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer { status, kind: "application/json", headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// A refusal, with why.
    pub fn refusal(status: u16, reason: &str) -> Answer {
        Answer::json(status, &json!({ "error": reason }))
    }
}

/// Who answers requests.
pub trait Handler: Send + Sync {
    /// Answers one; given up when its connection is gone.
    fn answer(&self, request: Request) -> BoxFuture<'_, Answer>;
}

/// Answers whoever connects, until connections cannot be accepted any more. A body above the bound is answered with 413.
pub async fn serve(listener: TcpListener, body_bytes_max: usize, handler: Arc<dyn Handler>) -> Error {
    let mut connections = JoinSet::new();
    let (pause, failures_max) = FAILURES;
    let mut failures = 0;
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            Ok((socket, _)) => {
                failures = 0;
                connections.spawn(connection(socket, body_bytes_max, handler.clone()));
            }
            Err(error) if failures >= failures_max => return error,
            // Such as too many open files: they become fewer.
            Err(_) => {
                failures += 1;
                sleep(pause).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, body_bytes_max: usize, handler: Arc<dyn Handler>) {
    // Answers are small; without it they only come later.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(respond(request, body_bytes_max, &*handler).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = http.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let (longest, last) = LONGEST;
    if timeout(longest, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        // However it ends, it ends.
        let _ = timeout(last, connection).await;
    }
}

async fn respond(request: hyper::Request<Incoming>, most: usize, handler: &dyn Handler) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = timeout(BODY, read(&head.headers, body, most)).await;
    let answer = match body {
        Ok(Ok(body)) => {
            let (path, query) = (head.uri.path().to_string(), head.uri.query().unwrap_or_default().to_string());
            handler.answer(Request { method: head.method.to_string(), path, query, body, headers: head.headers }).await
        }
        Ok(Err(refusal)) => refusal,
        Err(_) => Answer::refusal(408, &format!("the body took longer than {} s", BODY.as_secs())),
    };
    let mut response = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.kind);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(answer.body)).unwrap_or_else(|_| {
        let mut failed = Response::new(Full::default());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// Reads a body. One that is too large is read to its end and let go of, or its sender would miss the answer; who asks
/// before sending is told at once.
async fn read(headers: &HeaderMap, mut body: Incoming, most: usize) -> Result<Vec<u8>, Answer> {
    let refusal = || Answer::refusal(413, &format!("a body has {most} bytes at most"));
    let mut large = body.size_hint().lower() > most as u64;
    if large && headers.contains_key(EXPECT) {
        return Err(refusal());
    }
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Answer::refusal(400, "the body does not come as its headers say"))?;
        let Ok(data) = frame.into_data() else { continue };
        large |= data.len() > most.saturating_sub(read.len());
        if large {
            read = Vec::new();
        } else {
            read.extend_from_slice(&data);
        }
    }
    if large { Err(refusal()) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Echo;

    impl Handler for Echo {
        fn answer(&self, request: Request) -> BoxFuture<'_, Answer> {
            let agent = request.header("User-Agent").unwrap_or_default();
            let heard = json!([request.method, request.path, request.query, request.body.len(), agent]);
            Box::pin(async move { Answer { headers: vec![("x-a", "b".into())], ..Answer::json(202, &heard) } })
        }
    }

    async fn started() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, 10, Arc::new(Echo)));
        address
    }

    /// What is answered to this, until the server closes.
    async fn said(address: std::net::SocketAddr, asked: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn requests_are_answered_one_after_the_other() {
        let address = started().await;
        let one = "POST /a?b=c HTTP/1.1\r\nhost: h\r\nuser-agent: me\r\ncontent-length: 3\r\n\r\nabc";
        let last = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let answer = said(address, &format!("{one}{last}")).await;
        assert_eq!(answer.matches("HTTP/1.1 202 Accepted\r\n").count(), 2, "{answer}");
        assert!(answer.contains(r#"["POST","/a","b=c",3,"me"]"#) && answer.contains("x-a: b\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn what_is_too_large_or_makes_no_sense_is_refused_and_the_server_goes_on() {
        let address = started().await;
        let close = "host: h\r\nconnection: close\r\n";
        let large = format!("POST / HTTP/1.1\r\n{close}content-length: 11\r\n\r\n{}", "x".repeat(11));
        assert!(said(address, &large).await.starts_with("HTTP/1.1 413 "));
        let chunked = format!("POST / HTTP/1.1\r\n{close}transfer-encoding: chunked\r\n\r\n");
        let chunks = |size: usize| format!("{chunked}6\r\nabcdef\r\n{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size));
        assert!(said(address, &chunks(5)).await.starts_with("HTTP/1.1 413 "));
        assert!(said(address, &chunks(4)).await.starts_with("HTTP/1.1 202 "));
        let asks = format!("POST / HTTP/1.1\r\n{close}expect: 100-continue\r\ncontent-length: 11\r\n\r\n");
        assert!(said(address, &asks).await.starts_with("HTTP/1.1 413 "));
        assert!(said(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
        assert!(said(address, &format!("GET / HTTP/1.1\r\n{close}\r\n")).await.starts_with("HTTP/1.1 202 "));
    }
}
