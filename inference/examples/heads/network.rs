//! The heads as they are trained: the same arithmetic as at work, on padded rows, with dropout.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Bool, Device, Distribution, Int, Tensor};
use nexus_inference::heads::{EMOTIONS, FEATURE_ROWS, MENTIONS, PARTS, RELATIONS, TAGS, VERDICTS, sizes};

/// As in BERT.
const EPSILON: f64 = 1e-12;
/// What padding is scored.
const NEVER: f64 = -1e9;

/// Everything that is learnt.
#[derive(Module, Debug)]
pub(crate) struct Heads {
    pub trunk: Trunk,
    pub parts: Linear,
    pub tags: Linear,
    pub mentions: Linear,
    pub arcs: Arcs,
    pub affect: Affect,
    pub verdict: Verdict,
    pub dropout: Dropout,
}

/// Words' states and features to rows that all heads read.
#[derive(Module, Debug)]
pub(crate) struct Trunk {
    pub input: Linear,
    pub features: Embedding,
    pub norm: LayerNorm,
    pub layers: Vec<Layer>,
    pub dropout: Dropout,
}

/// A layer as of BERT.
#[derive(Module, Debug)]
pub(crate) struct Layer {
    pub query_key_value: Linear,
    pub out: Linear,
    pub attended: LayerNorm,
    pub up: Linear,
    pub down: Linear,
    pub fed: LayerNorm,
    pub dropout: Dropout,
}

/// Whom a word depends on, and how.
#[derive(Module, Debug)]
pub(crate) struct Arcs {
    pub dependent: Linear,
    pub head: Linear,
    pub arc: Linear,
    pub root: Linear,
    pub below: Linear,
    pub above: Linear,
    pub above_root: Param<Tensor<1>>,
    pub relation: Linear,
    pub relation_pair: Linear,
}

/// What a whole text feels.
#[derive(Module, Debug)]
pub(crate) struct Affect {
    pub query: Linear,
    pub up: Linear,
    pub down: Linear,
}

/// What one text says of another.
#[derive(Module, Debug)]
pub(crate) struct Verdict {
    pub align: Linear,
    pub compare: Linear,
    pub up: Linear,
    pub down: Linear,
}

/// A batch's rows: [unit, word, width], and which places are padding, [unit, word].
pub(crate) struct Rows {
    pub rows: Tensor<3>,
    pub padding: Tensor<2, Bool>,
}

fn linear(input: usize, output: usize, device: &Device) -> Linear {
    LinearConfig::new(input, output).init(device)
}

impl Heads {
    pub(crate) fn new(states: usize, vector: usize, device: &Device) -> Self {
        let width = sizes::WIDTH;
        Heads {
            trunk: Trunk::new(states, device),
            parts: linear(width, PARTS.len(), device),
            tags: linear(width, TAGS.len(), device),
            mentions: linear(width, 1 + 2 * MENTIONS.len(), device),
            arcs: Arcs::new(device),
            affect: Affect {
                query: linear(width, sizes::LOOKS, device),
                up: linear(width * sizes::LOOKS + vector, sizes::AFFECT, device),
                down: linear(sizes::AFFECT, EMOTIONS.len(), device),
            },
            verdict: Verdict {
                align: linear(width, sizes::ALIGN, device),
                compare: linear(4 * width, sizes::COMPARE, device),
                up: linear(4 * sizes::COMPARE + 2 * vector, sizes::COMPARE, device),
                down: linear(sizes::COMPARE, VERDICTS.len(), device),
            },
            dropout: DropoutConfig::new(0.3).init(),
        }
    }
}

impl Trunk {
    fn new(states: usize, device: &Device) -> Self {
        let width = sizes::WIDTH;
        let layer = || Layer {
            query_key_value: linear(width, 3 * width, device),
            out: linear(width, width, device),
            attended: norm(width, device),
            up: linear(width, sizes::INNER, device),
            down: linear(sizes::INNER, width, device),
            fed: norm(width, device),
            dropout: DropoutConfig::new(0.2).init(),
        };
        Trunk {
            input: linear(states, width, device),
            features: EmbeddingConfig::new(FEATURE_ROWS, width).init(device),
            norm: norm(width, device),
            layers: (0..sizes::LAYERS).map(|_| layer()).collect(),
            dropout: DropoutConfig::new(0.3).init(),
        }
    }

    /// `states`: [unit, word, states]; `features`: [unit · word, feature].
    pub(crate) fn forward(&self, states: Tensor<3>, features: Tensor<2, Int>, padding: Tensor<2, Bool>) -> Rows {
        let [units, words, _] = states.dims();
        let features = self.features.forward(features).sum_dim(1).reshape([units, words, sizes::WIDTH]);
        let mut rows = self.dropout.forward(self.norm.forward(self.input.forward(states) + features));
        for layer in &self.layers {
            rows = layer.forward(rows, &padding);
        }
        Rows { rows, padding }
    }
}

fn norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_epsilon(EPSILON).init(device)
}

impl Layer {
    fn forward(&self, rows: Tensor<3>, padding: &Tensor<2, Bool>) -> Tensor<3> {
        let [units, words, width] = rows.dims();
        let (heads, size) = (sizes::HEADS, width / sizes::HEADS);
        let triple = self.query_key_value.forward(rows.clone());
        let part = |at: usize| {
            let part = triple.clone().slice([0..units, 0..words, at * width..(at + 1) * width]);
            part.reshape([units, words, heads, size]).swap_dims(1, 2)
        };
        let hidden = padding.clone().reshape([units, 1, 1, words]).expand([units, heads, words, words]);
        let scores = part(0).matmul(part(1).swap_dims(2, 3)) / (size as f64).sqrt();
        let mixed = softmax(scores.mask_fill(hidden, NEVER), 3).matmul(part(2));
        let mixed = mixed.swap_dims(1, 2).reshape([units, words, width]);
        let attended = self.attended.forward(rows + self.dropout.forward(self.out.forward(mixed)));
        let inner = self.down.forward(gelu(self.up.forward(attended.clone())));
        self.fed.forward(attended + self.dropout.forward(inner))
    }
}

impl Arcs {
    fn new(device: &Device) -> Self {
        let width = sizes::WIDTH;
        Arcs {
            dependent: linear(width, sizes::ARC, device),
            head: linear(width, sizes::ARC, device),
            arc: linear(sizes::ARC, sizes::ARC, device),
            root: linear(sizes::ARC, 1, device),
            below: linear(width, sizes::RELATION, device),
            above: linear(width, sizes::RELATION, device),
            above_root: Param::from_tensor(Tensor::random([sizes::RELATION], Distribution::Normal(0.0, 0.1), device)),
            relation: linear(2 * sizes::RELATION, RELATIONS.len(), device),
            relation_pair: LinearConfig::new(sizes::RELATION, sizes::RELATION * RELATIONS.len())
                .with_bias(false)
                .init(device),
        }
    }

    /// Scores of each word's head: [unit, dependent, 1 + head], the root first.
    pub(crate) fn heads(&self, of: &Rows, dropout: &Dropout) -> Tensor<3> {
        let [units, words, _] = of.rows.dims();
        let dependent = dropout.forward(gelu(self.dependent.forward(of.rows.clone())));
        let head = dropout.forward(gelu(self.head.forward(of.rows.clone())));
        let scores = self.arc.forward(dependent.clone()).matmul(head.swap_dims(1, 2));
        let hidden = of.padding.clone().reshape([units, 1, words]).expand([units, words, words]);
        Tensor::cat(vec![self.root.forward(dependent), scores.mask_fill(hidden, NEVER)], 2)
    }

    /// Scores of each word's relation to the head it is given: `[unit · word, relation]`. `heads`: the places of heads,
    /// `[unit · word]`, in rows of which each unit's first is the root's.
    pub(crate) fn relations(&self, of: &Rows, heads: Tensor<1, Int>, dropout: &Dropout) -> Tensor<2> {
        let [units, words, _] = of.rows.dims();
        let below =
            dropout.forward(gelu(self.below.forward(of.rows.clone()))).reshape([units * words, sizes::RELATION]);
        let above = dropout.forward(gelu(self.above.forward(of.rows.clone())));
        let root = self.above_root.val().reshape([1, 1, sizes::RELATION]).expand([units, 1, sizes::RELATION]);
        let above = Tensor::cat(vec![root, above], 1).reshape([units * (words + 1), sizes::RELATION]).select(0, heads);
        let pairs =
            self.relation_pair.forward(below.clone()).reshape([units * words, RELATIONS.len(), sizes::RELATION]);
        let pairs = (pairs * above.clone().unsqueeze_dim(1)).sum_dim(2).reshape([units * words, RELATIONS.len()]);
        pairs + self.relation.forward(Tensor::cat(vec![below, above], 1))
    }
}

impl Affect {
    /// Scores of each emotion: [unit, emotion]. `vectors`: [unit, vector], of length one times the root of it.
    pub(crate) fn forward(&self, of: &Rows, vectors: Tensor<2>, dropout: &Dropout) -> Tensor<2> {
        let [units, words, width] = of.rows.dims();
        let hidden = of.padding.clone().reshape([units, words, 1]).expand([units, words, sizes::LOOKS]);
        let looks = softmax(self.query.forward(of.rows.clone()).mask_fill(hidden, NEVER), 1);
        let seen = looks.swap_dims(1, 2).matmul(of.rows.clone()).reshape([units, sizes::LOOKS * width]);
        let seen = dropout.forward(Tensor::cat(vec![seen, vectors], 1));
        self.down.forward(dropout.forward(gelu(self.up.forward(seen))))
    }
}

impl Verdict {
    /// Scores of each verdict: [pair, verdict] (Parikh et al., "A Decomposable Attention Model", 2016).
    pub(crate) fn forward(&self, first: &Rows, second: &Rows, vectors: [Tensor<2>; 2], dropout: &Dropout) -> Tensor<2> {
        let [units, words, _] = first.rows.dims();
        let [_, others, _] = second.rows.dims();
        let scores =
            self.align.forward(first.rows.clone()).matmul(self.align.forward(second.rows.clone()).swap_dims(1, 2));
        let scores = scores / (sizes::ALIGN as f64).sqrt();
        let hide = |padding: &Tensor<2, Bool>, words: usize, others: usize| {
            padding.clone().reshape([units, 1, others]).expand([units, words, others])
        };
        let ahead = softmax(scores.clone().mask_fill(hide(&second.padding, words, others), NEVER), 2);
        let back = softmax(scores.swap_dims(1, 2).mask_fill(hide(&first.padding, others, words), NEVER), 2);
        let of_first = self.compared(first, ahead.matmul(second.rows.clone()), dropout);
        let of_second = self.compared(second, back.matmul(first.rows.clone()), dropout);
        let [u, v] = vectors;
        let seen = Tensor::cat(vec![of_first, of_second, (u.clone() - v.clone()).abs(), u * v], 1);
        self.down.forward(dropout.forward(gelu(self.up.forward(dropout.forward(seen)))))
    }

    /// The mean and the greatest of what each word says beside what it was aligned with: `[pair, 2 · compare]`.
    fn compared(&self, of: &Rows, aligned: Tensor<3>, dropout: &Dropout) -> Tensor<2> {
        let [units, words, _] = of.rows.dims();
        let rows = of.rows.clone();
        let both = vec![rows.clone(), aligned.clone(), rows.clone() - aligned.clone(), rows * aligned];
        let compared = gelu(self.compare.forward(dropout.forward(Tensor::cat(both, 2))));
        let hidden = of.padding.clone().reshape([units, words, 1]).expand([units, words, sizes::COMPARE]);
        let kept = of.padding.clone().bool_not().float().sum_dim(1);
        let mean = compared.clone().mask_fill(hidden.clone(), 0.0).sum_dim(1).reshape([units, sizes::COMPARE]) / kept;
        let most = compared.mask_fill(hidden, NEVER).max_dim(1).reshape([units, sizes::COMPARE]);
        Tensor::cat(vec![mean, most], 1)
    }
}
