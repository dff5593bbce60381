//! `nexus models`: which there are, fetching or adding one, letting a scope use another, how fast they are here.

use std::path::Path;
use std::sync::atomic::Ordering;

use nexus::endpoint::Config;
use nexus::models::{Kind, Listed};
use nexus::{Device, Error, Go};
use serde_json::json;

use crate::args::{Add, Models};
use crate::failure::{Outcome, Result};
use crate::ingest::stop_on_ctrl_c;
use crate::place::Place;
use crate::print::{Out, Sheet, Tone, bytes, count, number, span};

pub(crate) fn models(place: &Place, out: &Out, action: Option<Models>) -> Result {
    match action.unwrap_or(Models::List) {
        Models::List => list(out),
        Models::Fetch { name, from } => fetch(out, &name, from.as_deref()),
        Models::Add(model) => add(out, model),
        Models::Use { name, yes } => use_model(place, out, &name, yes),
        Models::Bench { names } => bench(place, out, names),
    }
}

fn list(out: &Out) -> Result {
    let models = nexus::models::list();
    if out.json {
        let rows = models.iter().map(|listed| {
            let model = &listed.model;
            json!({
                "name": model.name, "id": model.id(), "about": model.about, "languages": model.languages,
                "licence": model.licence, "kind": model.kind, "dimension": model.dimension,
                "here": model.is_here(), "folder": listed.folder, "endpoint": model.endpoint,
            })
        });
        out.value(&rows.collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    let mut sheet =
        Sheet::new(&["model", "what it is", "languages", "numbers", "licence", "size", "where"], "no models");
    sheet = sheet.right(3).right(5);
    for listed in &models {
        let model = &listed.model;
        let size = if model.files.is_empty() { String::new() } else { bytes(size(listed)) };
        let numbers = if model.is_embedder() { number(model.dimension as u64) } else { String::new() };
        let [name, about, languages, licence] =
            [&model.name, &model.about, &model.languages, &model.licence].map(String::clone);
        sheet.row([name, about, languages, numbers, licence, size, home(listed)]);
    }
    out.table(sheet)?;
    out.hint("A new scope uses the first that is here. Another: nexus models fetch NAME, then nexus models use NAME.");
    let devices: Vec<&str> = Device::there().into_iter().map(Device::name).collect();
    out.hint(&format!("Devices here: {}; tables need none.", devices.join(", ")));
    Ok(Outcome::Done)
}

fn size(listed: &Listed) -> u64 {
    listed.model.files.iter().map(|file| file.bytes).sum()
}

fn home(listed: &Listed) -> String {
    match (&listed.folder, listed.model.kind) {
        (_, Kind::BuiltIn) => "built in".into(),
        (_, Kind::Extractor) => format!("built in, with {}", listed.model.over),
        (_, Kind::Endpoint) => listed.model.endpoint.as_ref().map(|endpoint| endpoint.url.clone()).unwrap_or_default(),
        (Some(folder), _) => folder.display().to_string(),
        (None, _) => "not here".into(),
    }
}

fn fetch(out: &Out, name: &str, from: Option<&Path>) -> Result {
    let bar = out.progress();
    let fetched = nexus::models::fetch(name, from, &mut |progress| {
        let left = bar.left(progress.done, progress.total);
        let left = left.map(|left| format!(", {} left", span(left))).unwrap_or_default();
        bar.show(progress.done, progress.total, format!("{} from {}{left}", progress.file, progress.place));
    });
    bar.finish();
    let folder = fetched.map_err(Error::from)?;
    if out.json {
        out.value(&json!({"name": name, "folder": folder}))?;
    } else {
        out.line(&format!("{name} is in {}", folder.display()))?;
        let hint = match nexus::models::known(name).is_ok_and(|model| model.is_embedder()) {
            true => format!("To let a scope use it: nexus models use {name}"),
            false => "nexus recall --rerank uses it".into(),
        };
        out.hint(&hint);
    }
    Ok(Outcome::Done)
}

fn add(out: &Out, model: Add) -> Result {
    let known = match (&model.folder, model.url) {
        (Some(folder), _) => nexus::models::add(&model.name, folder),
        (None, url) => {
            let config = Config {
                key_env: model.key_env.unwrap_or_default(),
                tokens_per_day: model.tokens_per_day,
                price_in: model.price_in,
                price_out: model.price_out,
                texts: model.texts,
                ..Config::new(url.unwrap_or_default(), model.model.unwrap_or_default())
            };
            nexus::models::add_endpoint(&model.name, &config)
        }
    };
    let known = known.map_err(Error::from)?;
    let name = &known.name;
    if out.json {
        out.value(&json!({"name": name, "id": known.id(), "dimension": known.dimension, "endpoint": known.endpoint}))?;
    } else if let Some(endpoint) = &known.endpoint {
        out.line(&format!("{name} is {} at {}", endpoint.model, endpoint.url))?;
        out.hint(&format!("Nothing was sent there yet. To let a scope's texts be read there: nexus models use {name}"));
    } else {
        out.line(&format!("{name} is here: {} numbers a text", number(known.dimension as u64)))?;
        out.hint(&format!("To let a scope use it: nexus models use {name}"));
    }
    Ok(Outcome::Done)
}

fn use_model(place: &Place, out: &Out, name: &str, yes: bool) -> Result {
    let mut nexus = place.write()?;
    if !crate::cost::agreed(&mut nexus, out, name, yes)? {
        return Ok(Outcome::Stopped);
    }
    let stop = stop_on_ctrl_c(out, out.json);
    let bar = out.progress();
    let switch = nexus.use_model(name, &mut |progress| {
        bar.told(progress);
        if stop.load(Ordering::Relaxed) { Go::Stop } else { Go::On }
    })?;
    bar.finish();
    nexus.close()?;
    let done = switch.open_asks == 0;
    if out.json {
        out.value(&switch)?;
    } else if done {
        let from =
            if switch.from.is_empty() { String::new() } else { format!(", instead of {}", switch.from.join(", ")) };
        let facts = format!("{} facts changed", number((switch.facts.0 + switch.facts.1) as u64));
        let does = if nexus::models::known(name).is_ok_and(|model| model.is_embedder()) { "searches" } else { "reads" };
        out.line(&format!("{} {does} by {}{from}; {facts}", out.toned(Tone::Good, &place.scope), switch.to))?;
    } else {
        let left = count(switch.open_asks, "text");
        out.line(&format!(
            "stopped with {left} to read; until then the old one stays in use. The same command goes on."
        ))?;
    }
    Ok(if done { Outcome::Done } else { Outcome::Stopped })
}

fn bench(place: &Place, out: &Out, names: Vec<String>) -> Result {
    let here = || {
        let models = nexus::models::list().into_iter().map(|listed| listed.model);
        models.filter(|model| model.is_here() && !model.is_extractor())
    };
    let names = if names.is_empty() { here().map(|model| model.name).collect() } else { names };
    let mut speeds = Vec::new();
    for name in names {
        out.hint(&format!("measuring {name}, device {} …", place.device.name()));
        speeds.push(nexus::measure(&name, place.device)?);
    }
    if out.json {
        out.value(&speeds)?;
        return Ok(Outcome::Done);
    }
    let lengths =
        speeds.first().map(|speed| speed.texts_per_second.iter().map(|(words, _)| *words).collect::<Vec<_>>());
    let mut heads = vec!["texts/s".to_string()];
    heads.extend(lengths.into_iter().flatten().map(|words| format!("{words} words")));
    let mut sheet =
        Sheet::new(&heads.iter().map(String::as_str).collect::<Vec<_>>(), "no models").right(1).right(2).right(3);
    for speed in speeds {
        let rates = speed.texts_per_second.iter().map(|(_, rate)| number(*rate as u64));
        sheet.row([speed.model.clone()].into_iter().chain(rates));
    }
    out.table(sheet)?;
    Ok(Outcome::Done)
}
