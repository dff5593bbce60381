//! How texts become jobs.

use super::*;

fn texts(lengths: &[usize]) -> Vec<Tokens> {
    lengths.iter().enumerate().map(|(text, &length)| Tokens { text, ids: vec![0; length] }).collect()
}

fn sizes(lengths: &[usize], lanes: usize) -> Vec<usize> {
    jobs(&texts(lengths), lanes).iter().map(|job| job.iter().map(|text| text.ids.len()).sum()).collect()
}

#[test]
fn jobs_are_bounded_and_lose_nothing() {
    let lengths: Vec<usize> = (2..=256).rev().collect();
    let sizes = sizes(&lengths, 2);
    assert!(sizes.iter().all(|&size| size <= JOB_TOKENS));
    assert_eq!(sizes.iter().sum::<usize>(), lengths.iter().sum::<usize>());
    assert!(sizes.len() < lengths.len() / 2);
}

#[test]
fn a_small_backlog_is_shared_by_the_lanes() {
    assert_eq!(sizes(&[10, 10, 10, 10], 2), [20, 20]);
    assert_eq!(sizes(&[7], 4), [7]);
    assert!(sizes(&[], 4).is_empty());
}
