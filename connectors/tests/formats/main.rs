//! Every format, read through the public door: small samples as real programs write them, and what is wrong with them.
#![allow(clippy::unwrap_used)]

mod assistants;
mod calendar;
mod inputs;
mod irc;
mod jsonl;
mod mail;
mod robust;
mod slack;
mod social;
mod telegram;
mod whatsapp;

use nexus_connectors::{Format, Item, Options, Rejected, open_reader};
use nexus_types::{Change, Event, Text};

/// Reads `bytes` as if they were a file of that name.
fn items(name: &str, bytes: impl Into<Vec<u8>>, options: &Options) -> Vec<Item> {
    let reader = Box::new(std::io::Cursor::new(bytes.into()));
    open_reader(name, reader, options).unwrap().collect()
}

fn options(format: Format) -> Options {
    Options { format: Some(format), seen_at: 7, ..Options::new("me") }
}

fn event(item: Item) -> Event {
    match item {
        Item::Change(Change::Upsert(event)) => *event,
        other => panic!("no event: {other:?}"),
    }
}

fn reject(item: Item) -> Rejected {
    match item {
        Item::Reject(reject) => reject,
        other => panic!("no rejection: {other:?}"),
    }
}

/// The events of an input in which nothing is wrong.
fn events(name: &str, bytes: impl Into<Vec<u8>>, options: &Options) -> Vec<Event> {
    items(name, bytes, options).into_iter().map(event).collect()
}

fn texts(list: &[&str]) -> Vec<Text> {
    list.iter().map(|text| (*text).into()).collect()
}

fn millis(at: &str) -> i64 {
    nexus_types::time::parse_millis(at).unwrap()
}
