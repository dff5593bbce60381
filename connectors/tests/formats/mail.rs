//! Mailboxes.

use std::fs;

use nexus_connectors::{Format, Options, detect, expand, open};
use nexus_types::Event;

use crate::{event, events, items, millis, options, reject, texts};

const MAIL: &str = "From: \"Kowalska, Anna\" <anna@example.org>\nTo: Bert <bert@example.org>, carl@example.org\nCc: \"carl@example.org\" <carl@example.org>\n\
    Subject: =?UTF-8?Q?Caf=C3=A9?=\nDate: Sat, 25 Dec 2004 10:14:01 +0100\nMessage-ID: <2@example.org>\nIn-Reply-To: <1@example.org>\n\
    References: <0@example.org> <1@example.org>\nList-Id: Friends <friends.example.org>\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n\
    --c\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nA caf=E9, yes.\n\nBert wrote:\n> Where?\n\n-- \nAnna\n\
    --c\nContent-Type: text/html\n\n<p>A café</p>\n--c--\n\
    --b\nContent-Type: image/png; name=map.png\nContent-Disposition: attachment; filename=map.png\nContent-Transfer-Encoding: base64\n\naGk=\n--b--\n";

fn check(event: &Event) {
    assert_eq!((&*event.external_id, event.said_at), ("2@example.org", millis("2004-12-25T09:14:01Z")));
    assert_eq!(&*event.author, "Kowalska, Anna <anna@example.org>");
    assert_eq!(event.addressees, texts(&["Bert <bert@example.org>", "carl@example.org"]));
    assert_eq!((event.reply_to.as_deref(), event.thread.as_deref()), (Some("1@example.org"), Some("0@example.org")));
    assert_eq!((&*event.text, &*event.channel, &*event.platform), ("A café, yes.", "friends.example.org", "mail"));
    let meta: Vec<_> = event.meta.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = [
        ("list", "friends.example.org"),
        ("quoted", "Bert wrote:\n> Where?"),
        ("signature", "Anna"),
        ("subject", "Café"),
    ];
    assert_eq!(meta, expected);
    let attached: Vec<_> = event.attachments.iter().map(|item| (&*item.name, &*item.media_type)).collect();
    assert_eq!(attached, [("map.png", "image/png")]);
}

#[test]
fn one_mail_with_unix_and_with_network_line_ends() {
    check(&events("a.eml", MAIL, &Options::new("me"))[0]);
    check(&events("a", MAIL.replace('\n', "\r\n"), &Options::new("me"))[0]);
}

#[test]
fn an_mbox_is_cut_where_mails_begin_and_nowhere_else() {
    let first = "From anna@example.org Sat Dec 25 09:14:01 2004\n";
    let second =
        "From: b@x\nSubject: two\n\nFrom me to you\n\nFrom here at 10:30, in 2004x\n>From the start\n>>From it\n";
    let mbox = format!(
        "{first}{MAIL}\nFrom b@x Sun Dec 26 10:00:00 2004\n{second}\nFrom c@x Mon Dec 27 10:00:00 +0000 2004\nno mail\n\n"
    );
    let mut all = items("box", mbox, &Options::new("me"));
    assert_eq!(all.len(), 3);
    let third = reject(all.pop().unwrap());
    assert!(third.position.starts_with("mail 3, line "), "{third:?}");
    let second = event(all.pop().unwrap());
    assert_eq!(&*second.text, "From me to you\n\nFrom here at 10:30, in 2004x\nFrom the start");
    assert_eq!(&*second.meta["quoted"], ">From it");
    assert_eq!(second.said_at, millis("2004-12-26T10:00:00Z"), "the mailbox's date");
    assert_eq!(second.thread.as_deref(), Some(&*second.external_id));
    check(&event(all.pop().unwrap()));
}

#[test]
fn a_maildir_is_one_input_with_its_subfolders() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("Mail");
    for part in ["cur", "new", "tmp", ".Sent/cur", ".Sent/new"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    fs::write(folder.join("cur/1:2,S"), MAIL).unwrap();
    fs::write(folder.join(".Sent/cur/2:2,S"), MAIL.replace("2@example", "3@example")).unwrap();
    fs::write(folder.join("new/3"), "").unwrap();
    let inputs = expand(&[root.path().to_path_buf()]).unwrap();
    assert_eq!((inputs.len(), detect(&inputs[0].path).unwrap()), (1, Format::Maildir));
    let all: Vec<_> = open(&inputs[0].path, &Options::new("me")).unwrap().collect();
    assert_eq!(all.len(), 3);
    check(&event(all[0].clone()));
    assert!(reject(all[1].clone()).position.ends_with("new/3"));
    assert_eq!(&*event(all[2].clone()).external_id, "3@example.org");
}

#[test]
fn html_alone_and_odd_bytes_are_read() {
    let html = "From: a@x\nDate: Sat, 25 Dec 2004 10:14:01 +0000\nContent-Type: text/html\n\n<div>Hello <b>you</b></div><blockquote>old</blockquote>";
    let read = &events("a.eml", html, &options(Format::Eml))[0];
    assert_eq!((&*read.text, &*read.meta["quoted"]), ("Hello you", "> old"));
    let mut latin = b"From: a@x\nDate: Sat, 25 Dec 102 10:14:01 +0000\n\ncaf\xE9".to_vec();
    let read = &events("a.eml", latin.clone(), &options(Format::Eml))[0];
    assert_eq!((&*read.text, read.meta.contains_key("encoding")), ("café", false));
    assert_eq!(read.said_at, millis("2002-12-25T10:14:01Z"), "a year of three digits");
    latin.truncate(20);
    assert_eq!(&*reject(items("a.eml", latin, &options(Format::Eml)).remove(0)).reason, "no date in the mail");
}

#[test]
fn mails_without_an_id_are_named_by_what_they_say() {
    let mail = "From: a@x\nDate: Sat, 25 Dec 2004 10:14:01 +0000\nSubject: s\n\nhi\n";
    let id = |mail: &str| events("a.eml", mail, &options(Format::Eml))[0].id();
    assert_eq!(id(mail), id(mail));
    assert_ne!(id(mail), id(&mail.replace("Subject: s", "Subject: t")));
}
