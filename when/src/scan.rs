//! Scanning: a text into tokens, each looked up on the way. Linear in the text; one allocation for all tokens.

use crate::lexicon::{Hash, Lexicon};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Word,
    Number,
    Mark,
    /// The end of a line: no expression crosses it.
    Break,
}

/// A run of letters, a run of digits, or one mark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The value of a run of digits, capped; the character of a mark.
    pub(crate) number: u32,
    /// The word in the lexicon, or 0.
    pub(crate) word: u16,
    pub(crate) make: Make,
    /// Whether it touches the token before it.
    pub(crate) glued: bool,
    /// How many bytes its final "'s" takes, if it has one.
    pub(crate) possessive: u8,
    /// Whether it starts with an ASCII capital.
    pub(crate) capital: bool,
}

impl Token {
    /// How many digits or bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// The longest word the tables hold, in bytes; longer ones are unknown.
const LONGEST: usize = 32;

/// All tokens of a text.
pub(crate) fn scan(text: &str, lexicon: &Lexicon) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(bytes.len() / 5 + 4);
    let mut at = 0;
    let mut last_end = usize::MAX;
    while at < bytes.len() {
        let byte = bytes[at];
        let token = match byte {
            b'\n' => Token {
                start: at,
                end: at + 1,
                number: 0,
                word: 0,
                make: Make::Break,
                glued: false,
                capital: false,
                possessive: 0,
            },
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'\'' if last_end == at && tokens.last().is_some_and(|t: &Token| t.make == Make::Word) => {
                at += 1;
                continue;
            }
            b'0'..=b'9' => number(bytes, at),
            b'a'..=b'z' | b'A'..=b'Z' => word(text, at, lexicon),
            0..=0x7f => Token {
                start: at,
                end: at + 1,
                number: byte.into(),
                word: mark(byte, lexicon),
                make: Make::Mark,
                glued: false,
                capital: false,
                possessive: 0,
            },
            _ => match other(text, at, lexicon) {
                Ok(token) => token,
                Err(skip) => {
                    at += skip;
                    continue;
                }
            },
        };
        at = token.end;
        tokens.push(Token { glued: last_end == token.start, capital: byte.is_ascii_uppercase(), ..token });
        last_end = token.end;
    }
    tokens
}

fn number(bytes: &[u8], start: usize) -> Token {
    let mut end = start;
    let mut number = 0u32;
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        number = number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
        end += 1;
    }
    Token { start, end, number, word: 0, make: Make::Number, glued: false, capital: false, possessive: 0 }
}

fn mark(byte: u8, lexicon: &Lexicon) -> u16 {
    let mut hash = Hash::START;
    hash.push(byte);
    lexicon.find(hash, &[byte])
}

/// A run of letters; an apostrophe between letters is dropped.
fn word(text: &str, start: usize, lexicon: &Lexicon) -> Token {
    let bytes = text.as_bytes();
    let mut folded = [0u8; LONGEST];
    let mut length = 0;
    let mut hash = Hash::START;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        let (letter, width) = match byte {
            b'a'..=b'z' => (byte, 1),
            b'A'..=b'Z' => (byte | 0x20, 1),
            b'\'' => match bytes.get(at + 1) {
                Some(next) if next.is_ascii_alphabetic() => (0, 1),
                _ => break,
            },
            0..=0x7f => break,
            _ => match text[at..].chars().next() {
                Some('’' | 'ʼ') if bytes.get(at + 3).is_some_and(u8::is_ascii_alphabetic) && byte == 0xe2 => (0, 3),
                Some('º' | 'ª') | None => break,
                Some(letter) if letter.is_alphabetic() => (fold(letter), letter.len_utf8()),
                Some(_) => break,
            },
        };
        at += width;
        if letter != 0 {
            hash.push(letter);
            if let Some(slot) = folded.get_mut(length) {
                *slot = letter;
            }
            length += 1;
        }
    }
    let possessive = match bytes.get(start..at) {
        Some([.., b'\'', b's' | b'S']) => 2,
        Some([.., 0xe2, _, _, b's' | b'S']) => 4,
        _ => 0,
    };
    let word = if length <= LONGEST { lexicon.find(hash, &folded[..length]) } else { 0 };
    Token { start, end: at, number: 0, word, make: Make::Word, glued: false, capital: false, possessive }
}

/// A token that starts beyond ASCII, or how many bytes of blank to skip.
fn other(text: &str, start: usize, lexicon: &Lexicon) -> Result<Token, usize> {
    let Some(first) = text[start..].chars().next() else { return Err(1) };
    let width = first.len_utf8();
    if first.is_whitespace() {
        return Err(width);
    }
    if first.is_alphabetic() && !matches!(first, 'º' | 'ª') {
        return Ok(word(text, start, lexicon));
    }
    let plain = match first {
        '–' | '—' | '−' => "-",
        'º' => "º",
        'ª' => "ª",
        '°' => "°",
        '½' => "½",
        '～' => "~",
        _ => "",
    };
    let number = plain.chars().next().map_or(0, u32::from);
    Ok(Token {
        start,
        end: start + width,
        number,
        word: lexicon.id(plain),
        make: Make::Mark,
        glued: false,
        capital: false,
        possessive: 0,
    })
}

/// A letter without case and accent; one the tables never hold becomes a byte no word has.
fn fold(letter: char) -> u8 {
    match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'Á' | 'À' | 'Â' | 'Ä' | 'Ã' => b'a',
        'é' | 'è' | 'ê' | 'ë' | 'É' | 'È' | 'Ê' | 'Ë' => b'e',
        'í' | 'ì' | 'î' | 'ï' | 'Í' | 'Ì' | 'Î' | 'Ï' => b'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'Ó' | 'Ò' | 'Ô' | 'Ö' | 'Õ' => b'o',
        'ú' | 'ù' | 'û' | 'ü' | 'Ú' | 'Ù' | 'Û' | 'Ü' => b'u',
        'ñ' | 'Ñ' => b'n',
        'ç' | 'Ç' => b'c',
        _ => 0xff,
    }
}
