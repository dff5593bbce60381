//! Signing in with a browser on this machine: an authorization code with PKCE, brought back to a port of loopback (RFC 8252).
//! Cost: a connection for each request of the browser.

use std::time::Duration;

use ::oauth2::basic::BasicTokenResponse;
use ::oauth2::{AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl};
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::VaultError;
use super::oauth2::{PATIENCE, Provider, code, endpoint};

/// How long a browser may take to send a request, and how large it may be.
const REQUEST: Duration = Duration::from_secs(2);
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Lets somebody sign in; `say` tells where.
pub(super) async fn answer(provider: &Provider, say: &mut dyn FnMut(&str)) -> Result<BasicTokenResponse, VaultError> {
    let missing = || VaultError::Argument("authorization endpoint: name where one signs in".into());
    let authorization = provider.authorization_endpoint.as_deref().ok_or_else(missing)?;
    let (authorization, _) = endpoint(authorization, "authorization endpoint").map_err(VaultError::Argument)?;
    let (client, requests) = provider.ready().map_err(VaultError::Argument)?;
    let unheard = |error: std::io::Error| VaultError::Failed(format!("the browser cannot be listened to: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unheard)?;
    let port = listener.local_addr().map_err(unheard)?.port();
    let redirect = RedirectUrl::new(format!("http://{}:{port}", provider.redirect_host))
        .map_err(|_| VaultError::Argument("redirect host: 127.0.0.1 or localhost".into()))?;
    let client = client.set_auth_uri(AuthUrl::from_url(authorization)).set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = client.authorize_url(CsrfToken::new_random).add_scopes(provider.scopes());
    let (address, state) = request.set_pkce_challenge(challenge).url();
    say(&format!("Open this address in a browser on this machine:\n{address}"));
    let late = |_| VaultError::Failed(format!("nobody signed in within {} minutes", PATIENCE.as_secs() / 60));
    let code = timeout(PATIENCE, redirected(&listener, state.secret())).await.map_err(late)??;
    let exchange = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(verifier);
    exchange.request_async(&requests).await.map_err(|error| requests.failed(error))
}

/// Waits until the browser comes back from the provider; gives the code that it brings.
async fn redirected(listener: &TcpListener, state: &str) -> Result<String, VaultError> {
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(REQUEST).await;
            continue;
        };
        // Browsers also connect without asking for anything.
        let Ok(Some(target)) = timeout(REQUEST, target(&mut socket)).await else { continue };
        let (status, told, code) = judged(&target, state);
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n");
        let answer = format!("{head}content-length: {}\r\n\r\n{told}", told.len());
        // What the browser shows matters less than what it brought.
        let _ = timeout(REQUEST, socket.write_all(answer.as_bytes())).await;
        let _ = timeout(REQUEST, socket.shutdown()).await;
        if let Some(code) = code {
            return code;
        }
    }
}

/// What a request asks for; nothing if it is none.
async fn target(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        if socket.read_buf(&mut read).await.ok()? == 0 || read.len() > REQUEST_BYTES_MAX {
            return None;
        }
    }
    let text = String::from_utf8(read).ok()?;
    let target = text.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.to_string())
}

/// What a request means: what it is told, and whether waiting is over. Only who knows the state is believed.
fn judged(target: &str, state: &str) -> (&'static str, &'static str, Option<Result<String, VaultError>>) {
    let url = Url::parse(&format!("http://localhost{target}"));
    let part = |name: &str| {
        let url = url.as_ref().ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if part("state").is_none_or(|said| said != state) {
        return ("404 Not Found", "This is not the answer that Nexus waits for.", None);
    }
    match (part("code"), part("error")) {
        (Some(code), None) => ("200 OK", "Signed in. You may close this window.", Some(Ok(code))),
        (_, error) => {
            let error = format!("the provider answers {}", code(error.as_deref().unwrap_or_default()));
            ("200 OK", "Not signed in. Nexus says why.", Some(Err(VaultError::Failed(error))))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_who_knows_the_state_is_believed() {
        assert_eq!(judged("/?code=c%2F1&state=s", "s").2, Some(Ok("c/1".into())));
        let denied = judged("/?error=access_denied&state=s", "s").2;
        assert_eq!(denied, Some(Err(VaultError::Failed("the provider answers access_denied".into()))));
        let told = judged("/?error=hunter2&state=s", "s").2.unwrap().unwrap_err();
        assert!(!told.to_string().contains("hunter2"));
        for other in ["/favicon.ico", "/?code=c", "/?code=c&state=t", "*", "http://["] {
            assert_eq!(judged(other, "s").2, None, "{other}");
        }
    }
}
