//! A subject of NATS JetStream that changes are published to, each confirmed before the next is sent.
//!
//! `Nats-Msg-Id` is the change's id: within its duplicate window (two minutes if nobody set another) the stream itself
//! drops what comes again; the id stands in the body too. Cost: a round trip a change.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{self, Context};
use async_nats::{ConnectErrorKind, ConnectOptions, HeaderMap};
use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::time::timeout;

use super::{Dispatch, Sink};
use crate::live::{Broken, Clock, SecretRef, socket};

/// How long connecting may take, and a confirmation.
const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(15);

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSinkConfig {
    /// Where: `host:port`.
    pub server: String,
    /// The subject; a stream has to take it in.
    pub subject: String,
    /// The account, if there is one.
    pub user: Option<String>,
    /// The account's password; without a user, a token.
    pub password: Option<SecretRef>,
    /// Whether the connection must be encrypted.
    #[serde(default)]
    pub tls: bool,
    /// Who vouches for the server, instead of the system's authorities: a PEM file.
    pub authority: Option<PathBuf>,
}

/// A subject.
pub struct NatsSink {
    config: NatsSinkConfig,
    clock: Clock,
    connected: Option<Context>,
}

impl NatsSink {
    /// Checks what the configuration says.
    pub fn new(config: NatsSinkConfig, clock: Clock) -> Result<NatsSink, String> {
        socket::is_address(&config.server, "nats.example.org:4222")?;
        let subject = &config.subject;
        if subject.is_empty() || subject.split('.').any(|part| part.is_empty() || part.contains(['*', '>', ' '])) {
            return Err(format!("subject: {subject:?} is no plain subject, such as memory.changes"));
        }
        if config.user.is_some() && config.password.is_none() {
            return Err("password: it is missing".into());
        }
        if let Some(password) = &config.password {
            password.read().map_err(|error| format!("password: {error}"))?;
        }
        Ok(NatsSink { config, clock, connected: None })
    }

    async fn connect(&self) -> Result<Context, Broken> {
        let NatsSinkConfig { server, user, password, tls, authority, .. } = &self.config;
        // A connection that breaks is one for the breaker, not for the library.
        let mut options = ConnectOptions::new().name("nexus").max_reconnects(1_usize).connection_timeout(CONNECT);
        if let Some(password) = password {
            let secret = password.fetch("password", (self.clock)()).await?.expose().to_string();
            options = match user {
                Some(user) => options.user_and_password(user.clone(), secret),
                None => options.token(secret),
            };
        }
        if *tls {
            let config =
                socket::client(authority.as_deref()).map_err(|error| Broken::Refused(format!("authority: {error}")))?;
            options = options.tls_client_config(config).require_tls(true);
        }
        let late = |_| Broken::Retry(format!("{server}: connecting took longer than {} s", CONNECT.as_secs()));
        let client = timeout(CONNECT, options.connect(server.clone())).await.map_err(late)?;
        let client = client.map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                Broken::Refused(format!("{server}: user or password are wrong"))
            }
            _ => Broken::Retry(format!("{server}: {error}")),
        })?;
        Ok(jetstream::new(client))
    }

    async fn publish(&self, context: &Context, dispatch: &Dispatch) -> Result<(), Broken> {
        let NatsSinkConfig { server, subject, .. } = &self.config;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, dispatch.id.as_str());
        let body = dispatch.body.clone().into_bytes().into();
        let failed = |error: &dyn std::fmt::Display| Broken::Retry(format!("{server}: {subject}: {error}"));
        let published = async {
            let sent = context.publish_with_headers(subject.clone(), headers, body).await;
            sent.map_err(|error| failed(&error))?.await.map_err(|error| failed(&error))
        };
        timeout(ANSWER, published).await.map_err(|_| failed(&"it is not confirmed"))?.map(drop)
    }
}

impl Sink for NatsSink {
    fn deliver<'a>(&'a mut self, dispatches: &'a [Dispatch], done: &'a mut usize) -> BoxFuture<'a, Result<(), Broken>> {
        Box::pin(async move {
            // What breaks is connected anew.
            let context = match self.connected.take() {
                Some(context) => context,
                None => self.connect().await?,
            };
            for dispatch in dispatches {
                self.publish(&context, dispatch).await?;
                *done += 1;
            }
            self.connected = Some(context);
            Ok(())
        })
    }
}
