//! The best tree: of all ways to give every word one head, with one root and no circle, the one whose scores sum highest
//! (Chu and Liu 1965, Edmonds 1967). Cost: O(n²) where the best heads make a tree already, else O(n³) for n words.

/// What an arc that must not be is scored.
const NEVER: f32 = -1e9;

/// The head of each word, its own place for the root. `scores`: of each word, the root's score and then every word's as
/// its head, `[word, 1 + head]`.
pub fn best_tree(scores: &[f32], words: usize) -> Vec<usize> {
    if words == 0 || scores.len() != words * (words + 1) {
        return (0..words).collect();
    }
    let free = heads(scores, words, None);
    let mut roots = (0..words).filter(|word| free[*word] == 0);
    let tree = match (roots.next(), roots.next()) {
        (Some(_), None) => free,
        // Several roots, or none: the one that gains most by it.
        _ => {
            heads(scores, words, (0..words).max_by(|a, b| gain(scores, words, *a).total_cmp(&gain(scores, words, *b))))
        }
    };
    tree.iter().enumerate().map(|(word, head)| if *head == 0 { word } else { head - 1 }).collect()
}

/// How much better a word is as the root than below its best head.
fn gain(scores: &[f32], words: usize, word: usize) -> f32 {
    let row = &scores[word * (words + 1)..(word + 1) * (words + 1)];
    let others = row[1..].iter().enumerate().filter(|(head, _)| *head != word).map(|(_, score)| *score);
    row[0] - others.fold(NEVER, f32::max)
}

/// Each word's head, 0 for the root; with `root` given, no other word is one.
fn heads(scores: &[f32], words: usize, root: Option<usize>) -> Vec<usize> {
    let size = words + 1;
    // By node, the root first: [dependent, head].
    let mut matrix = vec![NEVER; size * size];
    for word in 0..words {
        let row = &scores[word * size..(word + 1) * size];
        let into = &mut matrix[(word + 1) * size..(word + 2) * size];
        into.copy_from_slice(row);
        into[word + 1] = NEVER;
        if root.is_some_and(|root| root != word) {
            into[0] = NEVER;
        }
    }
    let nodes: Vec<usize> = (0..size).collect();
    arborescence(&matrix, size, &nodes)[1..].to_vec()
}

/// The head of each of `nodes`, which are places in the matrix, the root first; the root's is itself.
fn arborescence(matrix: &[f32], size: usize, nodes: &[usize]) -> Vec<usize> {
    let mut alive: Vec<bool> = vec![true; size];
    let mut matrix = matrix.to_vec();
    // Contracted circles: their members' heads inside, and the entering and leaving arcs that stand for others.
    let mut contracted: Vec<Contracted> = Vec::new();
    loop {
        let mut best: Vec<usize> = vec![0; size];
        for &node in nodes.iter().skip(1).filter(|node| alive[**node]) {
            let heads = nodes.iter().copied().filter(|head| alive[*head] && *head != node);
            best[node] = heads.max_by(|a, b| matrix[node * size + a].total_cmp(&matrix[node * size + b])).unwrap_or(0);
        }
        match circle(&best, nodes, &alive) {
            Some(members) => contracted.push(contract(&mut matrix, size, &mut alive, &best, members)),
            None => return expand(best, contracted),
        }
    }
}

/// A circle that became one node, its first member.
struct Contracted {
    members: Vec<usize>,
    /// Of each member its head in the circle.
    inside: Vec<usize>,
    /// Of each node outside, which member it enters the circle by if it is the head.
    enters: Vec<usize>,
    /// Of each node outside, which member is its head if the circle is.
    leaves: Vec<usize>,
}

/// The members of a circle that the heads make.
fn circle(heads: &[usize], nodes: &[usize], alive: &[bool]) -> Option<Vec<usize>> {
    let mut seen = vec![0; heads.len()];
    for (turn, &node) in nodes.iter().enumerate().skip(1).filter(|(_, node)| alive[**node]) {
        let mut at = node;
        while at != 0 && seen[at] == 0 {
            seen[at] = turn;
            at = heads[at];
        }
        if at != 0 && seen[at] == turn {
            let mut members = vec![at];
            let mut next = heads[at];
            while next != at {
                members.push(next);
                next = heads[next];
            }
            return Some(members);
        }
    }
    None
}

fn contract(matrix: &mut [f32], size: usize, alive: &mut [bool], best: &[usize], members: Vec<usize>) -> Contracted {
    let stands = members[0];
    let inside: Vec<usize> = members.iter().map(|member| best[*member]).collect();
    let (mut enters, mut leaves) = (vec![stands; size], vec![stands; size]);
    members.iter().for_each(|member| alive[*member] = false);
    for node in (0..size).filter(|node| alive[*node]) {
        let lost = |member: usize| matrix[member * size + node] - matrix[member * size + best[member]];
        let entry = members.iter().copied().max_by(|a, b| lost(*a).total_cmp(&lost(*b))).unwrap_or(stands);
        enters[node] = entry;
        let entering = lost(entry);
        let row = &matrix[node * size..(node + 1) * size];
        let exit = members.iter().copied().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(stands);
        leaves[node] = exit;
        matrix[node * size + stands] = row[exit];
        // Relative to the circle's own sum, which is the same for all entries.
        matrix[stands * size + node] = entering;
    }
    alive[stands] = true;
    Contracted { members, inside, enters, leaves }
}

fn expand(mut heads: Vec<usize>, contracted: Vec<Contracted>) -> Vec<usize> {
    for circle in contracted.into_iter().rev() {
        let stands = circle.members[0];
        let above = heads[stands];
        for (node, head) in heads.iter_mut().enumerate() {
            if *head == stands && !circle.members.contains(&node) {
                *head = circle.leaves[node];
            }
        }
        for (member, inside) in circle.members.iter().zip(&circle.inside) {
            heads[*member] = *inside;
        }
        heads[circle.enters[above]] = above;
    }
    heads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(scores: &[f32], words: usize, heads: &[usize]) -> f32 {
        let arc = |(word, head): (usize, &usize)| scores[word * (words + 1) + if *head == word { 0 } else { head + 1 }];
        heads.iter().enumerate().map(arc).sum()
    }

    fn is_tree(heads: &[usize]) -> bool {
        let reaches = |mut at: usize| {
            (0..=heads.len()).any(|_| {
                let root = heads[at] == at;
                at = heads[at];
                root
            })
        };
        heads.iter().enumerate().filter(|(word, head)| word == *head).count() == 1 && (0..heads.len()).all(reaches)
    }

    /// Every way to give heads, by brute force.
    fn naive(scores: &[f32], words: usize) -> f32 {
        let mut best = f32::MIN;
        for mut code in 0..words.pow(words as u32) {
            let heads: Vec<usize> = (0..words)
                .map(|_| {
                    let head = code % words;
                    code /= words;
                    head
                })
                .collect();
            if is_tree(&heads) {
                best = best.max(sum(scores, words, &heads));
            }
        }
        best
    }

    proptest! {
        #[test]
        fn is_a_tree_and_the_best_of_one_root(words in 1..6usize, seed in prop::collection::vec(-9i8..9, 42)) {
            let scores: Vec<f32> = seed[..words * (words + 1)].iter().map(|x| f32::from(*x)).collect();
            let heads = best_tree(&scores, words);
            prop_assert!(is_tree(&heads), "{heads:?}");
            let free = super::heads(&scores, words, None);
            if free.iter().filter(|head| **head == 0).count() == 1 {
                prop_assert_eq!(sum(&scores, words, &heads), naive(&scores, words));
            }
        }

        #[test]
        fn is_a_tree_of_any_size(words in 0..40usize, seed in any::<u32>()) {
            let mut state = seed | 1;
            let mut next = || { state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); (state >> 16) as f32 / 6e3 };
            let scores: Vec<f32> = (0..words * (words + 1)).map(|_| next()).collect();
            let heads = best_tree(&scores, words);
            prop_assert!(words == 0 || is_tree(&heads));
        }
    }
}
