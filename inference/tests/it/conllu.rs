//! CoNLL-U, read leniently: whatever is not a row of a word is skipped; heads out of range become roots.

use std::collections::BTreeMap;

use nexus_inference::clauses::tree::Word;

/// A sentence of a file: its text and its words.
pub(crate) struct Parsed {
    /// As after `# text = `, or the words joined by blanks.
    pub text: String,
    /// The words, with offsets into the text.
    pub words: Vec<Word>,
}

/// Labels, kept for as long as the program runs: a treebank has a few hundred.
#[derive(Default)]
struct Labels(BTreeMap<String, &'static str>);

impl Labels {
    fn keep(&mut self, label: &str) -> &'static str {
        if let Some(kept) = self.0.get(label) {
            return kept;
        }
        let kept: &'static str = Box::leak(label.to_string().into_boxed_str());
        self.0.insert(label.to_string(), kept);
        kept
    }
}

/// The sentences of a CoNLL-U file.
pub(crate) fn read(file: &str) -> Vec<Parsed> {
    let mut labels = Labels::default();
    let mut sentences = Vec::new();
    for block in file.replace('\r', "").split("\n\n") {
        let text = block.lines().find_map(|line| line.strip_prefix("# text =")).map(str::trim);
        let rows: Vec<Vec<&str>> = block.lines().filter_map(row).collect();
        if rows.is_empty() && text.is_none() {
            continue;
        }
        let joined = || rows.iter().map(|row| row[1]).collect::<Vec<_>>().join(" ");
        let text = text.map_or_else(joined, str::to_string);
        let words = words(&text, &rows, &mut labels);
        sentences.push(Parsed { text, words });
    }
    sentences
}

/// A row of a word: its columns; neither comment, range, nor empty node.
fn row(line: &str) -> Option<Vec<&str>> {
    let columns: Vec<&str> = line.split('\t').collect();
    (columns.len() >= 8 && columns[0].parse::<usize>().is_ok()).then_some(columns)
}

/// The words of a sentence, found in its text one after another.
fn words(text: &str, rows: &[Vec<&str>], labels: &mut Labels) -> Vec<Word> {
    let mut words = Vec::with_capacity(rows.len());
    let mut at = 0;
    for (index, row) in rows.iter().enumerate() {
        let start = text[at..].find(row[1]).map_or(at, |found| at + found);
        let end = if text[start..].starts_with(row[1]) { start + row[1].len() } else { start };
        at = end;
        let head = row[6].parse::<usize>().ok().and_then(|head| head.checked_sub(1)).filter(|head| *head < rows.len());
        let head = head.unwrap_or(index);
        words.push(Word {
            start,
            end,
            upos: labels.keep(row[3]),
            xpos: labels.keep(row[4]),
            head,
            rel: labels.keep(row[7]),
        });
    }
    words
}
