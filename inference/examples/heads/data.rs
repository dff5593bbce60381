//! The data: what each set says, as texts with words, sentences and labels.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use nexus_inference::heads::{EMOTIONS, MENTIONS, PARTS, RELATIONS, TAGS, VERDICTS, place};

/// A text, its words by bytes, and which words begin a sentence.
#[derive(Clone, Default)]
pub(crate) struct Text {
    pub text: String,
    pub words: Vec<Range<usize>>,
    pub starts: Vec<usize>,
}

impl Text {
    fn push(&mut self, word: &str, blank: bool) {
        let start = self.text.len();
        self.text.push_str(word);
        self.words.push(start..self.text.len());
        if blank {
            self.text.push(' ');
        }
    }

    /// Each word's sentence.
    pub(crate) fn sentences(&self) -> Vec<usize> {
        let of = |word| self.starts.partition_point(|start| *start <= word) - 1;
        (0..self.words.len()).map(of).collect()
    }
}

/// A word of a treebank.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub part: usize,
    pub tag: Option<usize>,
    /// The place of its head in the text; its own is the root's.
    pub head: usize,
    pub relation: usize,
}

/// Sentences of a CoNLL-U file, up to `together` consecutive ones of a document as one text.
pub(crate) fn treebank(path: &Path, together: impl Fn(usize) -> usize) -> Vec<(Text, Vec<Node>)> {
    let content = content(path);
    let mut texts: Vec<(Text, Vec<Node>)> = Vec::new();
    let mut left = 0;
    for block in content.split("\n\n").filter(|block| !block.trim().is_empty()) {
        if left == 0 || block.contains("# newdoc") {
            left = together(texts.len());
            texts.push(Default::default());
        }
        left -= 1;
        let Some((text, nodes)) = texts.last_mut() else { continue };
        let first = nodes.len();
        text.starts.push(first);
        // Several words written as one ("don't"): the last of them, and whether a blank follows.
        let mut glued: Option<(usize, bool)> = None;
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [id, form, _, part, tag, _, head, relation, _, other] = columns[..] else { continue };
            let blank = !other.contains("SpaceAfter=No");
            if let Some((_, to)) = id.split_once('-') {
                glued = to.parse().ok().map(|to| (to, blank));
                continue;
            }
            let Ok(id) = id.parse::<usize>() else { continue };
            let blank = match glued {
                Some((to, _)) if id < to => false,
                Some((to, after)) if id == to => after,
                _ => blank,
            };
            text.push(form, blank);
            let head: usize = head.parse().unwrap_or(0);
            nodes.push(Node {
                part: place(&PARTS, part).unwrap_or(PARTS.len() - 1),
                tag: place(&TAGS, tag),
                head: if head == 0 { first + id - 1 } else { first + head - 1 },
                relation: place(&RELATIONS, relation).unwrap_or(0),
            });
        }
        if !text.text.ends_with(' ') {
            text.text.push(' ');
        }
    }
    texts
}

/// Which kinds of mentions a set knows.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Knows {
    Everything,
    /// Not products and works.
    People,
}

/// Words with their tags: 0 outside, 1 + 2 k the first of kind k, 2 + 2 k another; `None`: nobody says.
pub(crate) fn mentions(path: &Path) -> Vec<(Text, Vec<Option<usize>>, Knows)> {
    let content = content(path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let knows = if name.starts_with("wnut") { Knows::Everything } else { Knows::People };
    let mut texts = Vec::new();
    for block in content.replace('\r', "").split("\n\n") {
        let (mut text, mut tags) = (Text::default(), Vec::new());
        let mut last: Option<usize> = None;
        let mut handle = false;
        for line in block.lines() {
            let Some((word, tag)) = line.rsplit_once(['\t', ' ']) else { continue };
            let word = word.split(['\t', ' ']).next().unwrap_or_default();
            if word.is_empty() || word == "-DOCSTART-" {
                continue;
            }
            if text.words.is_empty() {
                text.starts.push(0);
            }
            text.push(word, true);
            let kind = tag.get(2..).and_then(kind);
            let begins = tag.starts_with("B-") || last != kind;
            let unknown = tag != "O" && kind.is_none();
            // Handles are mentions of their own; one set calls them persons.
            let is_handle = knows == Knows::People && (word == "@" || handle);
            handle = word == "@";
            tags.push(match kind {
                _ if unknown || is_handle => None,
                None => Some(0),
                Some(kind) => Some(if begins { 1 + 2 * kind } else { 2 + 2 * kind }),
            });
            last = kind;
        }
        if !text.words.is_empty() {
            texts.push((text, tags, knows));
        }
    }
    texts
}

fn kind(name: &str) -> Option<usize> {
    let name = match name {
        "PER" => "person",
        "LOC" => "location",
        "ORG" | "corporation" => "group",
        name => name,
    };
    place(&MENTIONS, name)
}

/// Texts with the emotions they were given.
pub(crate) fn emotions(path: &Path, words: impl Fn(&str) -> Text) -> Vec<(Text, Vec<usize>)> {
    let line = |line: &str| {
        let mut columns = line.split('\t');
        let text = columns.next()?;
        let given = columns.next()?.split(',').filter_map(|label| label.parse().ok());
        Some((words(text), given.filter(|label| *label < EMOTIONS.len()).collect()))
    };
    content(path).lines().filter_map(line).filter(|(text, _): &(Text, Vec<usize>)| !text.words.is_empty()).collect()
}

/// Pairs of texts with a verdict.
pub(crate) fn pairs(path: &Path, words: impl Fn(&str) -> Text) -> Vec<([Text; 2], usize)> {
    let line = |line: &str| {
        let mut columns = line.split('\t');
        let pair = [words(columns.next()?), words(columns.next()?)];
        let verdict = place(&VERDICTS, columns.next()?.trim())?;
        (!pair[0].words.is_empty() && !pair[1].words.is_empty()).then_some((pair, verdict))
    };
    content(path).lines().filter_map(line).collect()
}

fn content(path: &Path) -> String {
    if path.extension().is_some_and(|extension| extension == "gz") {
        let out = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        return String::from_utf8(out.stdout).unwrap();
    }
    let mut content = String::new();
    std::fs::File::open(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .read_to_string(&mut content)
        .unwrap();
    content
}
