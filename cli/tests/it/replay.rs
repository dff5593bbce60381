//! A server that says what a platform would: over HTTP/1.1, as one answer or as a stream, and over WebSockets.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tungstenite::handshake::server::{Callback, ErrorResponse, Request as Upgrade, Response};

/// A platform over HTTP.
pub(crate) struct Replay {
    pub(crate) port: u16,
}

/// What a client asked.
#[derive(Debug)]
pub(crate) struct Request {
    /// With the query.
    pub(crate) path: String,
    /// By names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What the platform says.
pub(crate) enum Answer {
    Whole {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Sent as it comes; the connection closes when the sender is gone.
    Stream(Receiver<Vec<u8>>),
}

impl Answer {
    pub(crate) fn json(value: &serde_json::Value) -> Answer {
        let headers = vec![("content-type", "application/json".to_string())];
        Answer::Whole { status: 200, headers, body: value.to_string().into_bytes() }
    }
}

impl Replay {
    /// Starts it on a port of its own; it goes on until the test ends.
    pub(crate) fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Replay {
        let port = listen(move |socket| {
            // A client that went away is no failure of the test.
            let _ = serve(&socket, &handler);
            let _ = socket.shutdown(Shutdown::Both);
        });
        Replay { port }
    }
}

/// A platform over WebSockets.
pub(crate) struct Sockets {
    pub(crate) port: u16,
}

impl Sockets {
    /// Starts it; the handler has a connection, with the path it was opened at, until it returns.
    pub(crate) fn start(
        handler: impl Fn(&str, &mut tungstenite::WebSocket<TcpStream>) + Send + Sync + 'static,
    ) -> Sockets {
        let port = listen(move |socket| {
            let mut path = String::new();
            if let Ok(mut open) = tungstenite::accept_hdr(socket, Opened(&mut path)) {
                handler(&path, &mut open);
                let _ = open.get_ref().shutdown(Shutdown::Both);
            }
        });
        Sockets { port }
    }
}

/// Notes at which path a connection was opened.
struct Opened<'a>(&'a mut String);

impl Callback for Opened<'_> {
    fn on_request(self, request: &Upgrade, response: Response) -> Result<Response, ErrorResponse> {
        *self.0 = request.uri().to_string();
        Ok(response)
    }
}

/// One thread a connection.
fn listen(connection: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connection = Arc::new(connection);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let connection = connection.clone();
            std::thread::spawn(move || connection(socket));
        }
    });
    port
}

/// One request, one answer.
fn serve(socket: &TcpStream, handler: &impl Fn(&Request) -> Answer) -> std::io::Result<()> {
    let Some(request) = read(socket)? else { return Ok(()) };
    let mut to = socket;
    match handler(&request) {
        Answer::Whole { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
            to.write_all((head + "\r\n").as_bytes())?;
            to.write_all(&body)
        }
        Answer::Stream(pieces) => {
            to.write_all(b"HTTP/1.1 200 .\r\nconnection: close\r\ncontent-type: text/event-stream\r\n")?;
            to.write_all(b"transfer-encoding: chunked\r\n\r\n")?;
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                to.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                to.write_all(&piece)?;
                to.write_all(b"\r\n")?;
            }
            to.write_all(b"0\r\n\r\n")
        }
    }
}

/// Reads a request; `None` where nothing was asked, or its head is cut off.
fn read(socket: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut from = BufReader::new(socket);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_string);
    let (Some(_), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(Request { path, headers, body }))
}
