//! Logs of several clients.

use nexus_connectors::{Format, Options};
use nexus_types::time::rfc3339;
use nexus_types::{Event, Kind};

use crate::{event, events, items, millis, options, reject, texts};

fn read(name: &str, log: &str) -> Vec<Event> {
    events(name, log, &options(Format::Irc))
}

/// Kind, author, time and text of each line.
fn shown(name: &str, log: &str) -> Vec<String> {
    let line = |event: &Event| format!("{} {} {} | {}", rfc3339(event.said_at), event.kind, event.author, event.text);
    read(name, log).iter().map(line).collect()
}

#[test]
fn a_log_without_dates_takes_the_date_of_its_name() {
    let log = "[09:14] <crimsun> kleedrac: I'm afraid not.\n\
               === L0sT [~waa3@raptor.ukc.ac.uk]  has joined #ubuntu\n\
               [09:14] <|QuaD-> totem xine\n\
               === |QuaD- nods\n\
               === sid77 is now known as sid77_\n\
               [09:15]  * genii sips a coffee\n\
               [09:16] -spammer:#ubuntu- happy new year\n\
               [09:16] (soundray/#ubuntu) thomas: seen this?\n\
               === mode/#ubuntu [+o Seveas] by ChanServ\n\
               === ..[topic/#ubuntu:Seveas] : Welcome\n";
    let expected = [
        "2004-12-25T09:14:00Z message crimsun | kleedrac: I'm afraid not.",
        "2004-12-25T09:14:00.001Z notice L0sT | L0sT [~waa3@raptor.ukc.ac.uk]  has joined #ubuntu",
        "2004-12-25T09:14:00.002Z message |QuaD- | totem xine",
        "2004-12-25T09:14:00.003Z message |QuaD- | |QuaD- nods",
        "2004-12-25T09:14:00.004Z rename sid77 | sid77_",
        "2004-12-25T09:15:00Z message genii | genii sips a coffee",
        "2004-12-25T09:16:00Z notice spammer | happy new year",
        "2004-12-25T09:16:00.001Z message soundray | thomas: seen this?",
        "2004-12-25T09:16:00.002Z notice  | mode/#ubuntu [+o Seveas] by ChanServ",
        "2004-12-25T09:16:00.003Z notice  | ..[topic/#ubuntu:Seveas] : Welcome",
    ];
    assert_eq!(shown("2004-12-25.train-c.raw.txt", log), expected);
}

#[test]
fn irssi_znc_weechat_and_hexchat_are_understood() {
    let irssi = "--- Log opened Sat Dec 25 23:58:01 2004\n\
                 23:58 -!- anna [~a@host] has joined #rust\n\
                 23:59 <@anna> hello\n\
                 23:59  * anna waves\n\
                 --- Day changed Sun Dec 26 2004\n\
                 00:01 < bert> anna: hi\n\
                 00:02 -!- bert [b@host] has quit [Ping timeout]\n";
    let expected = [
        "2004-12-25T23:58:01Z notice  | --- Log opened Sat Dec 25 23:58:01 2004",
        "2004-12-25T23:58:00Z notice anna | anna [~a@host] has joined #rust",
        "2004-12-25T23:59:00Z message anna | hello",
        "2004-12-25T23:59:00.001Z message anna | anna waves",
        "2004-12-26T00:00:00Z notice  | --- Day changed Sun Dec 26 2004",
        "2004-12-26T00:01:00Z message bert | anna: hi",
        "2004-12-26T00:02:00Z notice bert | bert [b@host] has quit [Ping timeout]",
    ];
    assert_eq!(shown("#rust.log", irssi), expected);
    let znc =
        "[09:14:01] *** Joins: anna (a@host)\n[09:14:01] <anna> hello\n[09:14:02] *** anna is now known as anna_\n";
    let expected = [
        "2004-12-25T09:14:01Z notice anna | Joins: anna (a@host)",
        "2004-12-25T09:14:01.001Z message anna | hello",
        "2004-12-25T09:14:02Z rename anna | anna_",
    ];
    assert_eq!(shown("libera/#rust/2004-12-25.log", znc), expected);
    let weechat = "2004-12-25 09:14:01\t-->\tanna (~a@host) has joined #rust\n\
                   2004-12-25 09:14:02\t@anna\thello\n\
                   2004-12-25 09:14:03\t *\tanna waves\n\
                   2004-12-25 09:14:04\t--\tanna is now known as anna_\n";
    let expected = [
        "2004-12-25T09:14:01Z notice anna | anna (~a@host) has joined #rust",
        "2004-12-25T09:14:02Z message anna | hello",
        "2004-12-25T09:14:03Z message anna | anna waves",
        "2004-12-25T09:14:04Z rename anna | anna_",
    ];
    assert_eq!(shown("irc.libera.#rust.weechatlog", weechat), expected);
    let hexchat = "**** BEGIN LOGGING AT Fri Dec 31 23:59:00 2004\n\n\
                   Dec 31 23:59:01 *\tanna (~a@host) has joined #rust\n\
                   Dec 31 23:59:02 <anna>\thello\n\
                   Jan  1 00:00:03 *\tanna has a new year\n";
    let expected = [
        "2004-12-31T23:59:00Z notice  | **** BEGIN LOGGING AT Fri Dec 31 23:59:00 2004",
        "2004-12-31T23:59:01Z notice anna | anna (~a@host) has joined #rust",
        "2004-12-31T23:59:02Z message anna | hello",
        "2005-01-01T00:00:03Z message anna | anna has a new year",
    ];
    assert_eq!(shown("rust.log", hexchat), expected);
}

#[test]
fn whole_stamps_need_no_name_and_may_carry_a_zone() {
    let log = "2004-12-25 09:14:01 <anna> one\n[2004-12-25T09:14:02.250Z] <anna> two\n2004-12-25T09:14:03+02:00 <anna> three\n";
    let times: Vec<i64> = read("x", log).iter().map(|event| event.said_at).collect();
    let expected = ["2004-12-25T09:14:01Z", "2004-12-25T09:14:02.25Z", "2004-12-25T07:14:03Z"].map(millis);
    assert_eq!(times, expected);
    let berlin = Options { time_zone: Some("Europe/Berlin".into()), ..options(Format::Irc) };
    assert_eq!(events("x", &log[..31], &berlin)[0].said_at, millis("2004-12-25T08:14:01Z"));
}

#[test]
fn times_that_go_back_pass_midnight_or_noon() {
    let times = |name: &str, clock: &[&str]| {
        let log: String = clock.iter().map(|at| format!("[{at}] <a> x\n")).collect();
        read(name, &log).iter().map(|event| rfc3339(event.said_at)[5..16].to_owned()).collect::<Vec<_>>()
    };
    let name = "2008-12-31.log";
    assert_eq!(times(name, &["23:59", "00:00", "12:00"]), ["12-31T23:59", "01-01T00:00", "01-01T12:00"]);
    assert_eq!(times(name, &["02:59", "02:00"]), ["12-31T02:59", "12-31T02:00"], "a clock set back by an hour");
    let twelve = ["09:00", "12:57", "01:03", "11:59", "12:30", "01:00"];
    let expected = ["12-31T09:00", "12-31T12:57", "12-31T13:03", "12-31T23:59", "01-01T00:30", "01-01T01:00"];
    assert_eq!(times(name, &twelve), expected, "a clock of twelve hours");
}

#[test]
fn a_leading_nick_is_addressed_once_it_has_been_seen() {
    let log = "[09:14] <anna> bert: are you there?\n[09:15] <Bert> anna, yes\n[09:16] <carl> anna, bert: well: no\n\
               [09:17] <anna> carl said no\n[09:18] <anna> http://x: y\n[09:19] <anna> bert:\n";
    let found: Vec<_> = read("2004-12-25.txt", log).into_iter().map(|event| event.addressees).collect();
    let expected = [&[][..], &["anna"], &["anna", "Bert"], &[], &[], &["Bert"]].map(texts);
    assert_eq!(found, expected);
}

#[test]
fn repeated_lines_are_kept_apart_and_the_same_line_in_another_file_is_the_same_event() {
    let log = "[09:14] <a> hi\n[09:14] <a> hi\n[09:15] <a> hi\n";
    let ids = |name: &str, log: &str| read(name, log).iter().map(Event::id).collect::<Vec<_>>();
    let all = ids("2004-12-25.txt", log);
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    assert_eq!(ids("copy of 2004-12-25.log", log), all);
    assert_eq!(ids("2004-12-25.txt", "[09:14] <b> before\n[09:14] <a> hi\n")[1], all[0], "other lines do not matter");
}

#[test]
fn the_channel_is_in_the_name() {
    let channel = |name: &str| read(name, "[09:14] <a> hi\n")[0].channel.to_string();
    assert_eq!(channel("logs/#rust.2004-12-25.log"), "#rust");
    assert_eq!(channel("#rust_20041225.log"), "#rust");
    assert_eq!(channel("znc/libera/#rust-beginners/2004-12-25.log"), "#rust-beginners");
    assert_eq!(channel("2004-12-25.log"), "");
    let named = Options { channel: Some("#x".into()), ..options(Format::Irc) };
    assert_eq!(&*events("#rust.2004-12-25.log", "[09:14] <a> hi\n", &named)[0].channel, "#x");
}

#[test]
fn what_cannot_be_read_is_rejected_by_line_and_reason() {
    let mut all = items(
        "2004-12-25.txt",
        "[09:14] <a> \u{2}hi\u{3}04,01 there\u{f}\r\nnonsense\n\n[25:99] <a> hi\n",
        &options(Format::Irc),
    );
    let (third, second, first) = (reject(all.pop().unwrap()), reject(all.pop().unwrap()), event(all.pop().unwrap()));
    assert_eq!((&*first.text, first.kind), ("hi there", Kind::Message));
    assert_eq!(
        (&*second.position, &*second.reason, &*second.raw),
        ("line 2", "neither a time nor a notice", "nonsense")
    );
    assert_eq!((&*third.position, &*third.raw), ("line 4", "[25:99] <a> hi"));
    let undated = reject(items("log.txt", "[09:14] <a> hi\n", &options(Format::Irc)).remove(0));
    assert!(undated.reason.contains("name the file by its date"), "{}", undated.reason);
}
