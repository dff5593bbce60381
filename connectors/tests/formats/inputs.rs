//! Finding out what there is and what it is.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use nexus_connectors::{Format, Item, OpenError, Options, detect, expand, open, open_reader};

const ROW: &str = "{\"said_at\": 5, \"author\": \"a\", \"text\": \"x\"}\n";

#[test]
fn folders_are_walked_in_order_without_hidden_files() {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in
        [("b/2.jsonl", ROW), ("a.jsonl", ROW), ("b/.hidden", ""), (".git/config", ""), ("b/1 'x\".jsonl", ROW)]
    {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let inputs = expand(&[root.path().to_path_buf()]).unwrap();
    let names: Vec<_> =
        inputs.iter().map(|input| input.path.strip_prefix(root.path()).unwrap().to_path_buf()).collect();
    assert_eq!(names, ["a.jsonl", "b/1 'x\".jsonl", "b/2.jsonl"].map(PathBuf::from));
    assert_eq!(inputs[0].bytes, ROW.len() as u64);
    assert!(inputs.iter().all(|input| open(&input.path, &Options::new("me")).unwrap().count() == 1));
    let missing = expand(&[root.path().join("missing")]).unwrap_err();
    assert!(matches!(missing, OpenError::Io { .. }) && missing.to_string().contains("missing"));
}

#[test]
fn json_is_known_by_its_keys() {
    let root = tempfile::tempdir().unwrap();
    let detected = |json: &str| {
        let path = root.path().join("x.json");
        fs::write(&path, json).unwrap();
        detect(&path)
    };
    assert_eq!(detected(ROW).unwrap(), Format::Jsonl);
    assert_eq!(detected("[{\"id\": 1, \"deleted\": true}]").unwrap(), Format::Jsonl);
    assert_eq!(detected("[{\"title\": \"chat_messages\", \"mapping\": {}}]").unwrap(), Format::ChatGpt);
    assert_eq!(detected("[{\"uuid\": \"\", \"chat_messages\": []}]").unwrap(), Format::Claude);
    assert_eq!(detected("{\"name\": \"\", \"type\": \"\", \"id\": 1, \"messages\": []}").unwrap(), Format::Telegram);
    for (json, reason) in
        [("{\"rows\": []}", "unknown shape"), ("[{\"type\": \"message\", \"ts\": \"1\"}]", "part of a Slack export")]
    {
        let error = detected(json).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("known formats are jsonl, irc"), "{error}");
    }
}

#[test]
fn a_zip_file_is_read_for_the_messages_in_it() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, files: &[(&str, &str)]| {
        let path = root.path().join(name);
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    };
    let chat = "31/12/2023, 21:14 - Anna: x\n";
    let path = write("WhatsApp Chat - Anna.zip", &[("IMG.jpg", "\0"), ("_chat.txt", chat)]);
    assert_eq!(detect(&path).unwrap(), Format::WhatsApp);
    let read = crate::event(open(&path, &Options::new("me")).unwrap().next().unwrap());
    assert_eq!(&*read.channel, "Anna");
    let path =
        write("logs.zip", &[("#rust/2004-12-25.log", "[09:14] <a> x\n"), ("readme.txt", "nothing"), ("z.jsonl", ROW)]);
    let items: Vec<_> = open(&path, &Options::new("me")).unwrap().collect();
    assert_eq!((items.len(), &*crate::event(items[0].clone()).channel), (3, "#rust"));
    assert_eq!(&*crate::reject(items[1].clone()).position, "readme.txt");
    let empty = write("other.zip", &[("a.txt", "nothing")]);
    assert!(
        open(&empty, &Options::new("me")).map(|_| ()).unwrap_err().to_string().contains("no file is of a known format")
    );
    let damaged = root.path().join("damaged.zip");
    fs::write(&damaged, "PK\x03\x04 and nothing more").unwrap();
    assert!(open(&damaged, &Options::new("me")).map(|_| ()).unwrap_err().to_string().contains("damaged zip"));
}

#[test]
fn a_named_format_that_does_not_fit_is_an_error_or_rejects() {
    let root = tempfile::tempdir().unwrap();
    let named = |format| Options { format: Some(format), ..Options::new("me") };
    assert!(matches!(open(root.path(), &named(Format::Irc)), Err(OpenError::Malformed { .. })));
    assert!(matches!(open(root.path(), &Options::new("me")), Err(OpenError::Unknown { .. })));
    assert!(matches!(open(root.path(), &named(Format::Slack)), Err(OpenError::Malformed { .. })));
    let file = root.path().join("x");
    fs::write(&file, ROW).unwrap();
    assert!(matches!(open(&file, &named(Format::Slack)), Err(OpenError::Malformed { .. })));
    assert!(matches!(open(&file, &named(Format::Telegram)), Err(OpenError::Malformed { .. })));
}

#[test]
fn the_samples_of_the_guide_are_read_as_it_says() {
    let guide = include_str!("../../../docs/connectors.md");
    let samples: Vec<&str> =
        guide.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1).collect();
    let known = [
        (0, "sample", Format::Jsonl, 3),
        (1, "2004-12-25.log", Format::Irc, 4),
        (2, "sample", Format::Eml, 1),
        (4, "sample", Format::WhatsApp, 2),
        (6, "sample", Format::ChatGpt, 1),
        (7, "sample", Format::Claude, 1),
        (8, "sample", Format::Calendar, 1),
        (10, "messages.csv", Format::LinkedIn, 1),
    ];
    for (at, name, format, count) in known {
        let source = open_reader(name, Box::new(samples[at].as_bytes()), &Options::new("me")).unwrap();
        assert_eq!(source.format(), format);
        let items: Vec<_> = source.collect();
        assert!(
            items.len() == count && items.iter().all(|item| matches!(item, Item::Change(_))),
            "{format}: {items:?}"
        );
    }
}
