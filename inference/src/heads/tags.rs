//! The best tags: a word goes on with a mention only if the word before is in one of that kind. Viterbi over scores that
//! know no more of each other than that. Cost: tags² a word.

use super::labels::MENTIONS;
use super::{Named, TAGGED, softmax};

/// The tag of each word: 0 outside, 1 + 2 k the first word of a mention of kind k, 2 + 2 k another. `scores`: [word, tag].
pub fn best_tags(scores: &[f32], tags: usize) -> Vec<usize> {
    let may_follow = |before: usize, tag: usize| tag == 0 || tag % 2 == 1 || before == tag || before + 1 == tag;
    let mut from: Vec<Vec<usize>> = Vec::with_capacity(scores.len() / tags.max(1));
    let mut sums: Vec<f32> = Vec::new();
    for word in scores.chunks_exact(tags.max(1)) {
        let mut next = Vec::with_capacity(tags);
        let mut back = Vec::with_capacity(tags);
        for (tag, score) in word.iter().enumerate() {
            if sums.is_empty() {
                next.push(if may_follow(0, tag) { *score } else { f32::NEG_INFINITY });
                back.push(0);
                continue;
            }
            let before = (0..tags).filter(|before| may_follow(*before, tag));
            let best = before.max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
            next.push(sums[best] + score);
            back.push(best);
        }
        sums = next;
        from.push(back);
    }
    let mut tag = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(0);
    let mut found = vec![0; from.len()];
    for (word, back) in from.iter().enumerate().rev() {
        found[word] = tag;
        tag = back[tag];
    }
    found
}

/// The mentions in the best tags of a text, each as likely as the least likely of its words. `scores`: [word, tag].
pub(super) fn named(scores: &[f32]) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for (word, tag) in best_tags(scores, TAGGED).into_iter().enumerate().filter(|(_, tag)| *tag > 0) {
        let kind = MENTIONS[(tag - 1) / 2];
        let likelihood = likelihood(&scores[word * TAGGED..(word + 1) * TAGGED], (tag - 1) / 2);
        match found.last_mut() {
            Some(last) if tag % 2 == 0 && last.words.end == word => {
                last.words.end = word + 1;
                last.likelihood = last.likelihood.min(likelihood);
            }
            _ => found.push(Named { words: word..word + 1, kind, likelihood }),
        }
    }
    found
}

/// How likely a word is in a mention of that kind, first or not.
fn likelihood(scores: &[f32], kind: usize) -> f32 {
    let mut likely = scores.to_vec();
    softmax(&mut likely);
    likely[1 + 2 * kind] + likely[2 + 2 * kind]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_begins_before_it_goes_on() {
        // Outside, first and other of one kind.
        assert_eq!(best_tags(&[0.0, 0.1, 9.0, 0.0, 0.0, 9.0], 3), [1, 2]);
        assert_eq!(best_tags(&[5.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0], 3), [0, 1, 0]);
        // Of two kinds: the second does not go on with the first.
        assert_eq!(best_tags(&[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.5], 5), [1, 3]);
        assert!(best_tags(&[], 3).is_empty());
    }
}
