//! Scores the crate against the DateTimeModel cases of Microsoft Recognizers-Text.
//!
//! `score DIR [--misses] [--half even|odd] [--language en|es]`: `DIR` holds `en/DateTimeModel.json` and the like. A case
//! is right when exactly the expected spans are found, each with the expected kind and values.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::DateTime;
use nexus_when::{Bound, Candidate, Found, Language, recognise};
use serde_json::Value;

/// Right ones of all, in one way of counting.
#[derive(Default, Clone, Copy)]
struct Tally {
    cases: usize,
    right: usize,
    /// Right but for the TIMEX notation.
    without_timex: usize,
}

impl Tally {
    fn count(&mut self, right: bool, without_timex: bool) {
        self.cases += 1;
        self.right += usize::from(right);
        self.without_timex += usize::from(without_timex);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = args.first() else {
        eprintln!("usage: score DIR [--misses] [--half even|odd] [--language en|es]");
        std::process::exit(2);
    };
    let option =
        |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).map(String::as_str);
    let misses = args.iter().any(|arg| arg == "--misses");
    for (name, language) in [("en", Language::English), ("es", Language::Spanish)] {
        if option("--language").is_none_or(|wanted| wanted == name) {
            score(Path::new(folder), name, language, option("--half"), misses);
        }
    }
}

fn score(folder: &Path, name: &str, language: Language, half: Option<&str>, misses: bool) {
    let path = folder.join(name).join("DateTimeModel.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return eprintln!("{}: {error}", path.display()),
    };
    let cases: Vec<Value> = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(cases) => cases,
        Err(error) => return eprintln!("{}: {error}", path.display()),
    };
    let mut tallies = [Tally::default(); 3];
    let mut missed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if half.is_some_and(|half| (half == "even") != index.is_multiple_of(2)) {
            continue;
        }
        let (expected, got) = (expected(case), got(case, language));
        let right = expected == got;
        let without_timex = strip(&expected) == strip(&got);
        let unsupported = case["NotSupported"].as_str().unwrap_or("");
        let nowhere = ["dotnet", "java", "javascript", "python"]
            .iter()
            .all(|platform| unsupported.split(',').any(|named| named.trim().eq_ignore_ascii_case(platform)));
        tallies[2].count(right, without_timex);
        if unsupported.is_empty() {
            tallies[1].count(right, without_timex);
        }
        if !nowhere {
            tallies[0].count(right, without_timex);
            if !right {
                let group = expected
                    .first()
                    .map_or("nothing".to_owned(), |(_, lines)| lines[0].split(' ').next().unwrap_or("").to_owned());
                missed.entry(group).or_default().push(report(index, case, &expected, &got));
            }
        }
    }
    for (way, tally) in ["supported somewhere", "supported everywhere", "all"].iter().zip(tallies) {
        let share = |part: usize| 100.0 * part as f64 / tally.cases.max(1) as f64;
        println!(
            "{name} {way}: n {} right {} ({:.1} %), span and value {} ({:.1} %)",
            tally.cases,
            tally.right,
            share(tally.right),
            tally.without_timex,
            share(tally.without_timex)
        );
    }
    if misses {
        for (group, reports) in missed {
            println!("\n== {group}: {}", reports.len());
            reports.iter().for_each(|report| println!("{report}"));
        }
    }
}

/// A span (start, exclusive end, text in lower case) and its values, one line each.
type Result = ((usize, usize, String), Vec<String>);

fn expected(case: &Value) -> Vec<Result> {
    let results = case["Results"].as_array().map_or(&[][..], Vec::as_slice);
    let mut all: Vec<Result> = results
        .iter()
        .map(|result| {
            let number = |key: &str| result[key].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            let kind = result["TypeName"].as_str().or(result["Typename"].as_str()).unwrap_or("");
            let kind = kind.trim_start_matches("datetimeV2.");
            let values = result["Resolution"]["values"].as_array().map_or(&[][..], Vec::as_slice);
            let lines = values.iter().map(|value| {
                let field = |key: &str| value[key].as_str().unwrap_or("-").to_owned();
                format!(
                    "{kind} {} {} {} {} {} {}",
                    field("type"),
                    field("timex"),
                    field("value"),
                    field("start"),
                    field("end"),
                    field("Mod")
                )
            });
            let text = result["Text"].as_str().unwrap_or("").to_lowercase();
            ((number("Start"), number("End") + 1, text), lines.collect())
        })
        .collect();
    all.sort();
    all
}

fn got(case: &Value, language: Language) -> Vec<Result> {
    let input = case["Input"].as_str().unwrap_or("");
    let reference = case["Context"]["ReferenceDateTime"].as_str().and_then(|at| at.parse::<DateTime>().ok());
    let reference = reference.unwrap_or(DateTime::constant(2020, 1, 1, 0, 0, 0, 0));
    let units = |byte: usize| input[..byte].encode_utf16().count();
    recognise(input, language)
        .iter()
        .map(|found| {
            let text = input[found.start..found.end].to_lowercase();
            ((units(found.start), units(found.end), text), lines(found, reference))
        })
        .collect()
}

fn lines(found: &Found, reference: DateTime) -> Vec<String> {
    let resolution = found.expr.resolve(reference);
    let kind = resolution.kind.name();
    // The suite writes the values of an approximate point with the type of a range.
    let approximate = found.expr.bound == Bound::Approx && !kind.ends_with("range");
    let inner = if approximate { format!("{kind}range") } else { kind.to_owned() };
    resolution.candidates.iter().map(|candidate| line(kind, &inner, candidate)).collect()
}

fn line(kind: &str, inner: &str, candidate: &Candidate) -> String {
    let Candidate { timex, value, start, end, modifier } = candidate;
    let field = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
    let value = match (value, start, end) {
        (None, None, None) => "not resolved".to_owned(),
        _ => field(value),
    };
    format!("{kind} {inner} {timex} {value} {} {} {}", field(start), field(end), field(modifier))
}

/// The results without their TIMEX notation.
fn strip(results: &[Result]) -> Vec<Result> {
    let without = |line: &String| {
        line.splitn(4, ' ').enumerate().filter(|(at, _)| *at != 2).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    };
    results.iter().map(|(span, lines)| (span.clone(), lines.iter().map(without).collect())).collect()
}

fn report(index: usize, case: &Value, expected: &[Result], got: &[Result]) -> String {
    let side = |name: &str, results: &[Result]| {
        results
            .iter()
            .map(|((start, end, text), lines)| format!("   {name} [{text}] {start}-{end} {}\n", lines.join(" | ")))
            .collect::<String>()
    };
    format!(
        "#{index} ref {} :: {}\n{}{}",
        case["Context"]["ReferenceDateTime"].as_str().unwrap_or("-"),
        case["Input"].as_str().unwrap_or(""),
        side("want", expected),
        side("got ", got)
    )
}
