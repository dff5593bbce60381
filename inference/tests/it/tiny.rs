//! A BERT of a few kilobytes with random weights, written as a user's model folder, loaded, and compared with the naive
//! one.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_inference::{Device, Encoder, Model, ModelError, Pooling, Reading, Reply, models};
use nexus_types::{Task, Text};
use serde_json::json;
use tempfile::TempDir;

use crate::naive::{Matrix, Naive};

const WORDS: [&str; 12] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "dog", "sat", "##s", "ran", "far", "away"];
const WIDTH: usize = 8;
const INNER: usize = 20;
const POSITIONS: usize = 16;
const LAYERS: usize = 2;
const HEADS: usize = 2;

/// Random tensors under the names of a BERT's safetensors file.
fn tensors() -> BTreeMap<String, Matrix> {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(((state >> 40) as f32) / (1 << 24) as f32 * 2.0 - 1.0)
    };
    let mut tensors = BTreeMap::new();
    let mut add = |name: String, rows: usize, columns: usize| {
        tensors.insert(name, (0..rows).map(|_| (0..columns).map(|_| random()).collect()).collect());
    };
    for (name, rows) in [("word", WORDS.len()), ("position", POSITIONS), ("token_type", 2)] {
        add(format!("embeddings.{name}_embeddings.weight"), rows, WIDTH);
    }
    let mut norms = vec!["embeddings.LayerNorm".to_string()];
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let square = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"];
        let square = square.map(|part| (part, WIDTH, WIDTH));
        for (part, output, input) in
            square.into_iter().chain([("intermediate.dense", INNER, WIDTH), ("output.dense", WIDTH, INNER)])
        {
            add(name(&format!("{part}.weight")), output, input);
            add(name(&format!("{part}.bias")), 1, output);
        }
        norms.extend([name("attention.output.LayerNorm"), name("output.LayerNorm")]);
    }
    for norm in norms {
        add(format!("{norm}.weight"), 1, WIDTH);
        add(format!("{norm}.bias"), 1, WIDTH);
    }
    tensors
}

/// The bytes of a safetensors file: the header's length, the header, the numbers.
fn safetensors(tensors: &BTreeMap<String, Matrix>) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut numbers = Vec::new();
    for (name, rows) in tensors {
        let start = numbers.len();
        rows.iter().flatten().for_each(|x| numbers.extend((*x as f32).to_le_bytes()));
        let vector = name.ends_with("bias") || name.contains("LayerNorm");
        let shape = if vector { vec![rows[0].len()] } else { vec![rows.len(), rows[0].len()] };
        let place = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, numbers.len()]});
        header.insert(name.clone(), place);
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    [(header.len() as u64).to_le_bytes().as_slice(), &header, &numbers].concat()
}

fn tokenizer() -> serde_json::Value {
    let special = |id: usize| {
        json!({"id": id, "content": WORDS[id], "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let piece = |word: &str| json!({"SpecialToken": {"id": word, "type_id": 0}});
    let known = |id: usize| json!({"id": WORDS[id], "ids": [id], "tokens": [WORDS[id]]});
    let vocabulary: serde_json::Map<_, _> =
        WORDS.iter().enumerate().map(|(id, word)| (word.to_string(), json!(id))).collect();
    json!({
        "version": "1.0", "added_tokens": (0..4).map(special).collect::<Vec<_>>(), "decoder": null,
        // As published models have it, and to be overruled.
        "truncation": {"max_length": 5, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 12}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"},
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [piece("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]")], "pair": [],
            "special_tokens": {"[CLS]": known(2), "[SEP]": known(3)}},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary},
    })
}

fn config() -> serde_json::Value {
    json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS, "vocab_size": WORDS.len(),
    })
}

/// A model's folder, with one part of it changed.
fn folder(change: impl FnOnce(&Path)) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("config.json"), config().to_string()).unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer().to_string()).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), safetensors(&tensors())).unwrap();
    change(folder.path());
    folder
}

fn load(folder: &TempDir, reading: &Reading) -> Result<Encoder, ModelError> {
    Encoder::load("tiny@1", folder.path(), reading, Device::Cpu)
}

fn encoder() -> Encoder {
    load(&folder(|_| ()), &Reading::default()).unwrap()
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) fn encoder_on(device: Device) -> Encoder {
    Encoder::load("tiny@1", folder(|_| ()).path(), &Reading::default(), device).unwrap()
}

fn vectors(encoder: &Encoder, texts: &[Text]) -> Vec<Vec<f32>> {
    let vector = |reply| match reply {
        Reply::Vector(vector) => vector,
        other => panic!("{other:?}"),
    };
    encoder.answer(texts).into_iter().map(vector).collect()
}

#[test]
fn agrees_with_the_naive_network() {
    let naive = Naive { heads: HEADS, layers: LAYERS, eps: 1e-12, tensors: tensors() };
    let long = "dog ran away ".repeat(20);
    let texts = ["a cat sat", "", "Dogs RAN far away", "cats", "a cat sat", "zebra", &long, "a dog", "far away"];
    let cut: Vec<u32> = [2].into_iter().chain([6, 9, 11].repeat(20)).take(POSITIONS - 1).chain([3]).collect();
    let ids: [&[u32]; 9] = [
        &[2, 4, 5, 7, 3],
        &[2, 3],
        &[2, 6, 8, 9, 10, 11, 3],
        &[2, 5, 8, 3],
        &[2, 4, 5, 7, 3],
        &[2, 1, 3],
        &cut,
        &[2, 4, 6, 3],
        &[2, 10, 11, 3],
    ];
    for pooling in [Pooling::Mean, Pooling::Cls] {
        let encoder = load(&folder(|_| ()), &Reading { pooling, ..Default::default() }).unwrap();
        let vectors = vectors(&encoder, &texts.map(Text::from));
        for ((text, ids), vector) in texts.iter().zip(ids).zip(vectors) {
            assert_eq!(vector.len(), WIDTH);
            for (ours, naive) in vector.iter().zip(naive.embed(ids, pooling == Pooling::Cls)) {
                assert!((f64::from(*ours) - naive).abs() < 1e-5, "{text:?}, {pooling:?}: {ours} {naive}");
            }
        }
    }
}

/// The publisher's own files say how a model reads, and overrule the registry.
#[test]
fn a_model_is_read_as_its_own_files_say() {
    let said = folder(|path| {
        std::fs::create_dir(path.join("1_Pooling")).unwrap();
        std::fs::write(path.join("1_Pooling/config.json"), json!({"pooling_mode_cls_token": true}).to_string())
            .unwrap();
        std::fs::write(path.join("sentence_bert_config.json"), json!({"max_seq_length": 4}).to_string()).unwrap();
        let prompts = json!({"prompts": {"query": "dog ", "document": "cat "}});
        std::fs::write(path.join("config_sentence_transformers.json"), prompts.to_string()).unwrap();
    });
    let registry = Reading { tokens: Some(9), query: "far ".into(), ..Default::default() };
    let encoder = load(&said, &registry).unwrap();
    assert_eq!(encoder.tokenize(&["sat ran away".into()]), [Ok(vec![2, 5, 7, 3])]);
    let naive = Naive { heads: HEADS, layers: LAYERS, eps: 1e-12, tensors: tensors() };
    let asked = encoder.question(&"sat ran".into()).unwrap();
    for (ours, naive) in asked.iter().zip(naive.embed(&[2, 6, 7, 3], true)) {
        assert!((f64::from(*ours) - naive).abs() < 1e-5, "{ours} {naive}");
    }
}

#[test]
fn an_encoder_of_ones_own_is_tried_and_added() {
    let cache = TempDir::new().unwrap();
    let (cache, publisher) = (models::Cache::at(cache.path()), folder(|_| ()));
    let known = cache.add("mine", publisher.path()).unwrap();
    assert_eq!((known.dimension, cache.added()), (WIDTH, vec![known.clone()]));
    // Its id covers all that decides its vectors.
    let otherwise = folder(|path| {
        std::fs::write(path.join("sentence_bert_config.json"), json!({"max_seq_length": 4}).to_string()).unwrap();
    });
    let other = cache.add("other", otherwise.path()).unwrap();
    assert_eq!((known.id().len(), known.id()[5..] == other.id()[6..]), ("mine@".len() + 8, false));
    cache.add("other", otherwise.path()).unwrap_err();
    let installed = cache.installed("mine").unwrap();
    assert!(Encoder::load(&known.id(), &installed, &known.reading, Device::Cpu).is_ok());
    for (name, why) in [
        ("mine", "is there already"),
        ("minilm", "another model"),
        ("a/b", "a letter or digit"),
        ("..", "a letter or digit"),
    ] {
        let error = cache.add(name, publisher.path()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let broken = folder(|path| std::fs::write(path.join("config.json"), "{}").unwrap());
    assert!(matches!(cache.add("broken", broken.path()), Err(ModelError::Malformed { .. })));
    assert_eq!((cache.installed("broken"), cache.installed("minilm")), (None, None));
}

#[test]
fn the_company_of_other_texts_does_not_matter() {
    let encoder = encoder();
    let words = ["a", "cat", "dog", "sat", "ran", "far", "away"];
    let texts: Vec<Text> =
        (1..400usize).map(|n| (0..n % 13).map(|at| words[n * at % 7]).collect::<Vec<_>>().join(" ").into()).collect();
    let together = vectors(&encoder, &texts);
    for (text, together) in texts.iter().zip(together) {
        let alone = vectors(&encoder, std::slice::from_ref(text)).remove(0);
        assert!(alone.iter().zip(&together).all(|(a, b)| (a - b).abs() < 1e-5), "{text:?}");
    }
}

#[test]
fn is_a_model() {
    let encoder = encoder();
    assert_eq!((encoder.id(), encoder.task(), encoder.dimension()), ("tiny@1", Task::Embed, Some(WIDTH)));
    assert!(matches!(encoder.answer(&["a cat".into()])[..], [Reply::Vector(_)]));
    assert!(encoder.answer(&[]).is_empty());
}

#[test]
fn damaged_folders_are_errors_that_name_the_file() {
    let broken = |name: &'static str, content: Vec<u8>| {
        let folder = folder(|path| std::fs::write(path.join(name), content).unwrap());
        let error = load(&folder, &Reading::default()).err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, ModelError::Malformed { .. }) && text.contains(name), "{text}");
        text
    };
    let mut short = tensors();
    short.remove("encoder.layer.1.output.dense.bias");
    assert!(broken("model.safetensors", safetensors(&short)).contains("encoder.layer.1.output.dense.bias"));
    let mut wide = tensors();
    wide.get_mut("embeddings.LayerNorm.bias").unwrap()[0].push(0.0);
    assert!(broken("model.safetensors", safetensors(&wide)).contains("embeddings.LayerNorm.bias"));
    broken("model.safetensors", b"not weights at all".to_vec());
    broken("model.safetensors", safetensors(&tensors())[..2_000].to_vec());
    broken("tokenizer.json", b"{}".to_vec());
    broken("config.json", b"{}".to_vec());
    let mut relu = config();
    relu["hidden_act"] = "relu".into();
    assert!(broken("config.json", relu.to_string().into()).contains("hidden_act is `relu`"));
    let gone = folder(|path| std::fs::remove_file(path.join("tokenizer.json")).unwrap());
    assert!(matches!(load(&gone, &Reading::default()), Err(ModelError::File { .. })));
}
