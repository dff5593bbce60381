//! What is trained: four tasks, each with its texts and its loss.

use std::path::Path;

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use nexus_inference::Encoder;
use nexus_inference::heads::{EMOTIONS, MENTIONS};

use crate::data::{self, Knows, Node, Text};
use crate::network::Heads;
use crate::store::Store;

/// Words of a batch, padding included.
const BATCH: usize = 1_500;
/// Of how many texts with emotions one is kept for setting thresholds.
const HELD: usize = 12;

/// A task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Train {
    Parse,
    Mention,
    Affect,
    Verdict,
}

/// One part of a task's texts.
pub(crate) struct Set<L> {
    pub store: Store,
    pub labels: Vec<L>,
}

/// All texts.
pub(crate) struct Tasks {
    pub trees: [Set<Vec<Node>>; 2],
    pub mentions: [Set<(Vec<Option<usize>>, Knows)>; 2],
    pub emotions: [Set<Vec<usize>>; 2],
    /// The texts of pair k are 2 k and 2 k + 1.
    pub pairs: [Set<usize>; 2],
}

impl Tasks {
    /// Training and development parts.
    pub(crate) fn read(encoder: &Encoder, folder: &Path) -> Self {
        let trees = ["train.conllu.gz", "dev.conllu"].map(|name| {
            let file = folder.join("treebank/ewt").join(name);
            let (texts, labels): (Vec<Text>, Vec<_>) =
                data::treebank(&file, |at| 1 + mixed(at as u64) as usize % 3).into_iter().unzip();
            Set { store: Store::read(encoder, &texts), labels }
        });
        let names = ["wnut17_train", "wikigold", "btc_a", "btc_b", "btc_e", "btc_f", "btc_g", "btc_h"];
        let mentions = [&names[..], &["wnut17_dev"]].map(|names| {
            let (mut texts, mut labels) = (Vec::new(), Vec::new());
            for name in names {
                for (text, tags, knows) in data::mentions(&folder.join("ner").join(format!("{name}.conll"))) {
                    texts.push(text);
                    labels.push((tags, knows));
                }
            }
            Set { store: Store::read(encoder, &texts), labels }
        });
        let emotions = ["train", "dev"].map(|part| {
            let file = folder.join(format!("emotion/goemotions_{part}.tsv"));
            let (texts, labels): (Vec<Text>, Vec<_>) = data::emotions(&file, words).into_iter().unzip();
            Set { store: Store::read(encoder, &texts), labels }
        });
        let pairs = ["train", "dev"].map(|part| {
            let pairs = data::pairs(&folder.join(format!("nli/cf_snli_{part}.tsv")), words);
            let labels = pairs.iter().map(|(_, verdict)| *verdict).collect();
            Set { store: Store::read(encoder, pairs.iter().flat_map(|(pair, _)| pair)), labels }
        });
        Tasks { trees, mentions, emotions, pairs }
    }

    pub(crate) fn len(&self) -> usize {
        self.trees.iter().map(|set| set.labels.len()).sum::<usize>()
            + self.mentions.iter().map(|set| set.labels.len()).sum::<usize>()
            + self.emotions.iter().map(|set| set.labels.len()).sum::<usize>()
            + self.pairs.iter().map(|set| set.labels.len()).sum::<usize>()
    }

    pub(crate) fn widths(&self) -> (usize, usize) {
        self.trees[0].store.widths()
    }

    /// Texts whose emotions are not trained on.
    pub(crate) fn held(&self) -> Vec<usize> {
        (0..self.emotions[0].labels.len()).filter(|at| at % HELD == 0).collect()
    }

    /// Every batch of every pass over each set, mixed.
    pub(crate) fn plan(&self) -> Vec<(Train, Vec<usize>)> {
        let passes =
            |name: &str, usual: usize| std::env::var(name).ok().and_then(|passes| passes.parse().ok()).unwrap_or(usual);
        let mut plan = Vec::new();
        for pass in 0..passes("PARSE", 9) {
            self.add(&mut plan, Train::Parse, pass, &self.trees[0].store, (0..self.trees[0].labels.len()).collect());
        }
        for pass in 0..passes("MENTION", 6) {
            let texts = (0..self.mentions[0].labels.len()).collect();
            self.add(&mut plan, Train::Mention, pass, &self.mentions[0].store, texts);
        }
        for pass in 0..passes("AFFECT", 3) {
            let texts = (0..self.emotions[0].labels.len()).filter(|at| at % HELD != 0).collect();
            self.add(&mut plan, Train::Affect, pass, &self.emotions[0].store, texts);
        }
        for pass in 0..passes("VERDICT", 5) {
            for batch in shuffled((0..self.pairs[0].labels.len()).collect(), 900 + pass as u64).chunks(48) {
                plan.push((Train::Verdict, batch.to_vec()));
            }
        }
        shuffled(plan, 1)
    }

    fn add(&self, plan: &mut Vec<(Train, Vec<usize>)>, task: Train, pass: usize, store: &Store, texts: Vec<usize>) {
        // Batches differ from pass to pass: texts of like length are cut off at different places.
        let some = shuffled(texts, 100 * task as u64 + pass as u64);
        for part in some.chunks(4_000) {
            plan.extend(store.batches(part, BATCH).into_iter().map(|batch| (task, batch)));
        }
    }

    pub(crate) fn loss(&self, heads: &Heads, task: Train, batch: &[usize], device: &Device) -> Tensor<1> {
        match task {
            Train::Parse => self.parse_loss(heads, batch, device),
            Train::Mention => self.mention_loss(heads, batch, device),
            Train::Affect => self.affect_loss(heads, batch, device),
            Train::Verdict => self.verdict_loss(heads, batch, device),
        }
    }

    fn parse_loss(&self, heads: &Heads, batch: &[usize], device: &Device) -> Tensor<1> {
        let set = &self.trees[0];
        let of = set.store.rows(&heads.trunk, batch, device);
        let [units, words, _] = of.rows.dims();
        let rows = heads.dropout.forward(of.rows.clone());
        let (mut parts, mut tags, mut arcs, mut above, mut relations) = (vec![], vec![], vec![], vec![], vec![]);
        for (unit, at) in batch.iter().enumerate() {
            let nodes = &set.labels[*at];
            for word in 0..words {
                let node = nodes.get(word);
                let place = node.map(|node| if node.head == word { 0 } else { node.head + 1 });
                parts.push(node.map(|node| node.part));
                tags.push(node.and_then(|node| node.tag));
                arcs.push(place);
                above.push((unit * (words + 1) + place.unwrap_or(0)) as i32);
                relations.push(node.map(|node| node.relation));
            }
        }
        let count = units * words;
        let above = Tensor::<1, Int>::from_data(TensorData::new(above, [count]), device);
        let scores = within(heads.arcs.heads(&of, &heads.dropout), &set.store, batch, device);
        let labels = heads.arcs.relations(&of, above, &heads.dropout);
        let flat = |tensor: Tensor<3>| {
            let [_, _, outputs] = tensor.dims();
            tensor.reshape([count, outputs])
        };
        cross_entropy(flat(heads.parts.forward(rows.clone())), &parts, device)
            + cross_entropy(flat(heads.tags.forward(rows)), &tags, device)
            + cross_entropy(flat(scores), &arcs, device)
            + cross_entropy(labels, &relations, device)
    }

    fn mention_loss(&self, heads: &Heads, batch: &[usize], device: &Device) -> Tensor<1> {
        let set = &self.mentions[0];
        let of = set.store.rows(&heads.trunk, batch, device);
        let [units, words, _] = of.rows.dims();
        let outputs = 1 + 2 * MENTIONS.len();
        // Which tags a word may have had: all that the set would not have told from what it says.
        let mut fits = vec![0.0f32; units * words * outputs];
        let mut counted = 0;
        for (unit, at) in batch.iter().enumerate() {
            let (tags, knows) = &set.labels[*at];
            for (word, tag) in tags.iter().enumerate() {
                let Some(tag) = tag else { continue };
                let row = &mut fits[(unit * words + word) * outputs..][..outputs];
                row[*tag] = 1.0;
                if *tag == 0 && *knows == Knows::People {
                    row[7..].fill(1.0);
                }
                counted += 1;
            }
        }
        let scores = heads.mentions.forward(heads.dropout.forward(of.rows)).reshape([units * words, outputs]);
        let fits = Tensor::<2>::from_data(TensorData::new(fits, [units * words, outputs]), device);
        let said = fits.clone().max_dim(1);
        let likely = (log_softmax(scores, 1).exp() * fits).sum_dim(1).clamp_min(1e-9).log();
        (likely * said).sum() * (-1.0 / f64::from(counted.max(1)))
    }

    fn affect_loss(&self, heads: &Heads, batch: &[usize], device: &Device) -> Tensor<1> {
        let set = &self.emotions[0];
        let of = set.store.rows(&heads.trunk, batch, device);
        let scores = heads.affect.forward(&of, set.store.vectors(batch, device), &heads.dropout);
        let mut felt = vec![0.0f32; batch.len() * EMOTIONS.len()];
        for (unit, at) in batch.iter().enumerate() {
            set.labels[*at].iter().for_each(|label| felt[unit * EMOTIONS.len() + label] = 1.0);
        }
        let felt = Tensor::<2>::from_data(TensorData::new(felt, [batch.len(), EMOTIONS.len()]), device);
        let not = felt.clone().neg() + 1.0;
        let loss = felt * log_sigmoid(scores.clone()) * 3.0 + not * log_sigmoid(scores.neg());
        loss.mean() * -(EMOTIONS.len() as f64) * 0.25
    }

    fn verdict_loss(&self, heads: &Heads, batch: &[usize], device: &Device) -> Tensor<1> {
        let set = &self.pairs[0];
        let scores = verdicts(heads, set, batch, device);
        let labels: Vec<Option<usize>> = batch.iter().map(|pair| Some(set.labels[*pair])).collect();
        cross_entropy(scores, &labels, device)
    }
}

/// Scores of verdicts on some pairs.
pub(crate) fn verdicts(heads: &Heads, set: &Set<usize>, batch: &[usize], device: &Device) -> Tensor<2> {
    let [first, second] = [0, 1].map(|side| {
        let texts: Vec<usize> = batch.iter().map(|pair| 2 * pair + side).collect();
        (set.store.rows(&heads.trunk, &texts, device), set.store.vectors(&texts, device))
    });
    heads.verdict.forward(&first.0, &second.0, [first.1, second.1], &heads.dropout)
}

/// Scores of heads, with those in other sentences ruled out.
pub(crate) fn within(scores: Tensor<3>, store: &Store, batch: &[usize], device: &Device) -> Tensor<3> {
    let [units, words, places] = scores.dims();
    let mut outside = vec![false; units * words * places];
    for (unit, at) in batch.iter().enumerate() {
        let sentences = &store.texts[*at].sentences;
        for (word, sentence) in sentences.iter().enumerate() {
            let row = &mut outside[(unit * words + word) * places + 1..][..sentences.len()];
            row.iter_mut().zip(sentences).for_each(|(outside, other)| *outside = other != sentence);
        }
    }
    scores.mask_fill(Tensor::from_data(TensorData::new(outside, [units, words, places]), device), -1e9)
}

/// The mean over the rows that have a label.
fn cross_entropy(scores: Tensor<2>, labels: &[Option<usize>], device: &Device) -> Tensor<1> {
    let counted = labels.iter().flatten().count().max(1);
    let places: Vec<i32> = labels.iter().map(|label| label.unwrap_or(0) as i32).collect();
    let weights: Vec<f32> = labels.iter().map(|label| if label.is_some() { 1.0 } else { 0.0 }).collect();
    let places = Tensor::<2, Int>::from_data(TensorData::new(places, [labels.len(), 1]), device);
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [labels.len(), 1]), device);
    (log_softmax(scores, 1).gather(1, places) * weights).sum() * (-1.0 / counted as f64)
}

/// Words, as the reader finds them.
fn words(text: &str) -> Text {
    let mut found = Text { text: text.into(), ..Text::default() };
    for sentence in nexus_inference::heads::sentences(text) {
        found.starts.push(found.words.len());
        found.words.extend(sentence.into_iter().map(|(start, end)| start..end));
    }
    found
}

/// In an order that looks random.
fn shuffled<T>(items: Vec<T>, seed: u64) -> Vec<T> {
    let mut keyed: Vec<(u64, T)> =
        items.into_iter().enumerate().map(|(at, item)| (mixed(seed.wrapping_mul(1 << 32) + at as u64), item)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// SplitMix64.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
