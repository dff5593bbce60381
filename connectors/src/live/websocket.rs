//! WebSockets (RFC 6455) to a platform, plain or encrypted: bounded in time and size; pings are answered here.

use std::path::Path;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Broken;
use super::socket::{self, Stream};

/// How long agreeing to talk may take, and how long a message of ours may take to be written.
const HANDSHAKE: Duration = Duration::from_secs(15);
const WRITE: Duration = Duration::from_secs(10);
/// The largest message that is read.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The code that stands for a close without one.
const NO_CODE: u16 = 1005;

/// A connection.
pub(crate) struct WebSocket {
    who: String,
    stream: WebSocketStream<Box<dyn Stream>>,
}

/// What a platform says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Text(String),
    /// It goes, with a code and a reason.
    Closed(u16, String),
}

/// A server's address, with its name for errors. What is wrong with it is not quoted: somebody may have written a password
/// into it.
pub(crate) fn address(text: &str, example: &str) -> Result<(Url, String), String> {
    let wrong = || format!("it is no plain address, such as {example}");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "ws" | "wss") || !bare {
        return Err(wrong());
    }
    let who = url.host_str().ok_or_else(wrong)?.to_string();
    Ok((url, who))
}

/// Connects to `ws://` or `wss://`; `who` names the platform in errors.
pub(crate) async fn open(who: &str, url: &Url, authority: Option<&Path>) -> Result<WebSocket, Broken> {
    let lost = |reason: String| Broken::Retry(format!("{who}: {reason}"));
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(Broken::Refused(format!("{who}: its address names no host")));
    };
    let encrypted = url.scheme() == "wss";
    let stream = socket::connect(&format!("{host}:{port}"), encrypted, authority).await;
    let stream = stream.map_err(|error| lost(error.to_string()))?;
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    let agreeing = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(limits));
    let agreed = timeout(HANDSHAKE, agreeing).await.map_err(|_| lost("it does not agree to talk".into()))?;
    let (stream, _) = agreed.map_err(|error| lost(said(&error)))?;
    Ok(WebSocket { who: who.into(), stream })
}

impl WebSocket {
    /// What it says next; an error after so long a silence. Nothing is lost if it is not waited for to the end.
    pub(crate) async fn next(&mut self, silence: Duration) -> Result<Heard, Broken> {
        loop {
            let silent = |_| Broken::Retry(format!("{}: silent for {} s", self.who, silence.as_secs()));
            let heard = match timeout(silence, self.stream.next()).await.map_err(silent)? {
                None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    Heard::Closed(NO_CODE, String::new())
                }
                Some(Err(error)) => return Err(Broken::Retry(format!("{}: {}", self.who, said(&error)))),
                Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().into()),
                Some(Ok(Message::Close(frame))) => match frame {
                    Some(frame) => Heard::Closed(frame.code.into(), frame.reason.as_str().into()),
                    None => Heard::Closed(NO_CODE, String::new()),
                },
                // Pings are answered below; nobody here sends bytes.
                Some(Ok(_)) => continue,
            };
            return Ok(heard);
        }
    }

    /// Says something.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Broken> {
        let late = |_| Broken::Retry(format!("{}: writing took longer than {} s", self.who, WRITE.as_secs()));
        let written = timeout(WRITE, self.stream.send(Message::text(text))).await.map_err(late)?;
        written.map_err(|error| Broken::Retry(format!("{}: {}", self.who, said(&error))))
    }
}

/// What went wrong; never the address, which may hold a token.
fn said(error: &Error) -> String {
    match error {
        Error::Http(response) => format!("it answers {}", response.status()),
        Error::Url(_) => "its address is wrong".into(),
        other => other.to_string(),
    }
}
