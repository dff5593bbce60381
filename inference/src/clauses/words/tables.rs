//! The word lists of the tokeniser: abbreviations, prefixes, contractions, emoticons, units.
//!
//! All lists but those of emoticons and states are lower case.

/// Words that keep their full stop.
#[rustfmt::skip]
pub(crate) const ABBREVIATIONS: &[&str] = &[
    "al", "apr", "apt", "approx", "aug", "ave", "blvd", "bros", "capt", "cf", "co", "col", "comdr", "conf", "corp",
    "cos", "dec", "dept", "dr", "drs", "ect", "e.g", "ed", "eg", "esp", "est", "etc", "ext", "feb", "fig", "fri",
    "ft", "gen", "gov", "hon", "i.e", "ie", "inc", "jan", "jr", "jul", "jun", "l.p", "lb", "lbs", "lt", "ltd", "mar",
    "messrs", "mins", "mon", "mr", "mrs", "ms", "mt", "nov", "oct", "oz", "ph", "phd", "pres", "prof", "ps", "pvt",
    "reps", "rep", "rev", "sat", "sen", "sens", "sep", "sept", "sgt", "sr", "st", "sts", "sun", "thu", "thur",
    "thurs", "tue", "tues", "vs", "wed", "yrs",
];

/// Abbreviations that are words as well: they keep their full stop only before a number.
#[rustfmt::skip]
pub(crate) const ABBREVIATIONS_BEFORE_NUMBERS: &[&str] = &[
    "art", "fig", "no", "nos", "p", "pp", "sec", "vol",
];

/// States, which keep their full stop before a comma or in the midst of a sentence; many are words as well.
#[rustfmt::skip]
pub(crate) const STATES: &[&str] = &[
    "Ala", "Ariz", "Ark", "Calif", "Colo", "Conn", "Del", "Fla", "Ga", "Ill", "Ind", "Kan", "Ky", "La", "Mass", "Md",
    "Mich", "Minn", "Miss", "Mo", "Mont", "Neb", "Nev", "Okla", "Ore", "Pa", "Penn", "Tenn", "Tex", "Va", "Vt",
    "Wash", "Wis", "Wyo",
];

/// Abbreviations no sentence ends with: a name or number follows.
#[rustfmt::skip]
pub(crate) const TITLES: &[&str] = &[
    "capt", "cf", "col", "comdr", "dr", "e.g", "eg", "esp", "fig", "ft", "gen", "gov", "hon", "i.e", "ie", "lt",
    "messrs", "mr", "mrs", "ms", "mt", "no", "pres", "prof", "rep", "reps", "rev", "sen", "sens", "sgt", "st", "vs",
];

/// Words that open a sentence after an abbreviation ("in the U.S. The plan ...").
#[rustfmt::skip]
pub(crate) const OPENERS: &[&str] = &[
    "a", "an", "and", "are", "but", "did", "do", "does", "for", "he", "her", "his", "how", "however", "i", "if", "in",
    "is", "it", "my", "on", "our", "she", "so", "that", "the", "their", "then", "there", "these", "they", "this",
    "those", "we", "what", "when", "where", "who", "why", "you", "your",
];

/// First parts that stay joined to what follows their hyphen.
#[rustfmt::skip]
pub(crate) const PREFIXES: &[&str] = &[
    "anti", "arch", "bi", "co", "counter", "cross", "de", "e", "ex", "inter", "intra", "mega", "micro", "mid",
    "multi", "neo", "non", "over", "post", "pre", "pro", "pseudo", "psycho", "re", "semi", "socio", "sub", "super",
    "tri", "ultra", "un", "under",
];

/// Letters directly after a number that are a word of their own.
#[rustfmt::skip]
pub(crate) const UNITS: &[&str] = &[
    "%", "am", "c", "cm", "f", "ft", "gb", "hh", "hr", "hrs", "hz", "in", "k", "kb", "kg", "km", "lb", "lbs", "m",
    "mb", "mg", "mhz", "mins", "ml", "mm", "mph", "oz", "pm", "sec", "sqft", "tb", "v", "w", "watt", "x",
];

/// Words with a slash.
#[rustfmt::skip]
pub(crate) const SLASHED: &[&str] = &[
    "24/7", "b/c", "b/t", "i/c", "i/o", "i/s", "l/c", "n/a", "w/o", "w/out",
];

/// Words that begin with an apostrophe.
#[rustfmt::skip]
pub(crate) const ELIDED: &[&str] = &[
    "bout", "cause", "cos", "coz", "cuz", "em", "n", "round", "til", "till", "tis", "twas",
];

/// What an apostrophe splits off at a word's end; `n't` is treated apart.
pub(crate) const CLITICS: &[&str] = &["s", "m", "re", "ve", "ll", "d"];

/// Contractions written as one word: where they are cut, in bytes.
#[rustfmt::skip]
pub(crate) const JOINED: &[(&str, &[usize])] = &[
    ("aint", &[2]), ("alot", &[1]), ("arent", &[3]), ("arnt", &[2]), ("awhile", &[1]), ("c'mon", &[3]),
    ("cannot", &[3]), ("cant", &[2]), ("coulda", &[5]), ("couldnt", &[5]), ("couldve", &[5]), ("didnt", &[3]),
    ("doesnt", &[4]), ("dont", &[2]), ("dunno", &[2, 3]), ("gimme", &[3]), ("gonna", &[3]), ("gotta", &[3]),
    ("hadnt", &[3]), ("hasnt", &[3]), ("havent", &[4]), ("heres", &[4]), ("hes", &[2]), ("im", &[1]), ("isnt", &[2]),
    ("itll", &[2]), ("ive", &[1]), ("lemme", &[3]), ("lets", &[3]), ("mustnt", &[4]), ("outta", &[3]), ("shes", &[3]),
    ("shoulda", &[6]), ("shouldnt", &[6]), ("shouldve", &[6]), ("sorta", &[4]), ("thats", &[4]), ("theres", &[5]),
    ("theyll", &[4]), ("theyre", &[4]), ("theyve", &[4]), ("wana", &[3]), ("wanna", &[3]), ("wasnt", &[3]),
    ("werent", &[4]), ("weve", &[2]), ("whats", &[4]), ("wheres", &[5]), ("wont", &[2]), ("woulda", &[5]),
    ("wouldnt", &[5]), ("wouldve", &[5]), ("youll", &[3]), ("youre", &[3]), ("youve", &[3]),
];

/// Words that are a contraction only before certain words: the word, its cut, what must follow.
pub(crate) const JOINED_BEFORE: &[(&str, usize, &[&str])] = &[
    (
        "its",
        2,
        &[
            "a", "all", "also", "always", "an", "as", "at", "because", "been", "being", "called", "cold", "easy",
            "for", "fun", "getting", "gonna", "going", "good", "great", "hard", "hot", "in", "just", "kind", "like",
            "my", "never", "nice", "no", "not", "now", "ok", "okay", "on", "one", "only", "probably", "really", "so",
            "still", "that", "the", "time", "too", "true", "up", "very", "working", "worth",
        ],
    ),
    ("your", 3, &["a", "an", "going", "gonna", "not", "right", "so", "the", "too", "very", "welcome", "wrong"]),
    ("id", 1, &["also", "be", "just", "like", "love", "prefer", "rather", "say", "suggest"]),
    (
        "ill",
        1,
        &[
            "be", "call", "check", "do", "get", "give", "go", "have", "just", "let", "see", "send", "take", "tell",
            "try",
        ],
    ),
    ("ur", 1, &["a", "going", "gonna", "not", "right", "so", "too", "welcome", "wrong"]),
];

/// Emoticons, longest first where one begins another.
pub(crate) const EMOTICONS: &[&str] = &[
    "¯\\_(ツ)_/¯",
    ">:-(",
    ">:(",
    ":'-(",
    ":'(",
    ":-)",
    ":-(",
    ";-)",
    ":-D",
    ":-P",
    ":-p",
    ":-/",
    ":-|",
    ":-O",
    ":-*",
    "8-)",
    "^_^",
    "^^",
    "-_-",
    "o_O",
    "O_o",
    "o_o",
    "O_O",
    "T_T",
    ">_<",
    "</3",
    "<3",
    ":))",
    ":((",
    ":)",
    ":(",
    ";)",
    ":D",
    ":P",
    ":p",
    ":O",
    ":o",
    ":/",
    ":\\",
    ":|",
    ":*",
    ":]",
    ":[",
    ":3",
    ":S",
    ":s",
    ";P",
    ";p",
    ";D",
    "=)",
    "=(",
    "=D",
    "=P",
    "=]",
    "=/",
    "D:",
    "(:",
    "xD",
    "XD",
];

/// Whether a list holds a word.
pub(crate) fn has(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}
