//! Sinks of a run: each is a task, supervised as feeds are, that asks the thread that owns the engine for what waits
//! for it, delivers that, and says how far it is.
//!
//! How far a sink is, is kept as a feed's offset is, so it is durable before the next is asked for. What was delivered
//! and not yet said so is delivered again, under the same ids. Cost: a look into the outbox and an append a batch.

use std::convert::Infallible;

use futures::future::BoxFuture;
use nexus_connectors::live::sink::{
    Dispatch, JsonlConfig, JsonlSink, NatsSink, NatsSinkConfig, RabbitSink, RabbitSinkConfig, Sink, WebhookSink,
    WebhookSinkConfig,
};
use nexus_connectors::live::{Batch, Broken, Feed, Named, Outlet, Resume};
use nexus_types::Text;
use nexus_types::tables::{OutboxAt, Outgoing};
use serde_json::json;
use tokio::sync::oneshot;

use super::config::{self, Entry};
use super::pulse::Brought;
use super::run::Orders;
use super::supervise::{Board, on_followed};
use crate::outbox::{Cursor, SINK, TABLES, Wish};
use crate::{Error, Result, clock};

/// The kinds of sinks.
const KINDS: [&str; 4] = ["jsonl", "nats", "rabbitmq", "webhook"];
/// So many changes are looked at for one batch.
pub(super) const ROWS_AT_ONCE: u64 = 500;

/// What leaves next, with the place of each change, and up to where the outbox was looked at.
pub(super) struct Outbound {
    pub(super) dispatches: Vec<(OutboxAt, Dispatch)>,
    pub(super) until: OutboxAt,
}

/// What a table `[sink.NAME]` says.
pub(super) fn entry(name: &str, value: toml::Value) -> std::result::Result<Entry, String> {
    let limited = value.get("scope").is_some();
    let mut entry = config::entry(name, value, &"everybody".into(), &KINDS)?;
    let expected = || format!("of: a list of {} is expected", TABLES.join(", "));
    let of: Vec<Text> = entry.rest.remove("of").and_then(|of| of.try_into().ok()).ok_or_else(expected)?;
    if of.is_empty() || !of.iter().all(|table| TABLES.contains(&&**table)) {
        return Err(expected());
    }
    let named = Named { scope: "".into(), feed: format!("{SINK}{name}").into() };
    let scope = std::mem::replace(&mut entry.named, named).scope;
    entry.wish = Some(Wish { of: of.into_iter().collect(), scope: limited.then_some(scope) });
    Ok(entry)
}

impl Entry {
    /// The feed that it describes; a sink is joined to the run.
    pub(super) fn followed(&self, orders: &Orders, board: &Board) -> Result<Box<dyn Feed>> {
        if self.wish.is_some() { self.sink(Some((orders.clone(), board.clone()))) } else { self.feed() }
    }

    /// The sink that it describes, as a task follows it.
    pub(super) fn sink(&self, post: Option<(Orders, Board)>) -> Result<Box<dyn Feed>> {
        let wrong = |error| Error::argument(format!("{}: {error}", self.named.feed.replacen('/', ".", 1)));
        let sink = self.made_sink().map_err(wrong)?;
        Ok(Box::new(SinkFeed { named: self.named.clone(), sink, post }))
    }

    fn made_sink(&self) -> std::result::Result<Box<dyn Sink>, String> {
        let now = clock::now;
        match self.kind.as_str() {
            "jsonl" => Ok(Box::new(JsonlSink::new(self.parts::<JsonlConfig>()?)?)),
            "nats" => Ok(Box::new(NatsSink::new(self.parts::<NatsSinkConfig>()?, now)?)),
            "rabbitmq" => Ok(Box::new(RabbitSink::new(self.parts::<RabbitSinkConfig>()?, now)?)),
            "webhook" => Ok(Box::new(WebhookSink::new(self.parts::<WebhookSinkConfig>()?, now)?)),
            other => Err(format!("kind: {other:?} is none of {}", KINDS.join(", "))),
        }
    }
}

/// A change as it leaves. Its id is the same whenever it does: a place in the outbox is taken once.
pub(super) fn dispatch(store: &str, row: &Outgoing) -> Result<Dispatch> {
    let Outgoing { at, scope, table, key, sign, row } = row;
    let epoch = at.epoch;
    let id = format!("{store}/{epoch}/{table}/{key}/{}", if *sign > 0 { "+" } else { "-" });
    let row = row.as_deref().map(serde_json::from_str::<serde_json::Value>).transpose().map_err(Error::internal)?;
    let body = json!({
        "id": id, "epoch": epoch, "scope": scope, "table": table, "key": key, "sign": sign, "row": row
    });
    Ok(Dispatch { id, body: body.to_string() })
}

/// A sink, followed as a feed is.
struct SinkFeed {
    named: Named,
    sink: Box<dyn Sink>,
    /// Where it gets what leaves; nowhere if it is only tried.
    post: Option<(Orders, Board)>,
}

impl SinkFeed {
    async fn run(&mut self, from: Resume, outlet: &Outlet) -> std::result::Result<Infallible, Broken> {
        let SinkFeed { named, sink, post } = self;
        sink.deliver(&[], &mut 0).await?;
        outlet.healthy();
        let Some((orders, board)) = post else { return std::future::pending().await };
        let cursor = from.offset.as_deref().and_then(Cursor::from_offset);
        let mut cursor = cursor.ok_or_else(|| Broken::Retry("it is not known how far it is".into()))?;
        loop {
            let (reply, outbound) = oneshot::channel();
            orders.ask_outbound(cursor.clone(), reply);
            let Outbound { dispatches, until } = outbound.await.map_err(|_| Broken::Closed)?;
            let (places, dispatches): (Vec<OutboxAt>, Vec<Dispatch>) = dispatches.into_iter().unzip();
            let mut done = 0;
            let delivered = match dispatches.as_slice() {
                [] => Ok(()),
                some => sink.deliver(some, &mut done).await,
            };
            let last = done.checked_sub(1).and_then(|last| places.get(last)).copied();
            let at = if delivered.is_ok() { until } else { last.unwrap_or(cursor.at) };
            if at > cursor.at {
                cursor.at = at;
                let batch = Batch { offset: Some(cursor.to_offset()), ..Batch::default() };
                outlet.send(batch).await?.kept().await?;
                let brought = Brought { messages: done as u64, ..Brought::default() };
                on_followed(board, &named.feed, |health| health.brings(brought, clock::now()));
            }
            delivered?;
        }
    }
}

impl Feed for SinkFeed {
    fn follow<'a>(
        &'a mut self,
        from: Resume,
        outlet: &'a Outlet,
    ) -> BoxFuture<'a, std::result::Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sink_is_read() {
        let read = |text: &str| entry("out", toml::Value::Table(text.parse().unwrap()));
        let sink = read("kind = \"jsonl\"\npath = \"/tmp/out.jsonl\"\nof = [\"facts\", \"watched\"]").unwrap();
        let wish = sink.wish.clone().unwrap();
        assert_eq!((&*sink.named.feed, &*sink.named.scope), ("sink/out", ""));
        assert!(wish.fits("facts", &"any".into()) && !wish.fits("decisions", &"any".into()));
        assert!(sink.feed().is_ok());
        let limited = read("kind = \"jsonl\"\npath = \"/tmp/o\"\nof = [\"facts\"]\nscope = \"work\"").unwrap();
        let wish = limited.wish.unwrap();
        assert!(wish.fits("facts", &"work".into()) && !wish.fits("facts", &"any".into()));
        for (text, expected) in [
            ("of = [\"facts\"]", "kind is missing: one of jsonl, nats"),
            ("kind = \"jsonl\"\npath = \"/tmp/o\"", "of: a list of decisions, facts, watched"),
            ("kind = \"jsonl\"\npath = \"/tmp/o\"\nof = [\"events\"]", "of: a list of"),
        ] {
            assert!(read(text).unwrap_err().contains(expected), "{text}");
        }
        let wrong = read("kind = \"jsonl\"\npath = \"o\"\nof = [\"facts\"]").unwrap().feed();
        assert_eq!(wrong.err().map(|error| error.to_string()).as_deref(), Some("sink.out: path: o is not absolute"));
    }

    #[test]
    fn a_change_has_one_name() {
        let at = OutboxAt { epoch: 7, ordinal: 3 };
        let (scope, table, key) = ("s".into(), "facts".into(), "k".into());
        let row = Outgoing { at, scope, table, key, sign: 1, row: Some("{\"object\":\"Rome\"}".into()) };
        let dispatch = dispatch("store", &row).unwrap();
        assert_eq!(dispatch.id, "store/7/facts/k/+");
        let body: serde_json::Value = serde_json::from_str(&dispatch.body).unwrap();
        assert_eq!((&body["row"]["object"], &body["sign"]), (&json!("Rome"), &json!(1)));
    }
}
