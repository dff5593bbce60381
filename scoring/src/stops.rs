//! Stop words: words too common to find anything by, in lower case and without apostrophes. Sorted, looked up by bisection.

const ENGLISH: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "being", "but", "by", "can", "cant", "could", "did", "didnt", "do", "does", "doesnt", "doing", "dont",
    "for", "from", "had", "has", "have", "having", "he", "her", "here", "hers", "him", "his", "how", "i", "id", "if",
    "ill", "im", "in", "into", "is", "isnt", "it", "its", "itself", "ive", "just", "me", "might", "my", "myself", "no",
    "not", "of", "on", "or", "our", "ours", "out", "over", "she", "should", "so", "some", "such", "than", "that",
    "thats", "the", "their", "theirs", "them", "then", "there", "these", "they", "theyre", "this", "those", "to",
    "too", "under", "up", "us", "very", "was", "wasnt", "we", "were", "weve", "what", "whats", "when", "where",
    "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your", "youre", "yours",
];

const SPANISH: &[&str] = &[
    "al", "algo", "ante", "antes", "aquel", "aquella", "aqui", "aquí", "asi", "así", "aunque", "como", "con", "cual",
    "cuando", "cuál", "cuándo", "cómo", "de", "del", "desde", "donde", "dónde", "el", "ella", "ellas", "ellos", "en",
    "entre", "era", "eran", "eres", "es", "esa", "ese", "eso", "esta", "estaba", "estamos", "estan", "estas", "este",
    "esto", "estoy", "está", "están", "fue", "ha", "han", "hasta", "hay", "he", "la", "las", "le", "les", "lo", "los",
    "mas", "me", "mi", "mis", "muy", "más", "mí", "nada", "ni", "no", "nos", "nosotros", "o", "os", "para", "pero",
    "por", "porque", "que", "quien", "quién", "qué", "se", "ser", "si", "sin", "sobre", "son", "soy", "su", "sus",
    "sí", "tambien", "también", "te", "tengo", "ti", "tiene", "tienen", "tu", "tus", "tú", "un", "una", "unas", "uno",
    "unos", "y", "ya", "yo", "él",
];

/// A language that texts are told to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, and whatever is not told to be something else.
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// The language whose stop words are more; English at a tie.
    pub(crate) fn of(words: &[String]) -> Self {
        let count = |language: Language| words.iter().filter(|word| language.stops(word)).count();
        if count(Self::Spanish) > count(Self::English) { Self::Spanish } else { Self::English }
    }

    /// Whether a word is too common in this language to find anything by.
    pub(crate) fn stops(self, word: &str) -> bool {
        let words = match self {
            Self::English => ENGLISH,
            Self::Spanish => SPANISH,
        };
        words.binary_search(&word).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_apart() {
        assert!(ENGLISH.is_sorted() && SPANISH.is_sorted());
        assert!(Language::English.stops("the") && Language::Spanish.stops("también"));
        assert!(!Language::English.stops("son") && Language::Spanish.stops("son"));
    }
}
