//! Archives: what is exported and imported elsewhere is the same memory; a damaged one takes nothing in.

use nexus::{Change, ErrorKind};

use crate::support::{deleted, everything, open, said};

fn lived(path: &std::path::Path, ids: std::ops::Range<i64>) -> nexus::Nexus {
    let mut nexus = open(path);
    let changes = ids.map(|at| {
        let text = format!("I moved to {}.", ["Rome", "Oslo", "Lisbon"][at as usize % 3]);
        Change::Upsert(Box::new(said(&at.to_string(), at, ["anna", "ben"][at as usize % 2], &text)))
    });
    nexus.apply(changes.collect()).unwrap();
    nexus
}

#[test]
fn importing_gives_what_ingesting_both_histories_gives() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.nexus");
    let mut a = lived(&folder.path().join("a"), 0..10);
    a.apply(vec![deleted("3")]).unwrap();
    let report = a.memory().unwrap().export(&archive, true).unwrap();
    assert_eq!(report.events, 10);

    let mut b = lived(&folder.path().join("b"), 5..15);
    b.import(&archive).unwrap();
    assert_eq!(b.import(&archive).unwrap().news, 0, "a second time changes nothing");
    let mut both = lived(&folder.path().join("both"), 0..15);
    both.apply(vec![deleted("3")]).unwrap();
    assert_eq!(everything(&b.memory().unwrap()), everything(&both.memory().unwrap()));
}

#[test]
fn a_damaged_archive_takes_nothing_in() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.nexus");
    lived(&folder.path().join("a"), 0..10).memory().unwrap().export(&archive, false).unwrap();
    let whole = std::fs::read_to_string(&archive).unwrap();
    let mut target = open(&folder.path().join("b"));
    for damaged in [&whole[..whole.len() / 2], &whole.replace("Rome", "Nice"), "not an archive\n", ""] {
        std::fs::write(&archive, damaged).unwrap();
        assert_eq!(target.import(&archive).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert!(everything(&target.memory().unwrap())["events"].is_empty());
    assert!(target.memory().unwrap().export(&archive, false).is_err(), "an export never writes over a file");
}
