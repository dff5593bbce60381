//! Which stems lost a final e before "-ed" and "-ing": endings, the longest that fits decides. `^` marks a whole stem.
//! Sorted by length; an entry stands here only where a shorter one would decide otherwise.

/// Stems that end so never had an e.
#[rustfmt::skip]
pub(crate) const E_NEVER: &[&str] = &[
    "al", "an", "ep", "ez", "il", "ip", "it", "ol", "om", "on", "or", "ot", "ul", "aid", "aim", "ain", "air", "aun",
    "bus", "ead", "eak", "eam", "eap", "ear", "eat", "eek", "eid", "ein", "eir", "euv", "gas", "log", "oad", "oak",
    "oam", "oap", "oar", "oat", "oid", "oin", "oir", "ood", "ook", "oud", "oup", "our", "out", "uin", "abut", "bang",
    "bias", "cast", "club", "east", "^fang", "fast", "gang", "^hang", "last", "^laud", "oxin", "plug", "album",
    "boast", "bonus", "cabin", "clang", "coast", "debug", "focus", "input", "rebut", "roast", "scrub", "toast",
    "virus", "anthem", "canvas", "combat", "elicit", "format", "margin", "murmur", "output", "siphon", "vacuum",
    "zigzag", "applaud", "defraud", "diagram", "nonplus", "program", "solicit", "assassin", "telegram",
];

/// Stems that end so lost an e.
#[rustfmt::skip]
pub(crate) const E_ALWAYS: &[&str] = &[
    "c", "u", "v", "z", "ab", "ad", "af", "ag", "ak", "am", "ap", "ar", "as", "at", "^aw", "bl", "cl", "dg", "dl",
    "^dy", "eg", "ek", "es", "^ey", "fl", "gl", "ib", "id", "if", "ig", "ik", "im", "in", "ir", "is", "kl", "lg",
    "ls", "ns", "ob", "od", "og", "ok", "os", "^ow", "pl", "ps", "rg", "rs", "sl", "tl", "ub", "ud", "ug", "uk", "um",
    "un", "ur", "us", "ut", "ws", "yk", "yn", "yp", "yr", "ys", "zl", "^ach", "acr", "ang", "ast", "^bit", "cit",
    "^com", "eez", "fil", "^her", "^not", "ogr", "^pal", "pil", "^pip", "rul", "^til", "^ton", "^vot", "wip", "^zon",
    "abus", "ador", "bath", "cach", "clon", "dron", "emot", "entr", "exil", "grip", "hing", "lith", "phon", "quot",
    "rhym", "scal", "scen", "scor", "smil", "snip", "snor", "stal", "stor", "styl", "them", "unit", "whal", "whil",
    "writ", "adher", "aveng", "becom", "cajol", "cloth", "creat", "cring", "delet", "denot", "devot", "exhal",
    "fring", "ignit", "ignor", "imped", "incom", "inhal", "insan", "invit", "loath", "loung", "parol", "plung",
    "reced", "resal", "rever", "^scath", "^schem", "seced", "seeth", "sooth", "spong", "teeth", "writh", "accede",
    "athlet", "breath", "capsul", "compet", "conced", "condon", "consol", "conven", "deplet", "deplor", "despit",
    "excret", "explor", "extrem", "implor", "outcom", "outvot", "promot", "reveng", "sheath", "sincer", "syring",
    "welcom", "wreath", "airplan", "complet", "expedit", "obsolet", "overcom", "postpon", "ridicul", "schedul",
    "blasphem", "challeng", "hurrican", "interced", "interfer", "interven", "persever", "reconcil", "supersed",
    "telescop", "contraven",
];

/// Stems of one syllable that end so lost an e: with a short vowel they would have doubled their consonant.
pub(crate) const E_ONE_SYLLABLE: &[&str] =
    &["op", "ip", "up", "ep", "on", "an", "or", "ot", "ut", "it", "at", "om", "ol", "al", "il", "ul", "un", "in"];

/// Words whose doubled l is single in the base.
#[rustfmt::skip]
pub(crate) const L_DOUBLED: &[&str] = &[
    "travell", "cancell", "controll", "compell", "expell", "propell", "repell", "patroll", "labell", "modell",
    "signall", "fuell", "rebell", "excell", "levell", "totall", "quarrell", "dispell", "counsell", "marvell",
    "channell", "tunnell", "equall", "initiall", "diall", "impell", "annull", "shovell", "snorkell", "duell",
    "spirall", "pencill", "barrell", "bevell", "panell", "jewell", "unravell", "swivell", "grovell", "trammell",
    "rivall", "revell", "refuell", "cavill", "libell",
];
