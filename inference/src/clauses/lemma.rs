//! The lemma of an English word by its Penn tag: irregular forms from a table, the rest by the ending.
//!
//! Contract: total; the lemma is lower case unless the word is a name (`NNP`); a word without inflection is its own
//! lemma. Cost: one look-up by halves and a scan of the endings, under a microsecond.

mod endings;
mod irregular;

use endings::{E_ALWAYS, E_NEVER, E_ONE_SYLLABLE, L_DOUBLED};
use irregular::{CLITICS, NOUNS, VERBS};

/// The lemma of a word.
pub fn lemma(word: &str, xpos: &str) -> String {
    if xpos.starts_with("NNP") {
        return word.to_string();
    }
    let lower = word.to_lowercase().replace(['’', '`'], "'");
    match xpos {
        "MD" | "VBP" | "VBZ" | "VBD" | "VBN" | "VB" | "VBG" => verb(&lower, xpos),
        "NNS" => noun(&lower),
        _ => lower,
    }
}

/// The lemma of a verb, in lower case.
fn verb(word: &str, xpos: &str) -> String {
    if let Some((_, _, lemma)) = CLITICS.iter().find(|(form, tags, _)| *form == word && tags.contains(&xpos)) {
        return (*lemma).to_string();
    }
    if let Some(lemma) = looked_up(VERBS, word).filter(|_| xpos != "VB" || !same_as_base(word)) {
        return lemma.to_string();
    }
    match xpos {
        "VBZ" => third_person(word),
        "VBG" => match word.strip_suffix("ing").or_else(|| word.strip_suffix("in'")) {
            Some(stem) if vowels(stem) => present(stem),
            _ => word.to_string(),
        },
        "VBD" | "VBN" => past(word),
        _ => word.to_string(),
    }
}

/// Forms of the table that are also another verb's base: "found", "saw", "lay", "felt".
fn same_as_base(word: &str) -> bool {
    matches!(
        word,
        "found" | "saw" | "lay" | "felt" | "bore" | "wound" | "ground" | "bound" | "left" | "born" | "leaves"
    )
}

/// "goes", "watches", "tries", "works".
fn third_person(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return if stem.len() > 1 { format!("{stem}y") } else { format!("{stem}ie") };
    }
    if let Some(stem) = word.strip_suffix("es") {
        let hissing = ["ss", "sh", "ch", "x", "zz", "tz", "o"].iter().any(|end| stem.ends_with(end));
        let kept = ["sho", "to", "cano", "ho", "ach"].contains(&stem);
        return if (hissing && !kept) || stem == "focus" { stem.to_string() } else { format!("{stem}e") };
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !stem.ends_with('s') => stem.to_string(),
        _ => word.to_string(),
    }
}

/// "dying", "running", "making", "working", without their "ing".
fn present(stem: &str) -> String {
    match stem.strip_suffix('y') {
        Some(short @ ("d" | "l" | "t" | "v" | "unt" | "bel")) => format!("{short}ie"),
        _ if stem.ends_with("ee") || stem.ends_with("oe") || stem == "be" => stem.to_string(),
        _ => restored(stem),
    }
}

/// "tried", "stopped", "liked", "worked".
fn past(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return if stem.len() > 1 && stem != "unt" { format!("{stem}y") } else { format!("{stem}ie") };
    }
    match word.strip_suffix("ed") {
        Some(stem) if vowels(stem) => restored(stem),
        _ => word.to_string(),
    }
}

/// A stem with its final e put back, or its doubled consonant made single.
fn restored(stem: &str) -> String {
    let letters = stem.as_bytes();
    if let [.., before, last] = letters
        && before == last
        && !b"aeiou".contains(last)
    {
        let kept = matches!(last, b's' | b'z' | b'f')
            && !matches!(stem, "quizz" | "buss" | "gass" | "bless" | "focuss" | "bias")
            || *last == b'l' && !L_DOUBLED.iter().any(|end| stem.ends_with(end))
            || matches!(stem, "add" | "err" | "purr" | "ebb" | "egg" | "odd" | "putt" | "butt");
        return if kept { stem.to_string() } else { stem[..stem.len() - 1].to_string() };
    }
    if final_e(stem) { format!("{stem}e") } else { stem.to_string() }
}

/// Whether a stem lost an e: the longest ending of the tables that fits decides.
fn final_e(stem: &str) -> bool {
    if stem.ends_with('e') {
        return true;
    }
    let longest = |table: &[&str]| table.iter().filter(|end| fits(stem, end)).map(|end| end.len()).max().unwrap_or(0);
    let never = longest(E_NEVER);
    let always = longest(E_ALWAYS).max(if syllables(stem) == 1 { longest(E_ONE_SYLLABLE) } else { 0 });
    always > never
}

/// Whether a stem has an ending; `^` in a table's entry means the whole stem.
fn fits(stem: &str, ending: &str) -> bool {
    ending.strip_prefix('^').map_or_else(|| stem.ends_with(ending), |whole| stem == whole)
}

/// The lemma of a plural noun, in lower case.
fn noun(word: &str) -> String {
    if let Some(lemma) = looked_up(NOUNS, word) {
        return lemma.to_string();
    }
    if let Some(stem) = word.strip_suffix("'s").filter(|stem| !stem.is_empty()) {
        return stem.to_string();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return if stem.len() > 1 { format!("{stem}y") } else { format!("{stem}ie") };
    }
    if let Some(stem) = word.strip_suffix("es") {
        let hissing = ["ss", "sh", "ch", "x", "zz", "tz", "us"].iter().any(|end| stem.ends_with(end));
        let kept =
            stem.ends_with("ach") && stem != "coach" && stem != "beach" && stem != "peach" && !stem.ends_with("proach");
        let house = stem.ends_with("ous") || stem.ends_with("aus") || stem.ends_with("cus") && stem.ends_with("excus");
        return if hissing && !kept && !house { stem.to_string() } else { format!("{stem}e") };
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !stem.ends_with('s') => stem.to_string(),
        _ => word.to_string(),
    }
}

/// What a sorted table of (form, lemma) holds for a form.
fn looked_up(table: &[(&str, &'static str)], form: &str) -> Option<&'static str> {
    table.binary_search_by(|(known, _)| (*known).cmp(form)).ok().map(|at| table[at].1)
}

/// Whether a stem has a vowel, so that "bring" and "red" keep their ends.
fn vowels(stem: &str) -> bool {
    stem.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// Groups of vowels.
fn syllables(stem: &str) -> usize {
    let vowel = |byte: u8| b"aeiouy".contains(&byte);
    let bytes = stem.strip_prefix("qu").unwrap_or(stem).as_bytes();
    (0..bytes.len()).filter(|&at| vowel(bytes[at]) && (at == 0 || !vowel(bytes[at - 1]))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(VERBS.is_sorted_by(|a, b| a.0 < b.0), "VERBS");
        assert!(NOUNS.is_sorted_by(|a, b| a.0 < b.0), "NOUNS");
    }

    #[test]
    fn forms() {
        let cases = "works/VBZ=work goes/VBZ=go tries/VBZ=try making/VBG=make running/VBG=run dying/VBG=die was/VBD=be \
            went/VBD=go stopped/VBD=stop liked/VBD=like moved/VBN=move agreed/VBD=agree seen/VBN=see Anna/NNP=Anna \
            cities/NNS=city children/NNS=child 'm/VBP=be ’ve/VBP=have ca/MD=can houses/NNS=house being/VBG=be left/VBD=leave \
            found/VB=found travelling/VBG=travel changed/VBD=change hanging/VBG=hang planned/VBD=plan lied/VBD=lie";
        for case in cases.split_whitespace() {
            let (input, expected) = case.split_once('=').unwrap_or((case, ""));
            let (word, tag) = input.split_once('/').unwrap_or((input, ""));
            assert_eq!(lemma(word, tag), expected, "{case}");
        }
    }
}
