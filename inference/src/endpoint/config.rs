//! What a user says of an endpoint: where it is, which model, what may be spent, what it costs. It is kept in the model's
//! card, so nothing in it is secret: of a key only the name of the variable that holds it. Cost: none.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::prompt;

/// The least budget a day: what a request of one text may take.
pub const TOKENS_PER_DAY_MIN: u64 = 5_000;

/// The most texts of one request.
const TEXTS_MAX: usize = 64;

/// An endpoint, as its user describes it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address that `/chat/completions` completes: `http://localhost:11434/v1`.
    pub url: String,
    /// The server's name of the model.
    pub model: String,
    /// The environment variable that holds the key; none if the server wants none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_env: String,
    /// How many tokens may be spent on a day, read and written; days are UTC's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// The price of a million tokens read, in the user's money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_in: Option<f64>,
    /// The price of a million tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_out: Option<f64>,
    /// How many texts share a request.
    #[serde(default = "texts")]
    pub texts: usize,
}

fn texts() -> usize {
    8
}

/// What reading some texts will take: a guess, made of their lengths.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// How many texts.
    pub texts: usize,
    /// Tokens the model reads.
    pub tokens_in: u64,
    /// Tokens the model writes.
    pub tokens_out: u64,
    /// What that costs, if a price is known.
    pub money: Option<f64>,
    /// How many days it takes, if there is a budget.
    pub days: Option<u64>,
}

impl Config {
    /// An endpoint without a key, a budget or a price.
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            model: model.into(),
            key_env: String::new(),
            tokens_per_day: None,
            price_in: None,
            price_out: None,
            texts: texts(),
        }
    }

    /// `NAME@` and a digest of all that an answer depends on: the address, the model, and what it is told.
    pub fn id(&self, name: &str) -> String {
        // A card may have been edited by hand.
        let config = self.checked().unwrap_or_else(|_| self.clone());
        let parts = [config.url.as_str(), &config.model, prompt::SYSTEM, prompt::SCHEMA, prompt::READING];
        let digest = parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part).chain_update([0]));
        let digest = format!("{:x}", digest.finalize());
        format!("{name}@{}", digest.get(..8).unwrap_or(&digest))
    }

    /// The same in its one form, or what is wrong with it.
    pub fn checked(&self) -> Result<Self, String> {
        let url = self.url.trim().trim_end_matches('/');
        let url = url.strip_suffix("/chat/completions").unwrap_or(url);
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is no address: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(format!("`{url}` is no address of a server: give http://… or https://…"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return Err(
                "an address with a key in it would be stored: put the key into a variable, and name that".into()
            );
        }
        if self.model.trim().is_empty() {
            return Err("the server's model needs a name".into());
        }
        if !self.key_env.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return Err("a key is read from an environment variable: give its name, not the key".into());
        }
        if self.tokens_per_day.is_some_and(|tokens| tokens < TOKENS_PER_DAY_MIN) {
            return Err(format!("a budget below {TOKENS_PER_DAY_MIN} tokens a day may not pay for one request"));
        }
        if [self.price_in, self.price_out].into_iter().flatten().any(|price| !price.is_finite() || price < 0.0) {
            return Err("a price is a number, 0 or more".into());
        }
        if !(1..=TEXTS_MAX).contains(&self.texts) {
            return Err(format!("1 to {TEXTS_MAX} texts can share a request"));
        }
        Ok(Self { url: url.into(), model: self.model.trim().into(), ..self.clone() })
    }

    /// What so many texts will take, of so many bytes in all.
    pub fn estimate(&self, texts: usize, bytes: u64) -> Estimate {
        let (tokens_in, tokens_out) = tokens(texts, bytes, self.texts);
        let part = |tokens: u64, price: Option<f64>| price.map(|price| tokens as f64 / 1_000_000.0 * price);
        let parts = [part(tokens_in, self.price_in), part(tokens_out, self.price_out)];
        let money = parts.iter().any(Option::is_some).then(|| parts.into_iter().flatten().sum());
        let days = self.tokens_per_day.map(|budget| (tokens_in + tokens_out).div_ceil(budget.max(1)));
        Estimate { texts, tokens_in, tokens_out, money, days }
    }
}

/// About how many tokens are read and written for so many texts of so many bytes, so many a request. Three bytes are
/// taken for a token, and a statement for each 60 bytes: rather too much than too little.
pub(super) fn tokens(texts: usize, bytes: u64, texts_a_request: usize) -> (u64, u64) {
    const EACH_IN: u64 = 12;
    const EACH_OUT: u64 = 30;
    let requests = texts.div_ceil(texts_a_request.max(1)) as u64;
    let told = (prompt::SYSTEM.len() + prompt::SCHEMA.len()) as u64 / 4;
    (requests * told + texts as u64 * EACH_IN + bytes.div_ceil(3), texts as u64 * EACH_OUT + bytes * 3 / 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_have_one_form_and_no_secrets() {
        let url = |url: &str| Config::new(url, "m").checked().map(|config| config.url);
        assert_eq!(url("http://localhost:11434/v1/").unwrap(), "http://localhost:11434/v1");
        assert_eq!(url("https://api.example/v1/chat/completions").unwrap(), "https://api.example/v1");
        for wrong in ["localhost:80/v1", "ftp://a/v1", "http://me:secret@a/v1", "https://a/v1?key=secret", ""] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        let with = |change: fn(&mut Config)| {
            let mut config = Config::new("http://a/v1", "m");
            change(&mut config);
            config.checked().is_ok()
        };
        assert!(with(|config| config.key_env = "OPENAI_API_KEY".into()));
        assert!(!with(|config| config.key_env = "sk-123".into()));
        assert!(!with(|config| config.model = " ".into()));
        assert!(!with(|config| config.tokens_per_day = Some(10)));
        assert!(!with(|config| config.price_out = Some(-1.0)));
        assert!(!with(|config| config.texts = 0));
    }

    #[test]
    fn the_id_is_of_all_that_an_answer_depends_on() {
        let id = |url: &str, model: &str| Config::new(url, model).id("llm");
        assert_eq!(
            id("http://a/v1", "m"),
            Config { tokens_per_day: Some(9), ..Config::new("http://a/v1", "m") }.id("llm")
        );
        assert_eq!(id("http://a/v1", "m"), id("http://a/v1/ ", "m"));
        assert_ne!(id("http://a/v1", "m"), id("http://b/v1", "m"));
        assert_ne!(id("http://a/v1", "m"), id("http://a/v1", "n"));
        assert_eq!(id("http://a/v1", "m").len(), "llm@".len() + 8);
    }

    #[test]
    fn an_estimate_tells_money_and_days() {
        let config = Config { price_in: Some(1.0), price_out: Some(2.0), ..Config::new("http://a/v1", "m") };
        let estimate = config.estimate(1_000, 60_000);
        let money = (estimate.tokens_in + 2 * estimate.tokens_out) as f64 / 1e6;
        assert!((estimate.money.unwrap() - money).abs() < 1e-9 && estimate.days.is_none());
        let spare = Config { tokens_per_day: Some(100_000), ..Config::new("http://a/v1", "m") }.estimate(1_000, 60_000);
        assert_eq!(spare.money, None);
        assert_eq!(spare.days, Some((spare.tokens_in + spare.tokens_out).div_ceil(100_000)));
        // A single text always fits the least budget.
        let (tokens_in, tokens_out) = tokens(1, nexus_types::passage::PASSAGE_BYTES_MAX as u64, 8);
        assert!(tokens_in + tokens_out <= TOKENS_PER_DAY_MIN, "{tokens_in} {tokens_out}");
    }
}
