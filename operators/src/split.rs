//! Split: what was said, in pieces small enough to ask a model about.
//!
//! `split(E) = { passage(e, i, s) | e in E live, a message, response or post; s the i-th of pieces(text(e)) }`. A text of
//! at most [`PASSAGE_BYTES_MAX`] bytes is one passage, named by the event's own text hash, and is not looked up; only
//! longer ones are read. Cost: the events that change.

use std::sync::Arc;

use nexus_types::event::text_hash;
use nexus_types::passage::{PASSAGE_BYTES_MAX, Span};
use nexus_types::{EventRow, Kind, Passage, PassageId, TextHash, Texts};
use serde::{Deserialize, Serialize};

use crate::Collection;

/// A passage: an event, or the part of it that it is. One event is nearly always one passage, which takes no room then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Piece {
    /// Its event.
    pub event: Arc<EventRow>,
    /// Which part of it; `None` if the event is one passage.
    pub part: Option<Arc<Part>>,
}

/// A part of a text that is too long for one passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Its place in the event, from 0.
    pub ordinal: u32,
    /// Where in the event's text, in bytes.
    pub span: Span,
    /// The part's text.
    pub text: TextHash,
}

impl Piece {
    /// What it says.
    pub fn text(&self) -> TextHash {
        self.part().text
    }

    /// Its place in the event, from 0.
    pub fn ordinal(&self) -> u32 {
        self.part().ordinal
    }

    /// Its name: a hash is computed.
    pub fn id(&self) -> PassageId {
        self.passage().id
    }

    /// The passage.
    pub fn passage(&self) -> Passage {
        let Part { ordinal, span, text } = self.part();
        Passage::new(self.event.scope.clone(), self.event.id, ordinal, span, text)
    }

    fn part(&self) -> Part {
        let whole = Part { ordinal: 0, span: Span { start: 0, end: self.event.text_bytes }, text: self.event.text };
        self.part.as_deref().copied().unwrap_or(whole)
    }
}

/// The passages of all live events that say something.
pub fn split<'s>(events: Collection<'s, Arc<EventRow>>, texts: Arc<dyn Texts>) -> Collection<'s, Piece> {
    events.flat_map(move |event| passages(&event, &*texts))
}

fn passages(event: &Arc<EventRow>, texts: &dyn Texts) -> Vec<Piece> {
    let said = matches!(event.kind, Kind::Message | Kind::Response | Kind::Post);
    if !event.live() || !said || event.text_bytes == 0 {
        return Vec::new();
    }
    let piece = |part| Piece { event: event.clone(), part };
    if event.text_bytes as usize <= PASSAGE_BYTES_MAX {
        return vec![piece(None)];
    }
    let Some(text) = texts.text(event.text) else { return Vec::new() };
    let hash = |span: Span| text_hash(&text[span.start as usize..span.end as usize]);
    let part = |(ordinal, span)| piece(Some(Arc::new(Part { ordinal, span, text: hash(span) })));
    (0..).zip(pieces(&text)).map(part).collect()
}

/// Where a text is cut into passages: at the last paragraph end that leaves more than half a passage, else at a sentence
/// end, else between words, else between characters. The pieces are in order, do not overlap, hold no blanks at their
/// ends, and leave out nothing else. A text that fits is one piece, whole. Linear in the text.
pub fn pieces(text: &str) -> Vec<Span> {
    if text.len() <= PASSAGE_BYTES_MAX {
        return if text.is_empty() { Vec::new() } else { vec![span(0, text.len())] };
    }
    let mut spans = Vec::new();
    let end = text.trim_end().len();
    let mut start = skip_blanks(text, 0);
    while start < end {
        let cut = if end - start <= PASSAGE_BYTES_MAX { end } else { start + cut(&text[start..end]) };
        spans.push(span(start, start + text[start..cut].trim_end().len()));
        start = skip_blanks(text, cut);
    }
    spans
}

/// Where to cut a text that is too long: at least one character, at most a passage from its start.
fn cut(text: &str) -> usize {
    let window = &text[..text.floor_char_boundary(PASSAGE_BYTES_MAX)];
    let late = |at: &usize| *at > PASSAGE_BYTES_MAX / 2;
    let paragraph = window.rfind("\n\n").filter(late);
    let sentence = || ends_of_sentences(window).filter(late).last();
    let word = || window.rfind(char::is_whitespace);
    paragraph.or_else(sentence).or_else(word).unwrap_or(window.len())
}

/// One past the mark that ends a sentence: a line end, or a mark of the script followed by a blank where it needs one.
fn ends_of_sentences(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().filter_map(|(at, mark)| {
        let after = at + mark.len_utf8();
        let blank = || text[after..].starts_with(char::is_whitespace);
        match mark {
            '\n' | '。' | '！' | '？' => Some(after),
            '.' | '!' | '?' | '…' if blank() => Some(after),
            _ => None,
        }
    })
}

fn skip_blanks(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

fn span(start: usize, end: usize) -> Span {
    // A text's length is held in 32 bits (EventRow::text_bytes); what lies beyond is not reached.
    let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span { start: at(start), end: at(end) }
}

/// The meaning, by brute force: every event's text is read and cut.
pub fn split_naive(events: &[Arc<EventRow>], texts: &dyn Texts) -> Vec<Piece> {
    let mut out = Vec::new();
    for event in events.iter().filter(|event| event.live()) {
        if [Kind::Reasoning, Kind::Rename, Kind::Notice].contains(&event.kind) {
            continue;
        }
        let text = texts.text(event.text).unwrap_or_else(|| "".into());
        for (ordinal, span) in pieces(&text).into_iter().enumerate() {
            let hash = text_hash(&text[span.start as usize..span.end as usize]);
            let part = Part { ordinal: ordinal as u32, span, text: hash };
            let whole = text.len() <= PASSAGE_BYTES_MAX;
            out.push(Piece { event: event.clone(), part: (!whole).then(|| Arc::new(part)) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use nexus_types::{EventId, Hash128, Text, Version};
    use proptest::prelude::*;

    use super::*;
    use crate::check::{Draw, check};

    fn texts() -> Vec<Text> {
        let long = "One sentence here. Another there! ".repeat(60);
        ["".into(), "short".into(), "x".repeat(PASSAGE_BYTES_MAX), "é".repeat(1700), long].map(Text::from).to_vec()
    }

    fn event(draw: &mut Draw) -> Arc<EventRow> {
        let texts = texts();
        let text = draw.pick(&texts);
        let version = Version { retracted: draw.one_in(4), ..Version::default() };
        let mut row = EventRow::tombstone("s".into(), EventId(Hash128([draw.below(5), 0])), version);
        (row.kind, row.text, row.text_bytes) = (*draw.pick(&Kind::ALL), text_hash(text), text.len() as u32);
        Arc::new(row)
    }

    #[test]
    fn agrees_with_naive() {
        let store: BTreeMap<TextHash, Text> = texts().into_iter().map(|text| (text_hash(&text), text)).collect();
        let shared: Arc<dyn Texts> = Arc::new(store.clone());
        check("split", event, move |rows| split(rows, shared.clone()), |rows| split_naive(rows, &store));
    }

    #[test]
    fn a_text_that_fits_is_the_passage_that_its_parts_would_be() {
        let mut row = EventRow::tombstone("s".into(), EventId(Hash128([7, 0])), Version::default());
        (row.text, row.text_bytes) = (text_hash("short"), 5);
        let part = Part { ordinal: 0, span: Span { start: 0, end: 5 }, text: row.text };
        let whole = Piece { event: Arc::new(row), part: None };
        let piece = Piece { part: Some(Arc::new(part)), ..whole.clone() };
        assert_eq!((piece.passage(), piece.id(), piece.text()), (whole.passage(), whole.id(), whole.text()));
    }

    fn cuts(text: &str) -> Vec<&str> {
        pieces(text).iter().map(|span| &text[span.start as usize..span.end as usize]).collect()
    }

    #[test]
    fn cuts_fall_where_a_reader_would_pause() {
        let (first, second) = ("a".repeat(700), "b".repeat(700));
        assert_eq!(cuts(&format!("{first}\n\n{second}")), [&first, &second]);
        assert_eq!(cuts(&format!("{first}. {second}")), [&format!("{first}."), &second]);
        assert_eq!(cuts(&format!("{first} {second}")), [&first, &second]);
        assert_eq!(cuts(&" \n".repeat(600)), [""; 0]);
        assert_eq!(cuts("short, and kept whole \n"), ["short, and kept whole \n"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_fit_and_lose_nothing(words in prop::collection::vec("[a-zé世🙂]{0,12}[ .!\n]{0,2}", 0..600)) {
            let text = words.concat();
            let cuts = cuts(&text);
            prop_assert!(cuts.iter().all(|piece| !piece.is_empty() && piece.len() <= PASSAGE_BYTES_MAX));
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&cuts.concat()), solid(&text));
        }
    }
}
