//! OAuth 2: who gives tokens, and how they are renewed. Signing in is in [`super::browser`] and [`super::device`].
//!
//! One at a time renews a token, over all tasks and processes: whoever waited finds it renewed. A provider that gives a new
//! refresh token takes the old one back, so the new one is on the disk before its access token is used, and what was begun is
//! finished although the feed that asked is stopped. Errors quote nothing of an answer but the error codes that are known.
//! Cost: a request at four fifths of a token's life.

use std::time::Duration;

use ::oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use ::oauth2::{
    AsyncHttpClient, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ErrorResponseType, HttpRequest, HttpResponse,
    RefreshToken, RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
};
use futures::future::BoxFuture;
use nexus_types::Millis;
use reqwest::{Client, RequestBuilder, Url};
use serde::{Deserialize, Serialize};

use super::{Entry, VaultError, VaultPlace, broken, browser, device, file};
use crate::live::{Broken, Clock, Secret, http};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// For how long somebody may sign in.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// A token that holds for less than this is renewed.
const LEFT_MS: Millis = 60_000;
/// A token that is said to hold longer than ten years does not.
const LIFE_MAX: Duration = Duration::from_secs(315_360_000);
/// Codes of errors that may be shown.
const CODES: [&str; 16] = [
    "access_denied",
    "admin_policy_enforced",
    "consent_required",
    "expired_token",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "login_required",
    "org_internal",
    "redirect_uri_mismatch",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
];

/// Who gives tokens, and whom they are given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Where somebody signs in with a browser.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are given.
    pub token_endpoint: String,
    /// Where codes for another device are given; if it is set, somebody signs in so.
    pub device_endpoint: Option<String>,
    /// Under which name this program is registered with the provider.
    pub client_id: String,
    /// What proves it, if the provider gave it something.
    #[serde(with = "crate::vault::boxed::maybe")]
    pub client_secret: Option<Secret>,
    /// What the tokens are for.
    pub scopes: Vec<String>,
    /// How the provider calls this machine: `127.0.0.1`, or `localhost`.
    pub redirect_host: String,
}

/// An account that somebody signed in to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Who gave it.
    pub provider: Provider,
    #[serde(with = "crate::vault::boxed")]
    pub(super) access: Secret,
    #[serde(with = "crate::vault::boxed::maybe")]
    refresh: Option<Secret>,
    got_at: Millis,
    /// When the access token runs out, if the provider says so.
    pub expires_at: Option<Millis>,
}

/// A client that can ask for tokens.
pub(super) type Ready = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Makes the requests of the `oauth2` library.
pub(super) struct Requests {
    client: Client,
    who: String,
}

/// A request without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.reason())]
pub(super) struct Lost(Broken);

impl<'c> AsyncHttpClient<'c> for Requests {
    type Error = Lost;
    type Future = BoxFuture<'c, Result<HttpResponse, Lost>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let unfit = |_| Lost(Broken::Refused(format!("{}: no request to it can be made", self.who)));
            let request = reqwest::Request::try_from(request).map_err(unfit)?;
            let request = RequestBuilder::from_parts(self.client.clone(), request);
            let http::Whole { status, headers, body } = http::whole(&self.who, request, ANSWER).await.map_err(Lost)?;
            let mut response = HttpResponse::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}

impl Provider {
    /// One whose addresses are known: `google` or `microsoft`.
    pub fn known(name: &str) -> Option<Provider> {
        let (authorization, token, device, host) = match name {
            "google" => (
                "https://accounts.google.com/o/oauth2/v2/auth",
                "https://oauth2.googleapis.com/token",
                "https://oauth2.googleapis.com/device/code",
                "127.0.0.1",
            ),
            "microsoft" => (
                "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
                "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
                "localhost",
            ),
            _ => return None,
        };
        Some(Provider {
            authorization_endpoint: Some(authorization.into()),
            token_endpoint: token.into(),
            device_endpoint: Some(device.into()),
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            redirect_host: host.into(),
        })
    }

    pub(super) fn ready(&self) -> Result<(Ready, Requests), String> {
        let (url, who) = endpoint(&self.token_endpoint, "token endpoint")?;
        if self.client_id.is_empty() {
            return Err("client id: it is empty".into());
        }
        let client = BasicClient::new(ClientId::new(self.client_id.clone())).set_token_uri(TokenUrl::from_url(url));
        let client = match &self.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().into())),
            None => client,
        };
        Ok((client, Requests { client: http::client()?, who }))
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.scopes.iter().cloned().map(Scope::new)
    }
}

/// An endpoint's address, with its name for errors.
pub(super) fn endpoint(text: &str, what: &str) -> Result<(Url, String), String> {
    let (url, who) =
        http::address(text, "https://login.example.org/token").map_err(|error| format!("{what}: {error}"))?;
    if url.scheme() != "https" && !matches!(who.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
        return Err(format!("{what}: tokens travel encrypted: give its https address"));
    }
    Ok((url, who))
}

/// Why there is no token.
pub(super) fn refused<T>(who: &str, error: RequestTokenError<Lost, StandardErrorResponse<T>>) -> Broken
where
    T: ErrorResponseType + std::fmt::Display + AsRef<str> + 'static,
{
    match error {
        RequestTokenError::Request(Lost(broken)) => broken,
        RequestTokenError::ServerResponse(said) => {
            Broken::Refused(format!("{who}: it answers {}", code(said.error().as_ref())))
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Broken::Retry(format!("{who}: it answers with no token"))
        }
    }
}

/// A code of an error, if it is one that is known.
pub(super) fn code(said: &str) -> &str {
    CODES.into_iter().find(|code| *code == said).unwrap_or("with an error that is not known here")
}

impl Requests {
    pub(super) fn failed<T>(&self, error: RequestTokenError<Lost, StandardErrorResponse<T>>) -> VaultError
    where
        T: ErrorResponseType + std::fmt::Display + AsRef<str> + 'static,
    {
        VaultError::Failed(refused(&self.who, error).reason().into())
    }
}

impl Grant {
    fn of(provider: Provider, answer: &BasicTokenResponse, before: Option<Secret>, at: Millis) -> Grant {
        let life = answer.expires_in().map(|life| life.min(LIFE_MAX).as_millis() as Millis);
        let refresh = answer.refresh_token().map(|token| Secret::from(token.secret().clone())).or(before);
        Grant {
            provider,
            access: Secret::from(answer.access_token().secret().clone()),
            refresh,
            got_at: at,
            expires_at: life.map(|life| at.saturating_add(life)),
        }
    }

    /// Whether it can be renewed without anybody signing in.
    pub fn is_renewable(&self) -> bool {
        self.refresh.is_some()
    }

    fn holds(&self, now: Millis) -> bool {
        self.expires_at.is_none_or(|ends| now < ends)
    }

    /// Whether it is time to renew it: a fifth of its life is left, or less than a minute.
    fn is_due(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|ends| {
            let life = ends.saturating_sub(self.got_at);
            ends.saturating_sub(now) < LEFT_MS.max(life / 5)
        })
    }

    async fn renewed(self, name: &str, now: Millis) -> Result<Grant, Broken> {
        let (client, requests) = self.provider.ready().map_err(Broken::Refused)?;
        let again =
            |why: &str| Broken::Refused(format!("{}: {why}: sign in again: nexus vault login {name}", requests.who));
        let Some(refresh) = &self.refresh else { return Err(again("the token has run out and cannot be renewed")) };
        let token = RefreshToken::new(refresh.expose().into());
        match client.exchange_refresh_token(&token).request_async(&requests).await {
            Ok(answer) => Ok(Grant::of(self.provider, &answer, self.refresh, now)),
            Err(RequestTokenError::ServerResponse(said)) if *said.error() == BasicErrorResponseType::InvalidGrant => {
                Err(again("it renews the token no more"))
            }
            Err(error) => Err(refused(&requests.who, error)),
        }
    }
}

/// The access token of an entry, renewed if it is time.
pub(super) async fn access(place: &VaultPlace, name: &str, held: Grant, now: Millis) -> Result<Secret, Broken> {
    if !held.is_due(now) || (!held.is_renewable() && held.holds(now)) {
        return Ok(held.access);
    }
    // A task of its own: whoever asked may be stopped, and what the provider gave then would be lost.
    let renewing = tokio::spawn(renew(place.clone(), name.to_string(), held.access, now));
    renewing.await.map_err(|_| Broken::Retry(format!("{name}: renewing it was given up")))?
}

async fn renew(place: VaultPlace, name: String, seen: Secret, now: Millis) -> Result<Secret, Broken> {
    let lock = file::lock(&place.path).await.map_err(broken)?;
    let Entry::OAuth2(grant) = place.entry(&name).map_err(broken)? else {
        return Err(Broken::Retry(format!("{name}: it is another entry now")));
    };
    if grant.access != seen && grant.holds(now) {
        // Another renewed it while we waited.
        return Ok(grant.access);
    }
    let (holds, access) = (grant.holds(now), grant.access.clone());
    let renewed = match grant.renewed(&name, now).await {
        // There is time to try again.
        Err(Broken::Retry(_) | Broken::Wait(..)) if holds => return Ok(access),
        renewed => renewed?,
    };
    let access = renewed.access.clone();
    let put = |entries: &mut super::Entries| {
        entries.insert(name, Entry::OAuth2(renewed));
        Ok(())
    };
    place.changed(&lock, put).map_err(broken)?;
    Ok(access)
}

/// Lets somebody sign in; `say` tells what to do.
pub async fn login(provider: Provider, clock: Clock, say: &mut dyn FnMut(&str)) -> Result<Grant, VaultError> {
    let answer = match &provider.device_endpoint {
        Some(endpoint) => device::answer(&provider, endpoint, say).await?,
        None => browser::answer(&provider, say).await?,
    };
    Ok(Grant::of(provider, &answer, None, clock()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn grant(life_ms: Millis) -> Grant {
        let provider = Provider { client_id: "nexus".into(), ..Provider::known("google").unwrap() };
        let secret = |text: &str| Secret::from(text.to_string());
        let (access, refresh) = (secret("access"), Some(secret("refresh")));
        Grant { provider, access, refresh, got_at: 1_000, expires_at: Some(1_000 + life_ms) }
    }

    #[test]
    fn a_token_is_renewed_ahead_of_time() {
        let hour = grant(3_600_000);
        for (at, due) in [(1_000, false), (2_881_000, false), (2_881_001, true), (9_000_000, true)] {
            assert_eq!(hour.is_due(at), due, "{at}");
        }
        assert!(hour.holds(3_600_999) && !hour.holds(3_601_000));
        let minutes = grant(180_000);
        assert!(!minutes.is_due(121_000) && minutes.is_due(121_001));
        assert!(!Grant { expires_at: None, ..hour }.is_due(Millis::MAX));
        assert!(!format!("{minutes:?}").contains("access\""), "{minutes:?}");
    }

    #[test]
    fn tokens_travel_encrypted() {
        for name in ["google", "microsoft"] {
            let known = Provider { client_id: "nexus".into(), ..Provider::known(name).unwrap() };
            assert!(known.ready().is_ok());
            let plain = Provider { token_endpoint: "http://example.org/token".into(), ..known };
            assert_eq!(plain.ready().err().unwrap(), "token endpoint: tokens travel encrypted: give its https address");
        }
        assert!(endpoint("http://127.0.0.1:1/token", "it").is_ok());
    }
}
