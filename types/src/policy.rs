//! Policy: how to consolidate, whom to trust, who is who, which models to ask. Rows a user can read and change.
//!
//! Every row belongs to a scope. A new scope starts with [`defaults`]; `reconsolidate` replaces its predicates and trust.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::claim::named;
use crate::{ClaimId, Hash128, Key, Millis, Object, PassageId, Scope, Text};

/// What several values of one predicate mean for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// They replace each other: one place to live at a time.
    Replace,
    /// They add up: one may like many things.
    Add,
    /// They are events: each happened, none ends.
    Event,
}

named!(Cardinality { Replace = "replace", Add = "add", Event = "event" });

/// How claims of one predicate are consolidated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Predicate {
    /// The predicate: `lives_in`.
    pub name: Text,
    /// What several values mean for each other.
    pub cardinality: Cardinality,
    /// The predicate that cannot hold of the same object at the same time: `likes` and `dislikes`. Both rows name the same
    /// group: the lesser of the two names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opposite: Option<Text>,
    /// The same relation, seen from the other end: `parent` and `child`. What is said from either end is one fact. Both
    /// rows name each other; where values replace each other it means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Text>,
    /// Its own inverse: `sibling`, `friend`. Where values replace each other, each side keeps its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub symmetric: bool,
    /// The replacing predicates whose value a beginning of this one ends, unless it is the same: `moved_to` ends
    /// `lives_in`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<Text>,
}

impl Predicate {
    /// A predicate with that name and cardinality, and nothing else to say of it.
    pub fn new(name: &str, cardinality: Cardinality) -> Predicate {
        let name = name.into();
        Predicate { name, cardinality, opposite: None, inverse: None, symmetric: false, ends: Vec::new() }
    }
}

/// What a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Text to vector.
    Embed,
    /// Text to mentions and statements.
    Extract,
    /// Whatever the model is for: it reads beside the one in use, so that it can take over with all its answers.
    Prepare,
}

named!(Task { Embed = "embed", Extract = "extract", Prepare = "prepare" });

/// One thing that policy says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// This identity key is "I" in this scope.
    Me(Key),
    /// The zone in which "yesterday" is meant, by its IANA name. UTC if none is given; the greatest if several.
    TimeZone(Text),
    /// How a predicate is consolidated. Of several rows for one name the greatest counts.
    Predicate(Predicate),
    /// How far a source is trusted, in thousandths of full trust (the default).
    Trust {
        /// The account or feed.
        source: Text,
        /// 0 to 1000.
        trust: u16,
    },
    /// These two keys are one person.
    Same(Key, Key),
    /// These two keys are not one person, whatever else says so.
    NotSame(Key, Key),
    /// Call the entity of this key by this name.
    Call {
        /// A key of it.
        key: Key,
        /// Its name.
        name: Text,
    },
    /// The user says this claim is wrong: it counts for nothing.
    Reject(ClaimId),
    /// The user's own word, as a claim with full trust.
    Assert {
        /// About whom.
        subject: Key,
        /// The predicate.
        predicate: Text,
        /// What holds.
        object: Object,
        /// When the user said so.
        said_at: Millis,
        /// True from then on; `None`: from `said_at`.
        valid_from: Option<Millis>,
    },
    /// Ask this model about every passage of the scope.
    Model {
        /// For what.
        task: Task,
        /// `name@version`.
        model: Text,
    },
    /// A question that stays open: its ranking is kept.
    Watch {
        /// As it is asked.
        question: Text,
        /// How many places it has, at most [`WATCHED_MAX`].
        k: u32,
    },
    /// How much a feature of the ranking counts, in fixed point, instead of what it counts by default. The greatest if
    /// several.
    Weight {
        /// The feature's name.
        feature: Text,
        /// The weight.
        weight: i64,
    },
    /// What words are worth in this scope, for the questions that are watched: published when they come, and again when
    /// the scope has grown by a quarter. The greatest if several.
    Statistics {
        /// How many passages there were.
        passages: u64,
        /// How many terms they had together.
        length: u64,
        /// In how many passages each term was.
        frequencies: Vec<(Text, u64)>,
        /// Who speaks here and is named in a question, as passages have them.
        named: Vec<Text>,
        /// The authors that were "I".
        own: Vec<Text>,
    },
    /// Whether something that was recalled helped: weights are learnt from it.
    Feedback {
        /// When it was said.
        at: Millis,
        /// What was asked.
        question: Text,
        /// The passage that was recalled.
        passage: PassageId,
        /// Whether it helped.
        helped: bool,
        /// What was special about it: each feature, less the mean of all that was recalled, in fixed point.
        features: Vec<(Text, i64)>,
    },
}

/// The most places of a watched question.
pub const WATCHED_MAX: u32 = 64;

impl Policy {
    /// Which sort of row it is, as SQL shows it.
    pub fn kind(&self) -> &'static str {
        match self {
            Policy::Me(_) => "me",
            Policy::TimeZone(_) => "time_zone",
            Policy::Predicate(_) => "predicate",
            Policy::Trust { .. } => "trust",
            Policy::Same(..) => "same",
            Policy::NotSame(..) => "not_same",
            Policy::Call { .. } => "call",
            Policy::Reject(_) => "reject",
            Policy::Assert { .. } => "assert",
            Policy::Model { .. } => "model",
            Policy::Watch { .. } => "watch",
            Policy::Weight { .. } => "weight",
            Policy::Statistics { .. } => "statistics",
            Policy::Feedback { .. } => "feedback",
        }
    }
}

/// One row of the ground table `policy`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PolicyRow {
    /// Whose memory it governs.
    pub scope: Scope,
    /// What it says.
    pub policy: Policy,
}

impl PolicyRow {
    /// The row's key in its table: a hash of all it says.
    pub fn key(&self) -> Hash128 {
        let body = serde_json::to_vec(&self.policy).unwrap_or_default();
        Hash128::of("policy", &[self.scope.as_bytes(), &body])
    }
}

/// The row that governs a predicate without a row of its own, if names like it have one: running totals (`number_of_books`)
/// and what somebody's only thing of a kind is (`favourite_colour_is`).
pub fn wildcard(name: &str) -> Option<&'static str> {
    match name {
        name if name.starts_with("number_of_") => Some("number_of_*"),
        name if name.ends_with("_is") => Some("*_is"),
        _ => None,
    }
}

/// The predicates a new scope starts with. What is not listed adds up.
pub fn default_predicates() -> Vec<Predicate> {
    let of = |cardinality, names: &'static [&'static str]| {
        names.iter().map(move |name| detailed(Predicate::new(name, cardinality)))
    };
    of(
        Cardinality::Replace,
        &["*_is", "age", "birthday", "from", "lives_in", "name", "number_of_*", "partner", "role", "works_at"],
    )
    .chain(of(
        Cardinality::Add,
        &[
            "allergic_to",
            "believes",
            "brother",
            "boss",
            "child",
            "colleague",
            "cousin",
            "daughter",
            "dislikes",
            "father",
            "friend",
            "grandparent",
            "likes",
            "mother",
            "owns",
            "parent",
            "pet",
            "prefers",
            "sibling",
            "sister",
            "son",
            "speaks",
            "studies",
            "uses",
        ],
    ))
    .chain(of(Cardinality::Event, &["decided", "feels", "met", "moved_to", "plans", "visited"]))
    .collect()
}

/// What is said of a default predicate besides its cardinality: only what holds of everybody. A mother's child need not
/// be somebody's daughter, so `mother` has no inverse; a new job ends no studies.
fn detailed(predicate: Predicate) -> Predicate {
    let other = |name: &str| Some(Text::from(name));
    match &*predicate.name {
        "likes" => Predicate { opposite: other("dislikes"), ..predicate },
        "dislikes" => Predicate { opposite: other("likes"), ..predicate },
        "child" => Predicate { inverse: other("parent"), ..predicate },
        "parent" => Predicate { inverse: other("child"), ..predicate },
        "colleague" | "cousin" | "friend" | "met" | "partner" | "sibling" => Predicate { symmetric: true, ..predicate },
        "moved_to" => Predicate { ends: vec!["lives_in".into()], ..predicate },
        _ => predicate,
    }
}

/// The policy a new scope starts with: the default predicates and the pattern extractor.
pub fn defaults(scope: &Scope) -> Vec<PolicyRow> {
    default_predicates()
        .into_iter()
        .map(Policy::Predicate)
        .chain([Policy::Model { task: Task::Extract, model: "patterns@1".into() }])
        .map(|policy| PolicyRow { scope: scope.clone(), policy })
        .collect()
}
