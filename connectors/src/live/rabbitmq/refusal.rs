//! Why RabbitMQ lets somebody in no further. It says so only to clients that declare to understand it, and hangs up on others;
//! the client that is used here declares nothing. So after a failure the beginning of a connection (AMQP 0-9-1) is spoken once
//! more, by hand. Cost: one connection for each that failed.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::live::socket::{self, Stream, within};

/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(15);
/// The longest frame of a beginning.
const FRAME_BYTES_MAX: usize = 128 << 10;
/// The class and number of methods.
const START_OK: u32 = (10 << 16) | 11;
const TUNE: u32 = (10 << 16) | 30;
const TUNE_OK: u32 = (10 << 16) | 31;
const OPEN: u32 = (10 << 16) | 40;
const CLOSE: u32 = (10 << 16) | 50;
/// What a server closes with that lets nobody in: ACCESS_REFUSED, INVALID_PATH, NOT_ALLOWED.
const REFUSED: [u16; 3] = [403, 402, 530];
/// A table of properties that says: it is understood when credentials are refused.
const UNDERSTOOD: &[u8] = b"\x0ccapabilitiesF\0\0\0\x1f\x1cauthentication_failure_closet\x01";

/// Who wants in, and where.
pub(super) struct Knock<'a> {
    pub(super) server: &'a str,
    pub(super) tls: bool,
    pub(super) authority: Option<&'a Path>,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) vhost: &'a str,
}

impl Knock<'_> {
    /// What the server says against it, if it does.
    pub(super) async fn refusal(&self) -> Option<String> {
        within(LONGEST, "asking why", self.ask()).await.ok().flatten()
    }

    async fn ask(&self) -> Result<Option<String>> {
        let mut stream = socket::connect(self.server, self.tls, self.authority).await?;
        stream.write_all(b"AMQP\0\0\x09\x01").await?;
        read(&mut stream).await?;
        let proof = format!("\0{}\0{}", self.user, self.password);
        let start = [long(UNDERSTOOD), short("PLAIN"), long(proof.as_bytes()), short("en_US")].concat();
        write(&mut stream, START_OK, &start).await?;
        let (method, arguments) = read(&mut stream).await?;
        if method != TUNE {
            return Ok(reason(method, &arguments));
        }
        write(&mut stream, TUNE_OK, &arguments).await?;
        write(&mut stream, OPEN, &[short(self.vhost), vec![0, 0]].concat()).await?;
        let (method, arguments) = read(&mut stream).await?;
        Ok(reason(method, &arguments))
    }
}

fn short(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(u8::MAX))];
    [&[bytes.len() as u8][..], bytes].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

async fn write(stream: &mut Box<dyn Stream>, method: u32, arguments: &[u8]) -> Result<()> {
    let payload = [&method.to_be_bytes()[..], arguments].concat();
    // A method, on channel 0.
    let frame = [&[1_u8, 0, 0][..], &long(&payload), &[0xce]].concat();
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// The next method, with its arguments.
async fn read(stream: &mut Box<dyn Stream>) -> Result<(u32, Vec<u8>)> {
    let (_kind, _channel, length) = (stream.read_u8().await?, stream.read_u16().await?, stream.read_u32().await?);
    let length = length as usize;
    if !(4..=FRAME_BYTES_MAX).contains(&length) {
        return Err(Error::new(ErrorKind::InvalidData, "this is not AMQP"));
    }
    let method = stream.read_u32().await?;
    let mut arguments = vec![0; length - 4];
    stream.read_exact(&mut arguments).await?;
    stream.read_u8().await?;
    Ok((method, arguments))
}

/// What a server says that closes the connection because of who wants in.
fn reason(method: u32, arguments: &[u8]) -> Option<String> {
    let [high, low, length, rest @ ..] = arguments else { return None };
    let text = rest.get(..usize::from(*length))?;
    let refused = method == CLOSE && REFUSED.contains(&u16::from_be_bytes([*high, *low]));
    refused.then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_and_nothing_else() {
        let said = [&[1_u8, 147][..], &short("ACCESS_REFUSED - no"), &[0; 4]].concat();
        assert_eq!(reason(CLOSE, &said).as_deref(), Some("ACCESS_REFUSED - no"));
        let ended = [&[1_u8, 64][..], &short("CONNECTION_FORCED"), &[0; 4]].concat();
        assert_eq!((reason(CLOSE, &ended), reason(TUNE, &said), reason(CLOSE, &said[..5])), (None, None, None));
    }
}
