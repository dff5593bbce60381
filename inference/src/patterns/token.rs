//! Tokens and sentences: cuts a text of any length into sentences of at most [`SENTENCE_TOKENS_MAX`] tokens.
//!
//! One pass, linear, one sentence in memory at a time. Quoted lines (`> …`), fenced code and attribution lines yield
//! nothing; addresses, handles, hashtags, paths and `code` are single tokens; contractions come apart ("I'm" is "I" and
//! "'m", each with its own span).

use nexus_types::entity::is_mail;

use super::lexicon::{self, Word, Words};

/// A longer sentence is cut, so that work per sentence is bounded.
pub(super) const SENTENCE_TOKENS_MAX: usize = 300;
/// A longer word is no word of any language.
const WORD_BYTES_MAX: usize = 40;
/// From this length on a line counts as wrapped: the sentence may go on in the next one.
const WRAPPED_LINE_BYTES: usize = 56;

/// What sort of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Punct,
    Url,
    Mail,
    Handle,
    Hashtag,
    Code,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// First byte in the text.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// Its word in the vocabulary, by lower case; [`lexicon::UNKNOWN`] if it has none.
    pub(super) word: Word,
    pub(super) kind: Kind,
    /// Starts with a capital.
    pub(super) capital: bool,
    /// Stands between quotation marks.
    pub(super) quoted: bool,
    /// First of its line.
    pub(super) opens_line: bool,
}

/// Reads a text sentence by sentence.
pub(super) struct Reader<'t> {
    text: &'t str,
    words: &'t Words,
    at: usize,
    line: Line,
    fenced: bool,
    /// End of the run of non-blanks that was last looked at for an address.
    chunk_end: usize,
    lower: String,
}

/// What is known of the line that is being read.
#[derive(Clone, Copy, Default)]
struct Line {
    start: usize,
    end: usize,
    /// Its straight quotation marks come in pairs.
    pairs: bool,
    /// Inside such a pair.
    quoted: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, words: &'t Words) -> Self {
        let mut reader =
            Reader { text, words, at: 0, line: Line::default(), fenced: false, chunk_end: 0, lower: String::new() };
        reader.open_line(0);
        reader
    }

    /// Puts the next sentence into `tokens`; false at the end of the text. A sentence may be empty.
    pub(super) fn next(&mut self, tokens: &mut Vec<Token>) -> bool {
        tokens.clear();
        let mut opens_line = self.at == self.line.start;
        while tokens.len() < SENTENCE_TOKENS_MAX {
            if self.at >= self.line.end {
                if self.at >= self.text.len() {
                    return !tokens.is_empty();
                }
                let goes_on = self.next_line(!tokens.is_empty());
                if !goes_on && !tokens.is_empty() {
                    return true;
                }
                opens_line = true;
                continue;
            }
            let Some(c) = self.peek(self.at) else { continue };
            if c.is_whitespace() || c.is_control() {
                self.at += c.len_utf8();
                continue;
            }
            let first = tokens.len();
            self.token(c, tokens);
            if let Some(token) = tokens.get_mut(first) {
                token.opens_line = opens_line;
                opens_line = false;
            }
            if self.ends_sentence(tokens) {
                return true;
            }
        }
        true
    }

    fn peek(&self, at: usize) -> Option<char> {
        self.text.get(at..).and_then(|rest| rest.chars().next())
    }

    /// Goes to the next line that holds text; whether the sentence may go on there.
    fn next_line(&mut self, inside: bool) -> bool {
        let wrapped = inside && self.line.end - self.line.start >= WRAPPED_LINE_BYTES;
        let next = (self.line.end + 1).min(self.text.len());
        let skipped = self.open_line(next);
        wrapped && !skipped && self.peek(self.at).is_some_and(char::is_alphanumeric)
    }

    /// Starts at the first line from `at` on that is neither quoted nor code; whether lines were passed over.
    fn open_line(&mut self, mut at: usize) -> bool {
        let mut skipped = false;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let end = at + rest.find('\n').unwrap_or(rest.len());
            let line = self.text.get(at..end).unwrap_or_default();
            let trimmed = line.trim();
            let fence = trimmed.starts_with("```");
            let skip = fence
                || self.fenced
                || trimmed.starts_with('>')
                || trimmed.starts_with("$ ")
                || (trimmed.ends_with("wrote:") || trimmed.ends_with("escribió:"));
            self.fenced ^= fence;
            if skip && end < self.text.len() {
                at = end + 1;
                skipped = true;
                continue;
            }
            let pairs = line.bytes().filter(|b| *b == b'"').count() % 2 == 0;
            self.line = Line { start: at, end, pairs, quoted: false };
            self.at = if skip { end } else { at };
            return skipped || skip;
        }
    }

    /// Reads one token that begins with `c`; a contraction gives two.
    fn token(&mut self, c: char, tokens: &mut Vec<Token>) {
        let start = self.at;
        if let Some((end, kind)) = self.special(c) {
            self.at = end;
            return tokens.push(self.make(start, end, kind, lexicon::UNKNOWN));
        }
        if !c.is_alphanumeric() {
            return self.punctuation(c, tokens);
        }
        let end = self.word_end(start);
        self.at = end;
        self.lower = lowered(&self.text[start..end]);
        if c.is_ascii_digit() && self.lower.bytes().all(|b| b.is_ascii_digit() || b".,:-/".contains(&b)) {
            return tokens.push(self.make(start, end, Kind::Number, lexicon::UNKNOWN));
        }
        let cut = contraction(&self.text[start..end], &self.lower);
        for (from, to) in [(start, start + cut), (start + cut, end)] {
            if from < to {
                let word = self.words.of(&lowered(&self.text[from..to]));
                tokens.push(self.make(from, to, Kind::Word, word));
            }
        }
    }

    fn make(&self, start: usize, end: usize, kind: Kind, word: Word) -> Token {
        let capital = self.peek(start).is_some_and(char::is_uppercase);
        Token { start, end, word, kind, capital, quoted: self.line.quoted, opens_line: false }
    }

    fn punctuation(&mut self, c: char, tokens: &mut Vec<Token>) {
        let start = self.at;
        self.at += c.len_utf8();
        let closes = match c {
            '“' | '«' => {
                self.line.quoted = true;
                false
            }
            '”' | '»' => true,
            '"' if self.line.pairs => {
                let closes = self.line.quoted;
                self.line.quoted = true;
                closes
            }
            _ => false,
        };
        let word = self.words.of(&self.text[start..self.at]);
        tokens.push(self.make(start, self.at, Kind::Punct, word));
        if closes {
            self.line.quoted = false;
        }
    }

    /// Addresses, handles, hashtags, paths and code: where such a token ends.
    fn special(&mut self, c: char) -> Option<(usize, Kind)> {
        let rest = &self.text[self.at..self.line.end];
        let after = rest[c.len_utf8()..].chars().next();
        let run = |more: fn(char) -> bool| {
            let len = rest[c.len_utf8()..].find(|c| !more(c)).unwrap_or(rest.len() - c.len_utf8());
            self.at + c.len_utf8() + len
        };
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        match c {
            '@' if after.is_some_and(in_name) => {
                let end = run(|c| c.is_alphanumeric() || "_-.".contains(c));
                Some((self.at + self.text[self.at..end].trim_end_matches(['.', '-']).len(), Kind::Handle))
            }
            '#' if after.is_some_and(char::is_alphabetic) => {
                Some((run(|c| c.is_alphanumeric() || c == '_'), Kind::Hashtag))
            }
            '`' => {
                let close = rest.char_indices().skip(1).take(200).find(|(_, c)| *c == '`')?.0;
                Some((self.at + close + 1, Kind::Code))
            }
            '/' | '~' if after.is_some_and(|c| c.is_alphanumeric() || c == '/') && self.after_blank() => {
                Some((run(|c| !c.is_whitespace()), Kind::Code))
            }
            c if c.is_alphanumeric() && self.at >= self.chunk_end => self.address(rest),
            _ => None,
        }
    }

    fn after_blank(&self) -> bool {
        self.at == self.line.start || self.text[..self.at].ends_with(char::is_whitespace)
    }

    /// A mail address or URL at the start of a run of non-blanks. Each run is looked at once.
    fn address(&mut self, rest: &str) -> Option<(usize, Kind)> {
        let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.chunk_end = self.at + len;
        let chunk = rest[..len].trim_end_matches(|c: char| !c.is_alphanumeric() && c != '/');
        let scheme = chunk.find("://").is_some_and(|at| at <= 8) || chunk.starts_with("mailto:");
        if scheme || chunk.starts_with("www.") {
            return Some((self.at + chunk.len(), Kind::Url));
        }
        let mail = chunk.split(['>', ',', ';', ')', '/', '"']).next().unwrap_or_default();
        is_mail(mail).then_some((self.at + mail.len(), Kind::Mail))
    }

    /// Where the word that starts at `start` ends.
    fn word_end(&self, start: usize) -> usize {
        let mut before = ' ';
        let mut at = start;
        while let Some(c) = self.peek(at).filter(|_| at < self.line.end) {
            if !c.is_alphanumeric() && c != '_' && !is_mark(c) && !self.joins(before, c, at, start) {
                break;
            }
            before = c;
            at += c.len_utf8();
        }
        at
    }

    /// Whether a character that is no letter belongs to the word around it: `o'clock`, `well-known`, `3.5`, `AT&T`.
    fn joins(&self, before: char, c: char, at: usize, start: usize) -> bool {
        let after = self.peek(at + c.len_utf8()).unwrap_or(' ');
        let digits = before.is_ascii_digit() && after.is_ascii_digit();
        match c {
            '\'' | '’' => before.is_alphanumeric() && after.is_alphabetic(),
            '.' => {
                digits || (after.is_lowercase() && before.is_lowercase()) || (at - start == 1 && after.is_alphabetic())
            }
            '-' | '&' => before.is_alphanumeric() && after.is_alphanumeric(),
            ',' | ':' | '/' => digits,
            '+' | '#' => at - start <= 2 && before != ' ',
            _ => false,
        }
    }

    /// Whether the last token ends its sentence: an end mark that belongs to no abbreviation or initial.
    fn ends_sentence(&mut self, tokens: &[Token]) -> bool {
        let Some(last) = tokens.last().filter(|last| last.kind == Kind::Punct) else { return false };
        let mark = &self.text[last.start..last.end];
        if !matches!(mark, "." | "!" | "?" | "…") {
            return false;
        }
        let next = self.peek(self.at).filter(|_| self.at < self.line.end);
        if next.is_some_and(|c| matches!(c, '.' | '!' | '?' | '…')) {
            return false;
        }
        if mark == "."
            && let [.., before, _] = tokens
        {
            let initial = before.capital && before.end - before.start == 1 && before.word != lexicon::I;
            let abbreviation = self.words.is_abbreviation(before.word) || initial;
            return !(abbreviation && before.end == last.start);
        }
        true
    }
}

/// Combining marks, joiners and variation selectors stay with the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe0f}')
}

fn lowered(word: &str) -> String {
    if word.len() > WORD_BYTES_MAX {
        return String::new();
    }
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }).collect()
}

/// Where a contraction comes apart, in bytes of the word: before "'m", "n't" …; the whole length if it is none.
fn contraction(word: &str, lower: &str) -> usize {
    if let Some((at, mark)) = word.char_indices().rev().find(|(_, c)| matches!(c, '\'' | '’')) {
        let tail = word[at + mark.len_utf8()..].to_lowercase();
        let head = &word.as_bytes()[..at];
        return match tail.as_str() {
            "t" if head.last().is_some_and(|b| b.eq_ignore_ascii_case(&b'n')) && head.len() > 1 => at - 1,
            "s" | "m" | "re" | "ve" | "ll" | "d" => at,
            _ => word.len(),
        };
    }
    lexicon::UNMARKED_CONTRACTIONS.iter().find(|(whole, _)| *whole == lower).map_or(word.len(), |(_, at)| *at)
}
