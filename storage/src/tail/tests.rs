//! The tail against a plain vector, over reopening, cutting, rewriting, damage and many callers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn open(directory: &std::path::Path, next: u64) -> Tail {
    let settings = Settings { tail_segment_bytes: 1 << 20, ..Settings::default() };
    Tail::open(directory.to_path_buf(), &settings, next).unwrap()
}

fn all(tail: &Tail, from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let visit = |seq, record: &[u8]| {
        found.push((seq, record.to_vec()));
        Ok(())
    };
    tail.replay_from(from, visit).unwrap();
    found
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<u8>>),
    Cut(u64),
    Rewrite(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0_usize..40_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    let step = prop_oneof![
        4 => prop::collection::vec(record, 0..40).prop_map(Step::Append),
        1 => (0_u64..40).prop_map(Step::Cut),
        1 => (0_u64..40).prop_map(Step::Rewrite),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn holds_what_was_appended_and_not_cut(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let mut tail = Some(open(directory.path(), 1));
        let (mut model, mut next, mut cut) = (BTreeMap::new(), 1, 0);
        for step in steps {
            let open_tail = tail.as_ref().unwrap();
            match step {
                Step::Append(records) => {
                    prop_assert_eq!(open_tail.append(&records).unwrap(), next);
                    for record in records {
                        model.insert(next, record);
                        next += 1;
                    }
                }
                Step::Cut(back) => {
                    cut = cut.max(next.saturating_sub(1 + back));
                    open_tail.cut(cut).unwrap();
                }
                Step::Rewrite(back) => {
                    cut = cut.max(next.saturating_sub(1 + back));
                    open_tail.rewrite(cut).unwrap();
                    let kept: u64 = model.range(cut + 1..).count() as u64;
                    prop_assert_eq!(all(open_tail, 0).len() as u64, kept);
                }
                Step::Reopen => {
                    drop(tail.take());
                    tail = Some(open(directory.path(), cut + 1));
                }
            }
            let expected: Vec<_> = model.range(cut + 1..).map(|(seq, record)| (*seq, record.clone())).collect();
            prop_assert_eq!(all(tail.as_ref().unwrap(), cut + 1), expected);
            prop_assert_eq!(tail.as_ref().unwrap().next_seq(), next);
        }
    }
}

#[test]
fn callers_at_the_same_time_get_their_own_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let tail = open(directory.path(), 1);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let tail = &tail;
            scope.spawn(move || {
                for at in 0..10_u8 {
                    let first = tail.append(&[vec![thread, at, 0], vec![thread, at, 1]]).unwrap();
                    let mut own = Vec::new();
                    tail.replay_from(first, |seq, record| {
                        own.extend((seq < first + 2).then(|| record.to_vec()));
                        Ok(())
                    })
                    .unwrap();
                    assert_eq!(own, [vec![thread, at, 0], vec![thread, at, 1]]);
                }
            });
        }
    });
    assert_eq!(tail.next_seq(), 161);
    assert_eq!(all(&tail, 1).len(), 160);
}

#[test]
fn cutting_removes_files_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let tail = open(directory.path(), 1);
    for _ in 0..6 {
        tail.append(&[vec![7; 900_000]]).unwrap();
    }
    assert!(tail.segments().unwrap().len() > 2);
    tail.cut(6).unwrap();
    assert_eq!(tail.segments().unwrap().len(), 1);
    drop(tail);
    std::fs::remove_dir_all(directory.path()).unwrap();
    assert_eq!(open(directory.path(), 7).append(&[vec![1]]).unwrap(), 7);
}

#[test]
fn what_was_not_synced_is_gone_and_the_rest_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let tail = open(directory.path(), 1);
    tail.append(&[b"kept".to_vec()]).unwrap();
    let copy = std::fs::read(tail.path(1)).unwrap();
    drop(tail);
    // A copy of the open file is what a crash leaves: no clean shutdown, and a half-made segment beside it.
    std::fs::write(directory.path().join(format!("{:020}.redb", 1)), copy).unwrap();
    std::fs::write(directory.path().join("fresh"), b"half").unwrap();
    let tail = open(directory.path(), 1);
    assert_eq!(all(&tail, 0), [(1, b"kept".to_vec())]);
    assert_eq!(tail.append(&[b"next".to_vec()]).unwrap(), 2);
}

#[test]
fn a_damaged_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), 1));
    let path = directory.path().join(format!("{:020}.redb", 1));
    std::fs::write(&path, b"this is no log").unwrap();
    let error = Tail::open(directory.path().to_path_buf(), &Settings::default(), 1).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(error.to_string().contains("restore it from a copy"), "{error}");
}
