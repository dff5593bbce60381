//! Scores on the development parts, and the thresholds of emotions, which are set on texts kept from training.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData};
use nexus_inference::heads::{EMOTIONS, MENTIONS, best_tags, best_tree};

use crate::network::Heads;
use crate::tasks::{Set, Tasks, verdicts, within};

/// Words of a batch.
const BATCH: usize = 3_000;

pub(crate) fn print(tasks: &Tasks, heads: &Heads, thresholds: &[f32], device: &Device) {
    let [part, tag, unlabelled, labelled] = parse(tasks, heads, device);
    let [precision, recall, f1] = mentions(tasks, heads, device);
    let felt = felt(&tasks.emotions[1], &(0..tasks.emotions[1].labels.len()).collect::<Vec<_>>(), heads, device);
    let macro_f1 = (0..EMOTIONS.len()).map(|at| f1_at(&tasks.emotions[1], &felt, at, thresholds[at])).sum::<f32>();
    eprintln!(
        "treebank: UPOS {part:.4}, tags {tag:.4}, UAS {unlabelled:.4}, LAS {labelled:.4}; mentions: P {precision:.4}, \
         R {recall:.4}, F1 {f1:.4}; emotions: macro F1 {:.4}; pairs: accuracy {:.4}",
        macro_f1 / EMOTIONS.len() as f32,
        accuracy(tasks, heads, device),
    );
}

/// Shares of words with the right part of speech, tag, head, and head with relation; punctuation counts.
fn parse(tasks: &Tasks, heads: &Heads, device: &Device) -> [f32; 4] {
    let set = &tasks.trees[1];
    let (mut right, mut all) = ([0usize; 4], 0usize);
    for batch in set.store.batches(&(0..set.labels.len()).collect::<Vec<_>>(), BATCH) {
        let of = set.store.rows(&heads.trunk, &batch, device);
        let [units, words, _] = of.rows.dims();
        let scores = numbers(within(heads.arcs.heads(&of, &heads.dropout), &set.store, &batch, device));
        let mut trees = Vec::new();
        let mut above = Vec::new();
        for (unit, at) in batch.iter().enumerate() {
            let row = |word: usize| &scores[(unit * words + word) * (words + 1)..][..words + 1];
            let tree = by_sentence(&set.store.texts[*at].sentences, row);
            let place = |word: usize| tree.get(word).map_or(0, |head| if *head == word { 0 } else { head + 1 });
            above.extend((0..words).map(|word| (unit * (words + 1) + place(word)) as i32));
            trees.push(tree);
        }
        let above = Tensor::<1, Int>::from_data(TensorData::new(above, [units * words]), device);
        let relations = best(numbers(heads.arcs.relations(&of, above, &heads.dropout)), units * words);
        let parts = best(numbers(heads.parts.forward(of.rows.clone())), units * words);
        let tags = best(numbers(heads.tags.forward(of.rows.clone())), units * words);
        for (unit, at) in batch.iter().enumerate() {
            for (word, node) in set.labels[*at].iter().enumerate() {
                let place = unit * words + word;
                let head = trees[unit][word] == node.head;
                let hits = [
                    parts[place] == node.part,
                    node.tag == Some(tags[place]),
                    head,
                    head && relations[place] == node.relation,
                ];
                right.iter_mut().zip(hits).for_each(|(right, hit)| *right += usize::from(hit));
                all += 1;
            }
        }
    }
    right.map(|right| right as f32 / all as f32)
}

/// The best tree of each sentence.
fn by_sentence<'r>(sentences: &[usize], row: impl Fn(usize) -> &'r [f32]) -> Vec<usize> {
    let mut tree = Vec::with_capacity(sentences.len());
    while tree.len() < sentences.len() {
        let first = tree.len();
        let count = sentences[first..].iter().take_while(|sentence| **sentence == sentences[first]).count();
        let scores: Vec<f32> = (first..first + count)
            .flat_map(|word| {
                std::iter::once(row(word)[0]).chain(row(word)[1 + first..1 + first + count].iter().copied())
            })
            .collect();
        tree.extend(best_tree(&scores, count).into_iter().map(|head| first + head));
    }
    tree
}

/// Precision, recall and F1 of whole mentions with their kind.
fn mentions(tasks: &Tasks, heads: &Heads, device: &Device) -> [f32; 3] {
    let set = &tasks.mentions[1];
    let (mut right, mut found, mut gold) = (0, 0, 0);
    for batch in set.store.batches(&(0..set.labels.len()).collect::<Vec<_>>(), BATCH) {
        let of = set.store.rows(&heads.trunk, &batch, device);
        let [_, words, _] = of.rows.dims();
        let scores = numbers(heads.mentions.forward(of.rows));
        let outputs = 1 + 2 * MENTIONS.len();
        for (unit, at) in batch.iter().enumerate() {
            let tags: Vec<usize> = set.labels[*at].0.iter().map(|tag| tag.unwrap_or(0)).collect();
            let own = &scores[unit * words * outputs..][..tags.len() * outputs];
            let (ours, theirs) = (spans(&best_tags(own, outputs)), spans(&tags));
            right += ours.iter().filter(|span| theirs.contains(span)).count();
            found += ours.len();
            gold += theirs.len();
        }
    }
    let (precision, recall) = (right as f32 / found.max(1) as f32, right as f32 / gold.max(1) as f32);
    [precision, recall, 2.0 * precision * recall / (precision + recall).max(1e-9)]
}

fn spans(tags: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    for (word, tag) in tags.iter().enumerate().filter(|(_, tag)| **tag > 0) {
        let kind = (tag - 1) / 2;
        match spans.last_mut() {
            Some((_, end, last)) if tag % 2 == 0 && *end == word && *last == kind => *end = word + 1,
            _ => spans.push((word, word + 1, kind)),
        }
    }
    spans
}

/// How likely each emotion is in each text.
fn felt(set: &Set<Vec<usize>>, texts: &[usize], heads: &Heads, device: &Device) -> Vec<(usize, Vec<f32>)> {
    let mut felt = Vec::new();
    for batch in set.store.batches(texts, BATCH) {
        let of = set.store.rows(&heads.trunk, &batch, device);
        let scores = numbers(sigmoid(heads.affect.forward(&of, set.store.vectors(&batch, device), &heads.dropout)));
        felt.extend(batch.iter().copied().zip(scores.chunks_exact(EMOTIONS.len()).map(<[f32]>::to_vec)));
    }
    felt
}

fn f1_at(set: &Set<Vec<usize>>, felt: &[(usize, Vec<f32>)], emotion: usize, threshold: f32) -> f32 {
    let (mut right, mut found, mut gold) = (0, 0, 0);
    for (text, scores) in felt {
        let (says, is) = (scores[emotion] >= threshold, set.labels[*text].contains(&emotion));
        right += usize::from(says && is);
        found += usize::from(says);
        gold += usize::from(is);
    }
    2.0 * right as f32 / (found + gold).max(1) as f32
}

/// Of each emotion the likelihood from which on it is best called felt.
pub(crate) fn thresholds(tasks: &Tasks, heads: &Heads, device: &Device) -> Vec<f32> {
    let set = &tasks.emotions[0];
    let felt = felt(set, &tasks.held(), heads, device);
    let best = |emotion: usize| {
        let candidates = (2..=19).map(|step| step as f32 * 0.05);
        candidates
            .max_by(|a, b| f1_at(set, &felt, emotion, *a).total_cmp(&f1_at(set, &felt, emotion, *b)))
            .unwrap_or(0.5)
    };
    (0..EMOTIONS.len()).map(best).collect()
}

fn accuracy(tasks: &Tasks, heads: &Heads, device: &Device) -> f32 {
    let set = &tasks.pairs[1];
    let mut right = 0;
    for batch in (0..set.labels.len()).collect::<Vec<_>>().chunks(64) {
        let said = best(numbers(verdicts(heads, set, batch, device)), batch.len());
        right += batch.iter().zip(said).filter(|(pair, said)| set.labels[**pair] == *said).count();
    }
    right as f32 / set.labels.len().max(1) as f32
}

/// Of each row the place of its greatest number.
fn best(numbers: Vec<f32>, rows: usize) -> Vec<usize> {
    let width = numbers.len() / rows.max(1);
    let greatest = |row: &[f32]| (0..width).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
    numbers.chunks_exact(width.max(1)).map(greatest).collect()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}
