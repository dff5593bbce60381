//! Reading: the grammar's ground. A [`Reader`] holds the tokens of a text and answers "is there an X here?".
//!
//! Every rule is a function from a place to `Option<(next place, value)>`; rules never scan ahead without bound, so
//! reading is linear in the number of tokens. What one rule finds is the longest of its alternatives.

mod clock;
mod dates;
mod hours;
mod joined;
mod lengths;
mod numbers;
mod numeric;
mod offsets;
mod parts;
mod periods;
mod ranges;
mod runs;
mod sets;
mod spoken;
mod top;
mod weekdays;
mod years;

pub use top::{Found, recognise};

use crate::lexicon::{Class, Language, Lexicon};
use crate::scan::{Make, Token, scan};
use crate::value::{Date, Length, Period, Time, What};
use std::cell::Cell;

/// What a rule gives: the place after what it read, and what that meant.
pub(crate) type Parse<T> = Option<(usize, T)>;

/// The tokens of a text, and the words of its language.
pub(crate) struct Reader {
    lexicon: &'static Lexicon,
    tokens: Vec<Token>,
    english: bool,
    memo: Memo,
}

/// What was read lately, by place: many rules start with the same smaller one.
#[derive(Default)]
struct Memo {
    date: Slots<Date>,
    period: Slots<Period>,
    length: Slots<Length>,
    time: Slots<Time>,
    offset: Slots<What>,
}

/// A direct-mapped store of recent readings.
struct Slots<T>([Cell<(usize, Parse<T>)>; SLOTS]);

const SLOTS: usize = 16;

impl<T: Copy> Default for Slots<T> {
    fn default() -> Self {
        Slots(std::array::from_fn(|_| Cell::new((usize::MAX, None))))
    }
}

impl<T: Copy> Slots<T> {
    /// The reading at a place, made now if it is not held.
    fn at(&self, at: usize, read: impl FnOnce() -> Parse<T>) -> Parse<T> {
        let slot = &self.0[at % SLOTS];
        let (held, found) = slot.get();
        if held == at {
            return found;
        }
        let found = read();
        slot.set((at, found));
        found
    }
}

/// The longer of two readings; the first on a draw.
pub(crate) fn longer<T>(one: Parse<T>, other: Parse<T>) -> Parse<T> {
    match (&one, &other) {
        (Some((a, _)), Some((b, _))) if b > a => other,
        (None, _) => other,
        _ => one,
    }
}

impl Reader {
    pub(crate) fn new(text: &str, language: Language) -> Reader {
        let lexicon = Lexicon::of(language);
        Reader { lexicon, tokens: scan(text, lexicon), english: language == Language::English, memo: Memo::default() }
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether an expression may hang on this token.
    pub(crate) fn is_strong(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| {
            let mark = token.make == Make::Mark && token.number == u32::from('½');
            let word = token.word;
            token.make == Make::Number
                || mark
                || self.lexicon.is_strong(word)
                || (self.lexicon.is_strong_phrase(word) && self.in_phrase(at))
        })
    }

    /// Whether a phrase that says something about time covers this place.
    fn in_phrase(&self, at: usize) -> bool {
        const LONGEST: usize = 7;
        (at.saturating_sub(LONGEST)..=at).any(|start| {
            let phrases = self.token(start).map_or(&[][..], |token| self.lexicon.phrases(token.word));
            phrases.iter().any(|phrase| {
                let strong = phrase.sense.class.is_strong() && start + phrase.rest.len() >= at;
                strong
                    && phrase
                        .rest
                        .iter()
                        .zip(start + 1..)
                        .all(|(id, place)| self.token(place).is_some_and(|t| t.word == *id))
            })
        })
    }

    /// Whether this token can stand in an expression at all.
    pub(crate) fn is_known(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.word != 0 || matches!(token.make, Make::Number | Make::Mark))
    }

    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    /// The longest word or phrase of a class.
    fn is(&self, at: usize, class: Class) -> Parse<i16> {
        let word = self.token(at)?.word;
        if word == 0 {
            return None;
        }
        let mut best =
            self.lexicon.senses(word).iter().find(|sense| sense.class == class).map(|sense| (at + 1, sense.value));
        for phrase in self.lexicon.phrases(word).iter().filter(|phrase| phrase.sense.class == class) {
            let next = at + 1 + phrase.rest.len();
            let fits =
                || phrase.rest.iter().enumerate().all(|(i, id)| self.token(at + 1 + i).is_some_and(|t| t.word == *id));
            if best.is_none_or(|(end, _)| next > end) && fits() {
                best = Some((next, phrase.sense.value));
            }
        }
        best
    }

    /// Past a word of a class, if there is one.
    fn skip(&self, at: usize, class: Class) -> usize {
        self.is(at, class).map_or(at, |(next, _)| next)
    }

    /// Past the first class of several that is there.
    fn any(&self, at: usize, classes: &[Class]) -> Option<usize> {
        classes.iter().filter_map(|class| self.is(at, *class).map(|(next, _)| next)).max()
    }

    /// Past a mark.
    fn mark(&self, at: usize, mark: char) -> Option<usize> {
        let token = self.token(at)?;
        (token.make == Make::Mark && token.number == u32::from(mark)).then_some(at + 1)
    }

    fn skip_mark(&self, at: usize, mark: char) -> usize {
        self.mark(at, mark).unwrap_or(at)
    }

    /// A run of digits: its value and length.
    fn digits(&self, at: usize) -> Parse<(u32, usize)> {
        let token = self.token(at)?;
        (token.make == Make::Number).then_some((at + 1, (token.number, token.len())))
    }

    /// A run of digits with a value and length in bounds.
    fn digits_in(&self, at: usize, low: u32, high: u32, longest: usize) -> Parse<u8> {
        let (next, (value, length)) = self.digits(at)?;
        ((low..=high).contains(&value) && length <= longest).then_some((next, u8::try_from(value).ok()?))
    }

    /// Whether the token touches the one before it.
    fn glued(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.glued)
    }

    /// Whether the next token is a number, word or decimal glued to this place, so that nothing ends here.
    fn cut_off(&self, next: usize) -> bool {
        let Some(token) = self.token(next) else { return false };
        if !token.glued {
            return false;
        }
        match token.make {
            Make::Word | Make::Number => true,
            Make::Mark if matches!(char::from_u32(token.number), Some('.' | ',' | ':' | '/')) => {
                let before = next.checked_sub(1).and_then(|at| self.token(at)).is_some_and(|t| t.make == Make::Number);
                before && self.token(next + 1).is_some_and(|t| t.glued && t.make == Make::Number)
            }
            Make::Mark => char::from_u32(token.number) == Some('%') || char::from_u32(token.number) == Some('$'),
            Make::Break => false,
        }
    }

    /// Whether an expression may start at this token: not in the middle of a word, number, price or decimal.
    fn may_start(&self, at: usize) -> bool {
        let Some(token) = self.token(at) else { return false };
        let Some(before) = at.checked_sub(1).and_then(|at| self.token(at)) else { return true };
        if !token.glued {
            // "$ 5 prestados" is a price as well.
            return !(token.make == Make::Number && before.make == Make::Mark && before.number == u32::from('$'));
        }
        match before.make {
            Make::Word | Make::Number => false,
            Make::Mark if token.make == Make::Word => {
                !matches!(char::from_u32(before.number), Some('$' | '@' | '#' | '\\'))
            }
            Make::Mark if token.make == Make::Number => match char::from_u32(before.number) {
                Some('$' | '€' | '£' | '#' | '+' | '@') => false,
                Some('.' | ',' | ':' | '-' | '/' | '_') => {
                    let Some(two) = at.checked_sub(2).and_then(|at| self.token(at)) else { return true };
                    let wide = token.len() == 4 && matches!(char::from_u32(before.number), Some('-' | '/' | '_'));
                    !(before.glued && two.make == Make::Number)
                        && (wide
                            || !(before.glued && two.make == Make::Word)
                            || before.number == u32::from(':')
                            || before.number == u32::from(','))
                }
                _ => true,
            },
            _ => true,
        }
    }
}
