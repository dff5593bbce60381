//! Requests to a platform: bounded in time and size, and errors that name no secret.
//!
//! A platform that asks to wait is obeyed, in whichever of the usual headers it says for how long; what did not come can be
//! asked for again, and a document only if it changed. Cost: an answer in memory, or of an endless one a line.

use std::time::Duration;

use jiff::Timestamp;
use nexus_types::{Hash128, Text};
use reqwest::header::{
    DATE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Broken;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The longest line of an answer without an end.
const LINE_BYTES_MAX: usize = 1 << 20;
/// How long to wait where a platform says "too much" and not for how long, and how long at most.
const TOO_MUCH: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3600));
/// The first pause before something is asked for again, and the longest where the platform does not say for how long.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The longest validator that is kept.
const VALIDATOR_BYTES_MAX: usize = 1 << 10;
/// Where platforms say when requests are welcome again: as so many seconds from now, or as a time.
const AFTER: [&str; 2] = ["x-ratelimit-reset-after", "ratelimit-reset"];
const RESET: [&str; 2] = ["x-rate-limit-reset", "x-ratelimit-reset"];

/// A platform's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// An answer, whatever it holds.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// How often something is asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// So often where the platform asks to wait.
    pub(crate) waits: u32,
    /// So often where nothing came, or what makes no sense.
    pub(crate) failures: u32,
}

/// What a server said of the state in which a document is: by that it is asked for only if it is in another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    /// A hash of where it was found: the address may have a secret in it.
    at: Text,
    etag: Option<Text>,
    modified: Option<Text>,
}

/// Something that makes requests; it follows no redirect, which might take a token elsewhere.
pub(crate) fn client() -> Result<Client, String> {
    let client = Client::builder().connect_timeout(CONNECT).redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| format!("no requests can be made: {error}"))
}

/// A server's address, with its name for errors. What is wrong with it is not quoted: somebody may have written a password
/// into it.
pub(crate) fn address(text: &str, example: &str) -> Result<(Url, String), String> {
    let wrong = || format!("it is no plain address, such as {example}");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() || !bare {
        return Err(wrong());
    }
    let who = url.host_str().ok_or_else(wrong)?.to_string();
    Ok((url, who))
}

/// Sends a request and reads all that comes. An answer that asks to wait is [`Broken::Wait`], one that says that the server
/// is in trouble [`Broken::Retry`]. `who` names the platform in errors.
pub(crate) async fn whole(who: &str, request: RequestBuilder, within: Duration) -> Result<Whole, Broken> {
    let mut response = request.timeout(within).send().await.map_err(|error| lost(who, error))?;
    let (status, headers) = (well(who, &response)?, response.headers().clone());
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| lost(who, error))? {
        if body.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(Broken::Retry(format!("{who}: its answer is larger than {ANSWER_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&part);
    }
    Ok(Whole { status, headers, body })
}

/// The same, for an answer in JSON.
pub(crate) async fn json(who: &str, request: RequestBuilder, within: Duration) -> Result<Answer, Broken> {
    let Whole { status, body, .. } = whole(who, request, within).await?;
    match serde_json::from_slice(&body) {
        Ok(body) => Ok(Answer { status, body }),
        Err(error) => Err(Broken::Retry(format!("{who}: it answers {status} with no JSON: {error}"))),
    }
}

/// Asks again for what did not come, a little later each time, and no sooner than the platform wants; at last as it is.
pub(crate) async fn patiently<T, F>(patience: Patience, mut ask: impl FnMut() -> F) -> Result<T, Broken>
where
    F: Future<Output = Result<T, Broken>>,
{
    let (Patience { mut waits, mut failures }, mut usual) = (patience, AGAIN.0);
    loop {
        let pause = match ask().await {
            Err(Broken::Wait(_, told)) if waits > 0 => {
                waits -= 1;
                pause(told, &mut usual)
            }
            Err(Broken::Retry(_)) if failures > 0 => {
                failures -= 1;
                pause(Duration::ZERO, &mut usual)
            }
            came => return came,
        };
        sleep(pause).await;
    }
}

/// How long to wait now; the usual pause grows by that. Where a platform does not say for how long, what it allows may be
/// spent for days: such pauses grow too.
fn pause(told: Duration, usual: &mut Duration) -> Duration {
    if told == TOO_MUCH.0 {
        *usual = told.max(*usual);
    }
    let pause = told.max(*usual);
    *usual = (*usual * 2).min(AGAIN.1);
    pause
}

impl Validators {
    /// What a server says with a document that it gives.
    pub(crate) fn new(url: &Url, headers: &HeaderMap) -> Validators {
        let text = |name: HeaderName| {
            let text = headers.get(name)?.to_str().ok()?;
            (text.len() <= VALIDATOR_BYTES_MAX).then(|| Text::from(text))
        };
        Validators { at: place(url), etag: text(ETAG), modified: text(LAST_MODIFIED) }
    }

    /// Has a request at that address ask for what is new only; anywhere else these mean nothing.
    pub(crate) fn ask(&self, url: &Url, mut request: RequestBuilder) -> RequestBuilder {
        let validators = [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.modified)];
        for (name, validator) in validators.into_iter().filter(|_| self.at == place(url)) {
            if let Some(validator) = validator {
                request = request.header(name, &**validator);
            }
        }
        request
    }

    /// When the document was changed, as the server has it.
    pub(crate) fn modified(&self) -> Option<Timestamp> {
        self.modified.as_deref().and_then(date)
    }
}

fn place(url: &Url) -> Text {
    Hash128::of("url", &[url.as_str().as_bytes()]).to_string().into()
}

/// Sends a request whose answer has no end; `within` is for its beginning.
pub(crate) async fn stream(
    who: &str,
    request: RequestBuilder,
    within: Duration,
) -> Result<(StatusCode, Pieces), Broken> {
    let late = |_| Broken::Retry(format!("{who}: no answer within {} s", within.as_secs()));
    let response = timeout(within, request.send()).await.map_err(late)?.map_err(|error| lost(who, error))?;
    let status = well(who, &response)?;
    Ok((status, Pieces { who: who.into(), response, read: Vec::new(), from: 0, ended: false }))
}

/// An answer without an end, line by line.
#[derive(Debug)]
pub(crate) struct Pieces {
    who: String,
    response: Response,
    read: Vec<u8>,
    /// Up to where what is read was given.
    from: usize,
    ended: bool,
}

impl Pieces {
    /// The next line, without its end; `None` when there are no more. Nothing is lost if it is not waited for to the end.
    pub(crate) async fn line(&mut self, silence: Duration) -> Result<Option<Vec<u8>>, Broken> {
        let mut looked = self.from;
        loop {
            if let Some(end) = self.read[looked..].iter().position(|byte| *byte == b'\n') {
                let line = &self.read[self.from..looked + end];
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.from = looked + end + 1;
                return Ok(Some(line));
            }
            looked = self.read.len();
            if self.ended {
                let rest = std::mem::take(&mut self.read).split_off(self.from);
                self.from = 0;
                return Ok((!rest.is_empty()).then_some(rest));
            }
            if looked - self.from > LINE_BYTES_MAX {
                return Err(Broken::Retry(format!("{}: a line is longer than {LINE_BYTES_MAX} bytes", self.who)));
            }
            let silent = |_| Broken::Retry(format!("{}: silent for {} s", self.who, silence.as_secs()));
            let part = timeout(silence, self.response.chunk()).await.map_err(silent)?;
            match part.map_err(|error| lost(&self.who, error))? {
                Some(part) => {
                    looked -= self.from;
                    self.read.drain(..std::mem::take(&mut self.from));
                    self.read.extend_from_slice(&part);
                }
                None => self.ended = true,
            }
        }
    }
}

/// An error's own text may carry the address, with what stands in it.
fn lost(who: &str, error: reqwest::Error) -> Broken {
    Broken::Retry(format!("{who}: {}", causes(&error.without_url())))
}

/// The status of an answer that is one: not a server in trouble, nor one that asks to wait.
fn well(who: &str, response: &Response) -> Result<StatusCode, Broken> {
    let status = response.status();
    let wait = wait(response.headers());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let (usual, most) = TOO_MUCH;
            Err(Broken::Wait(format!("{who}: it asks us to wait"), wait.unwrap_or(usual).min(most)))
        }
        status if status.is_server_error() => match wait {
            Some(wait) => Err(Broken::Wait(format!("{who}: it answers {status}"), wait.min(TOO_MUCH.1))),
            None => Err(Broken::Retry(format!("{who}: it answers {status}"))),
        },
        status => Ok(status),
    }
}

/// For how long a platform asks to wait, by its own clock.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let now = || date(text(DATE.as_str())?);
    let until = |time: Timestamp| Duration::try_from(time.duration_since(now()?)).ok();
    let told = text(RETRY_AFTER.as_str()).and_then(|told| seconds(told).or_else(|| until(date(told)?)));
    let after = || AFTER.iter().find_map(|name| seconds(text(name)?));
    let reset = || {
        RESET.iter().find_map(|name| {
            let told = text(name)?;
            let time = told.parse::<i64>().ok().and_then(|at| Timestamp::from_second(at).ok());
            until(time.or_else(|| told.parse().ok())?)
        })
    };
    told.or_else(after).or_else(reset)
}

/// Where an answer leads instead; what was encrypted stays so.
pub(crate) fn leads_to(headers: &HeaderMap, from: &Url) -> Option<Url> {
    let to = headers.get(LOCATION).and_then(|to| from.join(to.to_str().ok()?).ok())?;
    (to.scheme() == "https" || to.scheme() == from.scheme()).then_some(to)
}

/// A time as HTTP writes it.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp())
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn how_long_to_wait_is_read_from_what_platforms_say() {
        let told = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            wait(&headers.collect::<HeaderMap>()).map(|wait| wait.as_millis())
        };
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(told(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(told(&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30_000));
        assert_eq!(told(&[("x-ratelimit-reset-after", "1.5")]), Some(1_500));
        assert_eq!(told(&[date, ("x-rate-limit-reset", "784111787")]), Some(10_000));
        assert_eq!(told(&[date, ("x-ratelimit-reset", "1994-11-06T08:49:57.5Z")]), Some(20_500));
        for senseless in [vec![("retry-after", "soon")], vec![("retry-after", "-3")], vec![("x-rate-limit-reset", "1")]]
        {
            assert_eq!(told(&senseless), None, "{senseless:?}");
        }
    }

    #[tokio::test]
    async fn what_did_not_come_is_asked_for_again_and_not_for_ever() {
        let wait = || Err(Broken::Wait("later".into(), Duration::ZERO));
        let lost = || Err(Broken::Retry("lost".into()));
        let refused = || Err(Broken::Refused("no".into()));
        // What is answered, the last first; how patient one is; what comes of it, and whether that takes a second.
        let cases = [
            (vec![Ok(1)], (0, 0), Ok(1), false),
            (vec![Ok(1), lost()], (9, 0), lost(), false),
            (vec![Ok(1), wait()], (0, 9), wait(), false),
            (vec![Ok(1), refused()], (9, 9), refused(), false),
            (vec![Ok(1), wait()], (1, 0), Ok(1), true),
            (vec![Ok(1), lost(), lost()], (0, 1), lost(), true),
        ];
        for (mut answers, (waits, failures), expected, later) in cases {
            let asking = patiently(Patience { waits, failures }, || std::future::ready(answers.pop().unwrap()));
            tokio::pin!(asking);
            let soon = timeout(AGAIN.0 / 4, &mut asking).await;
            assert_eq!(soon.is_err(), later);
            let came = match soon {
                Ok(came) => came,
                Err(_) => asking.await,
            };
            assert_eq!(came, expected);
        }
    }

    #[test]
    fn pauses_grow_unless_the_platform_says_for_how_long() {
        for (told, expected) in [
            (Duration::ZERO, [1_u64, 2, 4, 8, 16, 32]),
            (Duration::from_secs(5), [5, 5, 5, 8, 16, 32]),
            (Duration::from_secs(900), [900; 6]),
            (TOO_MUCH.0, [30, 60, 120, 240, 300, 300]),
        ] {
            let mut usual = AGAIN.0;
            assert_eq!(expected.map(|_| pause(told, &mut usual).as_secs()), expected, "{told:?}");
        }
    }

    #[test]
    fn a_document_is_asked_for_by_what_was_said_of_it_there() {
        let (here, there) = (Url::parse("https://a.org/b?key=1").unwrap(), Url::parse("https://a.org/c").unwrap());
        let long = "x".repeat(VALIDATOR_BYTES_MAX + 1);
        let said = |pairs: &[(HeaderName, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            Validators::new(&here, &headers.collect())
        };
        let asked = |validators: &Validators, url: &Url| {
            let request = validators.ask(url, client().unwrap().get(url.clone())).build().unwrap();
            let of = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_string());
            [of(IF_NONE_MATCH), of(IF_MODIFIED_SINCE)]
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let both = said(&[(ETAG, "\"7\""), (LAST_MODIFIED, date)]);
        assert_eq!(asked(&both, &here), [Some("\"7\"".to_string()), Some(date.to_string())]);
        assert_eq!(asked(&both, &there), [None, None]);
        assert_eq!(asked(&said(&[(ETAG, long.as_str())]), &here), [None, None]);
        assert_eq!(both.modified().map(|at| at.as_second()), Some(784_111_777));
        let kept = serde_json::to_string(&both).unwrap();
        assert_eq!(serde_json::from_str::<Validators>(&kept).unwrap(), both);
        assert!(!kept.contains("key=1"));
    }

    #[test]
    fn an_address_is_plain() {
        let (url, who) = address("https://example.org:8443/a", "https://b").unwrap();
        assert_eq!((url.as_str(), who.as_str()), ("https://example.org:8443/a", "example.org"));
        for wrong in ["example.org", "ftp://a", "https://u:hunter2@a", "https://a?token=hunter2", "data:x"] {
            let error = address(wrong, "https://b").unwrap_err();
            assert!(error.ends_with("such as https://b") && !error.contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_are_cut() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 1024]).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.unwrap();
            for part in ["one\r", "\n", "tw", "o\n\nth", "ree"] {
                socket.write_all(part.as_bytes()).await.unwrap();
                socket.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let second = Duration::from_secs(5);
        let (status, mut pieces) = stream("it", client().unwrap().get(url), second).await.unwrap();
        assert_eq!(status, 200);
        let mut lines = Vec::new();
        while let Some(line) = pieces.line(second).await.unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["one", "two", "", "three"]);
    }
}
