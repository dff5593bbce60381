//! A Slack export, as a folder and as a zip file.

use std::fs;
use std::io::Write;
use std::path::Path;

use nexus_connectors::{Format, Item, Options, detect, expand, open};
use nexus_types::{Change, Event, Kind};

use crate::{millis, reject, texts};

const FILES: [(&str, &str); 6] = [
    (
        "users.json",
        r#"[{"id": "U1", "name": "anna", "profile": {"real_name": "Anna Kowalska", "display_name": "anna"}},
        {"id": "U2", "name": "bert", "profile": {"real_name": "", "display_name": "Bert"}}]"#,
    ),
    ("channels.json", r#"[{"id": "C1", "name": "general", "members": ["U1", "U2"]}]"#),
    ("dms.json", r#"[{"id": "D1", "members": ["U1", "U2"]}]"#),
    (
        "general/2024-05-01.json",
        r#"[
        {"type": "message", "subtype": "channel_join", "user": "U2", "text": "<@U2> has joined the channel", "ts": "1714555700.000000"},
        {"type": "message", "user": "U1", "text": "<@U2> see <https://x.org|this> &amp; <#C1|general> &lt;3 <!here>", "ts": "1714555800.000100",
         "thread_ts": "1714555800.000100", "edited": {"user": "U1", "ts": "1714555900.000000"}},
        {"type": "message", "user": "U2", "text": "ok", "ts": "1714555801.000200", "thread_ts": "1714555800.000100",
         "files": [{"name": "a.png", "mimetype": "image/png", "url_private": "https://files/a"}]}]"#,
    ),
    (
        "general/2024-05-02.json",
        r#"[
        {"type": "message", "subtype": "message_deleted", "deleted_ts": "1714555801.000200", "ts": "1714642200.000000"},
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "build", "text": "green", "ts": "1714642201.000000"},
        {"type": "message", "user": "U1", "text": "no time"}]"#,
    ),
    ("D1/2024-05-01.json", r#"[{"type": "message", "user": "U2", "text": "psst", "ts": "1714555802.000000"}]"#),
];

fn check(path: &Path) {
    assert_eq!(detect(path).unwrap(), Format::Slack);
    assert_eq!(expand(&[path.to_path_buf()]).unwrap().len(), 1);
    let mut all: Vec<Item> = open(path, &Options::new("me")).unwrap().collect();
    let broken = reject(all.pop().unwrap());
    assert!(
        broken.position.ends_with("general/2024-05-02.json, message 3") && &*broken.reason == "no ts",
        "{broken:?}"
    );
    let gone = all.remove(4);
    let id = "C1/1714555801.000200".into();
    assert_eq!(
        gone,
        Item::Change(Change::Retract { scope: "me".into(), source: "slack".into(), external_id: id, revision: None })
    );
    let all: Vec<Event> = all.into_iter().map(crate::event).collect();
    let shown: Vec<_> =
        all.iter().map(|event| (&*event.external_id, event.kind, &*event.author, &*event.text)).collect();
    let expected = [
        ("D1/1714555802.000000", Kind::Message, "Bert <U2>", "psst"),
        ("C1/1714555700.000000", Kind::Notice, "Bert <U2>", "@Bert has joined the channel"),
        (
            "C1/1714555800.000100",
            Kind::Message,
            "Anna Kowalska <U1>",
            "@Bert see this (https://x.org) & #general <3 @here",
        ),
        ("C1/1714555801.000200", Kind::Message, "Bert <U2>", "ok"),
        ("C1/1714642201.000000", Kind::Message, "build <B1>", "green"),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&all[0].addressees, &all[2].addressees), (&texts(&["Anna Kowalska <U1>"]), &texts(&["Bert <U2>"])));
    assert_eq!(
        (&*all[2].channel, all[2].revision, all[2].reply_to.as_deref()),
        ("#general", Some(1_714_555_900_000), None)
    );
    assert_eq!(
        (all[3].thread.as_deref(), all[3].reply_to.as_deref()),
        (Some("C1/1714555800.000100"), Some("C1/1714555800.000100"))
    );
    assert_eq!((all[2].said_at, &*all[3].attachments[0].media_type), (millis("2024-05-01T09:30:00Z"), "image/png"));
}

#[test]
fn a_folder_and_a_zip_file_of_it_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    for (name, json) in FILES {
        let path = folder.path().join("export").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, json).unwrap();
    }
    check(&folder.path().join("export"));
    for prefix in ["", "My workspace/"] {
        let path = folder.path().join("export.zip");
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, json) in FILES {
            zip.start_file(format!("{prefix}{name}"), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(json.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        check(&path);
    }
}
