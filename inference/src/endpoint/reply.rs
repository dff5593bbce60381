//! Reading a reply: what the model wrote becomes an [`Extraction`], as far as the text bears it out.
//!
//! A statement counts only if the words it stands on are in the text, letter by letter, all its names are the nouns we
//! speak, and the people and things it names are in the text too; any other is dropped and counted: a wrong fact costs
//! more than a missing one. Total on any reply; linear in its length times the text's.

use nexus_types::passage::Span;
use nexus_types::{
    Aspect, Extraction, Mention, MentionKind, Modality, Polarity, Statement, Tense, Term, Text, When, entity,
};
use serde::Deserialize;
use serde_json::Value;

use super::time;

/// The longest predicate, in bytes.
const PREDICATE_MAX: usize = 40;
/// The longest name or value, in bytes.
const NAME_MAX: usize = 200;
/// The most statements of one text.
const STATEMENTS_MAX: usize = 100;

#[derive(Deserialize)]
struct RawStatement {
    quote: String,
    subject: RawTerm,
    predicate: String,
    object: RawTerm,
    #[serde(default)]
    further: Option<Vec<String>>,
    polarity: String,
    aspect: String,
    modality: String,
    #[serde(default)]
    tense: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    reported_by: Option<RawTerm>,
    #[serde(default)]
    confidence: Option<f64>,
}

#[derive(Deserialize)]
struct RawTerm {
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    of: Option<String>,
}

#[derive(Deserialize)]
struct RawMention {
    kind: String,
    name: String,
}

/// What the reply has for each of so many texts, in their order; or why it cannot be read.
pub(super) fn items(content: &str, texts: usize) -> Result<Vec<Option<Value>>, String> {
    let value = json(content)?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut object) => match object.remove("texts") {
            Some(Value::Array(list)) => list,
            _ => return Err("the reply has no list of texts".into()),
        },
        _ => return Err("the reply is no JSON object".into()),
    };
    let mut items: Vec<Option<Value>> = vec![None; texts];
    for item in list {
        let id = item.get("id").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
        let at = id.and_then(|id| usize::try_from(id).ok()?.checked_sub(1));
        if let Some(place) = at.and_then(|at| items.get_mut(at))
            && place.is_none()
        {
            *place = Some(item);
        }
    }
    Ok(items)
}

/// The JSON of a reply, be it fenced, or after some thoughts.
fn json(content: &str) -> Result<Value, String> {
    let said = content.rsplit("</think>").next().unwrap_or(content);
    let from = said.find(['{', '[']).ok_or("the reply has no JSON in it")?;
    let to = said.rfind(['}', ']']).filter(|to| *to > from).ok_or("the reply's JSON has no end")?;
    serde_json::from_str(&said[from..=to]).map_err(|error| format!("the reply is no JSON: {error}"))
}

/// What a text mentions and states by the reply's entry for it, and how much of that is dropped.
pub(super) fn extraction(text: &str, item: &Value) -> Result<(Extraction, u64), String> {
    let list = |name: &str| item.get(name).and_then(Value::as_array);
    let statements = list("statements").ok_or("the reply has no list of statements")?;
    let stands = Stands { text, lower: text.to_lowercase() };
    let read = |raw: &Value| stands.statement(RawStatement::deserialize(raw).ok()?);
    let mut found = Vec::new();
    for statement in statements.iter().take(STATEMENTS_MAX).filter_map(read) {
        if !found.contains(&statement) {
            found.push(statement);
        }
    }
    let dropped = (statements.len() - found.len()) as u64;
    found.sort_by_key(|statement| statement.span);
    let mentions = stands.mentions(list("mentions").into_iter().flatten());
    Ok((Extraction { mentions, statements: found, affect: None }, dropped))
}

/// A text, and what stands in it.
struct Stands<'t> {
    text: &'t str,
    lower: String,
}

impl Stands<'_> {
    /// The statement, if the text bears it out.
    fn statement(&self, raw: RawStatement) -> Option<Statement> {
        let aspect = Aspect::named(&raw.aspect)?;
        let object = self.term(&raw.object, aspect == Aspect::Ends)?;
        let subject = self.term(&raw.subject, false).filter(|term| !matches!(term, Term::Value(_)))?;
        let modality = Modality::named(&raw.modality)?;
        let reported_by = match raw.reported_by {
            Some(by) if modality == Modality::Reported => Some(self.term(&by, false)?),
            _ => None,
        };
        let further = raw.further.iter().flatten().map(|part| part.trim());
        let further: Vec<&str> = further.filter(|part| !part.is_empty() && self.text.contains(part)).collect();
        Some(Statement {
            span: self.span(&raw.quote)?,
            subject,
            predicate: predicate(&raw.predicate)?,
            object,
            further: further.join("; ").into(),
            polarity: Polarity::named(&raw.polarity)?,
            aspect,
            modality,
            reported_by,
            tense: raw.tense.map_or(Some(Tense::default()), |tense| Tense::named(&tense))?,
            when: When { from: time::read(raw.from.as_deref())?, to: time::read(raw.to.as_deref())? },
            confidence: raw.confidence.map_or(700, |percent| (percent.clamp(0.0, 100.0) * 10.0) as u16),
        })
    }

    /// Where the words stand.
    fn span(&self, quote: &str) -> Option<Span> {
        let quote = quote.trim();
        let start = self.text.find(quote).filter(|_| !quote.is_empty())?;
        Some(Span { start: u32::try_from(start).ok()?, end: u32::try_from(start + quote.len()).ok()? })
    }

    /// The term, if the text names it; a value may be `empty` where an ending leaves open what ended.
    fn term(&self, raw: &RawTerm, empty: bool) -> Option<Term> {
        let name = raw.name.as_deref().unwrap_or_default().trim();
        if name.len() > NAME_MAX {
            return None;
        }
        let named = || (!name.is_empty() && self.has_words(name, usize::MAX)).then(|| Text::from(name));
        Some(match raw.kind.as_str() {
            "speaker" => Term::Speaker,
            "addressee" => Term::Addressee,
            "person" => Term::Person(named()?),
            "handle" => {
                let handle = name.trim_start_matches('@');
                let is_one = !handle.is_empty() && !handle.contains(char::is_whitespace) && self.has(handle);
                Term::Handle(is_one.then(|| handle.into())?)
            }
            "mail" => Term::Mail((entity::is_mail(name) && self.has(name)).then(|| name.into())?),
            "relative" => {
                let of = match raw.of.as_deref().unwrap_or_default().trim() {
                    "speaker" => Term::Speaker,
                    "addressee" => Term::Addressee,
                    of => Term::Person((!of.is_empty() && self.has_words(of, usize::MAX)).then(|| of.into())?),
                };
                Term::Relative(predicate(name)?, Box::new(of))
            }
            "value" if name.is_empty() => Term::Value(empty.then(|| "".into())?),
            // A form of its own may share one word only: "New York" for "New York City".
            "value" => Term::Value(self.has_words(name, 1).then(|| name.into())?),
            _ => return None,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.lower.contains(&name.to_lowercase())
    }

    /// Whether so many of a name's words, or all, are in the text.
    fn has_words(&self, name: &str, wanted: usize) -> bool {
        let lower = name.to_lowercase();
        let words: Vec<&str> =
            lower.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        // A name without a letter, such as an emoji, has to be there as it is.
        if words.is_empty() {
            return self.lower.contains(&lower);
        }
        words.iter().filter(|word| self.lower.contains(**word)).count() >= wanted.min(words.len())
    }

    /// The mentions that are in the text, each name at its next place.
    fn mentions<'v>(&self, raw: impl Iterator<Item = &'v Value>) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        for raw in raw.filter_map(|raw| RawMention::deserialize(raw).ok()).take(STATEMENTS_MAX) {
            let Some(kind) = MentionKind::named(&raw.kind) else { continue };
            let name = raw.name.trim();
            let from = found.iter().filter(|mention| &*mention.name == name).map(|mention| mention.span.end).max();
            let from = from.unwrap_or(0) as usize;
            let Some(start) = self.text[from..].find(name).filter(|_| !name.is_empty()) else { continue };
            let (start, end) = (from + start, from + start + name.len());
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
                found.push(Mention { span: Span { start, end }, kind, name: name.into() });
            }
        }
        found.sort_by_key(|mention| mention.span);
        found
    }
}

/// A predicate in its one form, `lives_in`.
fn predicate(said: &str) -> Option<Text> {
    let name = said.trim().to_lowercase().replace([' ', '-'], "_");
    let is_one = name.len() <= PREDICATE_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    is_one.then(|| name.into())
}

#[cfg(test)]
mod tests;
