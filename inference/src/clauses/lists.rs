//! Word lists of the rules: verbs, adverbs and nouns that change how a clause is meant. All are lemmas in lower case.

/// Saying: what they govern is somebody's word.
#[rustfmt::skip]
pub const SAYING: &[&str] = &[
    "acknowledge", "add", "admit", "allege", "announce", "argue", "assert", "assure", "claim", "comment", "confirm",
    "declare", "deny", "estimate", "explain", "indicate", "inform", "insist", "maintain", "mention", "note",
    "predict", "promise", "report", "reveal", "say", "state", "suggest", "swear", "tell", "testify", "text", "tweet",
    "warn", "write",
];

/// Thinking: what they govern is somebody's opinion; in the first person, the speaker is not sure.
#[rustfmt::skip]
pub const THINKING: &[&str] = &[
    "assume", "believe", "bet", "consider", "doubt", "expect", "fear", "feel", "figure", "guess", "hear", "imagine",
    "presume", "reckon", "suppose", "suspect", "think",
];

/// Wishing and asking: what they govern is not so, or not known.
#[rustfmt::skip]
pub const WISHING: &[&str] = &[
    "ask", "decide", "demand", "dream", "hope", "pretend", "propose", "recommend", "request", "require", "want",
    "wish", "wonder",
];

/// Intending: with an infinitive, what they govern is planned.
#[rustfmt::skip]
pub const INTENDING: &[&str] = &[
    "agree", "aim", "attempt", "decide", "expect", "go", "hope", "intend", "look", "mean", "need", "plan", "prepare",
    "promise", "seek", "threaten", "try", "want", "wan", "wish", "about", "ready", "eager", "willing", "supposed",
    "suppose", "schedule", "have",
];

/// Of these, the ones that mean a plan only with "would": "I would like to go", but "I like to swim".
pub const INTENDING_WITH_WOULD: &[&str] = &["like", "love", "prefer", "hate"];

/// Beginning: with an infinitive or gerund.
pub const BEGINNING: &[&str] = &["begin", "commence", "start"];

/// Ending: with a gerund or object.
pub const ENDING: &[&str] = &["cease", "finish", "quit", "stop"];

/// Failing: with an infinitive, it did not happen.
pub const FAILING: &[&str] = &["decline", "fail", "forget", "neglect", "refuse"];

/// Seeming: the speaker is not sure.
pub const SEEMING: &[&str] = &["appear", "seem", "tend"];

/// Verbs whose object does what their infinitive says, or may do it.
#[rustfmt::skip]
pub const PERMITTING: &[&str] = &[
    "advise", "allow", "ask", "beg", "encourage", "expect", "invite", "order", "permit", "tell", "urge", "want",
    "need", "like",
];

/// Adverbs that deny.
pub const NEGATIONS: &[&str] =
    &["barely", "hardly", "n't", "neither", "never", "nor", "not", "nt", "rarely", "scarcely", "seldom", "t"];

/// Subjects and objects that deny.
pub const NOBODY: &[&str] = &["neither", "no", "nobody", "none", "noone", "nothing", "nowhere"];

/// Adverbs that hedge.
#[rustfmt::skip]
pub const HEDGES: &[&str] = &[
    "allegedly", "apparently", "arguably", "maybe", "perhaps", "possibly", "potentially", "presumably", "probably",
    "prolly", "reportedly", "seemingly", "supposedly", "likely",
];

/// Auxiliaries of what is not so, or only possible.
pub const POSSIBLE: &[&str] = &["could", "may", "might", "should", "would", "ought"];

/// Auxiliaries of what is to come.
pub const FUTURE: &[&str] = &["will", "shall", "must"];

/// Markers of conditions.
pub const CONDITIONS: &[&str] = &["if", "unless", "whether", "lest", "supposing", "provided"];

/// Nouns whose infinitive is not yet so.
#[rustfmt::skip]
pub const PLANS: &[&str] = &[
    "ability", "attempt", "chance", "decision", "desire", "effort", "goal", "idea", "intention", "need", "offer",
    "opportunity", "option", "plan", "promise", "proposal", "refusal", "right", "way", "wish",
];

/// Relative pronouns.
pub const RELATIVES: &[&str] = &["that", "which", "who", "whom", "whose"];

/// Speakers.
pub const FIRST_PERSON: &[&str] = &["i", "me", "we", "us"];

/// Prepositions of time, which say when and never what.
pub const TIMES: &[&str] = &["after", "ago", "before", "during", "since", "till", "until"];

/// Titles that say nothing of what somebody is.
#[rustfmt::skip]
pub const HONORIFICS: &[&str] = &[
    "miss", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "sir", "madam",
];

/// Nouns of time.
#[rustfmt::skip]
pub const TIME_NOUNS: &[&str] = &[
    "second", "minute", "hour", "day", "night", "week", "weekend", "month", "year", "decade", "century", "morning",
    "afternoon", "evening", "noon", "midnight", "today", "tomorrow", "yesterday", "tonight", "monday", "tuesday",
    "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december", "spring", "summer", "autumn", "winter",
    "christmas", "easter", "am", "pm", "age", "time", "moment", "while",
];

/// Articles and the like, which a canonical phrase does without.
pub const ARTICLES: &[&str] = &["a", "an", "no", "the"];

/// Adverbs that belong to the verb they follow: "came *back*".
#[rustfmt::skip]
pub const DIRECTIONS: &[&str] = &[
    "ahead", "along", "apart", "around", "aside", "away", "back", "by", "down", "forth", "forward", "in", "off", "on",
    "out", "over", "through", "together", "up",
];

/// Adverbs that say nothing worth an argument of its own.
#[rustfmt::skip]
pub const FILLERS: &[&str] = &[
    "actually", "also", "basically", "just", "literally", "really", "so", "then", "too", "though", "very", "well",
    "anyway", "even", "however", "thus", "therefore", "only", "still",
];
