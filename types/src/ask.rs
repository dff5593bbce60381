//! Asks and answers: what the graph wants to know from a model about a text, and what the model said.
//!
//! Both are about text alone, keyed by model and content hash. Who "I" is and when "yesterday" was is settled in the
//! graph, so the same sentence said by two people costs one inference.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::passage::Span;
use crate::{Aspect, Modality, Polarity, Tense, Text, TextHash, When};

/// A question to a model: what do you make of this text?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// The text. First, so that asks are told apart by their hash.
    pub text: TextHash,
    /// `name@version` of the model.
    pub model: Text,
}

/// One ask with its answer: a row of the ground table `answers`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AnswerRow {
    /// What was asked.
    pub ask: Ask,
    /// What the model said.
    pub answer: Arc<Answer>,
}

/// What a model said about a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An embedding, stored in the model's vectors table under the text's hash.
    Vector,
    /// What the text mentions and states.
    Extraction(Extraction),
    /// No answer, and why: it will not be asked again.
    Refused(Text),
}

/// What a text mentions and states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Extraction {
    /// People, places, things named in it, in order of appearance.
    pub mentions: Vec<Mention>,
    /// What it says, in order of appearance.
    pub statements: Vec<Statement>,
    /// What it feels like; `None` if the extractor does not tell.
    pub affect: Option<Affect>,
}

/// What a text feels like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Affect {
    /// From -1000, as bad as can be, to 1000.
    pub valence: i16,
    /// How sure the extractor is, in thousandths.
    pub confidence: u16,
    /// The emotions it shows, the surest first, each with how sure that is, in thousandths.
    pub emotions: Vec<(Text, u16)>,
}

/// What kind of thing a mention names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum MentionKind {
    Person,
    Handle,
    Organisation,
    Place,
    Date,
    Mail,
    Url,
    Hashtag,
    Group,
    Product,
    Work,
}

impl MentionKind {
    /// Every kind, in order.
    pub const ALL: [MentionKind; 11] = [
        MentionKind::Person,
        MentionKind::Handle,
        MentionKind::Organisation,
        MentionKind::Place,
        MentionKind::Date,
        MentionKind::Mail,
        MentionKind::Url,
        MentionKind::Hashtag,
        MentionKind::Group,
        MentionKind::Product,
        MentionKind::Work,
    ];

    /// The name in tables and SQL.
    pub fn name(self) -> &'static str {
        match self {
            MentionKind::Person => "person",
            MentionKind::Handle => "handle",
            MentionKind::Organisation => "organisation",
            MentionKind::Place => "place",
            MentionKind::Date => "date",
            MentionKind::Mail => "mail",
            MentionKind::Url => "url",
            MentionKind::Hashtag => "hashtag",
            MentionKind::Group => "group",
            MentionKind::Product => "product",
            MentionKind::Work => "work",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        MentionKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A place in the text that names something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mention {
    /// Where, in bytes of the text asked about.
    pub span: Span,
    /// What kind of thing.
    pub kind: MentionKind,
    /// The name, as written.
    pub name: Text,
}

/// Who or what a statement is about, before it is known who speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// "I", "my".
    Speaker,
    /// "you", "your".
    Addressee,
    /// A person's name: full ("Anna Kowalska") or bare ("Anna").
    Person(Text),
    /// A handle, without its @.
    Handle(Text),
    /// A mail address.
    Mail(Text),
    /// Somebody known by a relation to another: "my sister", "Anna's boss". The predicate (`sister`), and whose.
    Relative(Text, Box<Term>),
    /// Anything else: a place, an organisation, a thing, a date, in normalised form as it should be shown.
    Value(Text),
}

/// One statement of a text, not grounded: subject, predicate, object, and how it is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// Where in the text, in bytes.
    pub span: Span,
    /// About whom.
    pub subject: Term,
    /// A canonical predicate (`lives_in`), or an open one.
    pub predicate: Text,
    /// What is said; for an ending without object ("I quit my job"): an empty [`Term::Value`], which means whatever holds.
    pub object: Term,
    /// Further arguments as written, each with the word that joins it, between semicolons: "with Anna; in Oslo".
    pub further: Text,
    /// Affirmed or denied.
    pub polarity: Polarity,
    /// Whether it holds, begins, ends or was.
    pub aspect: Aspect,
    /// Stated as a fact or otherwise.
    pub modality: Modality,
    /// Whose word it is, where it is reported.
    pub reported_by: Option<Term>,
    /// Of what was, is, or will be.
    pub tense: Tense,
    /// When it is true.
    pub when: When,
    /// How sure the extractor is, in thousandths.
    pub confidence: u16,
}
