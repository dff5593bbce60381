//! Statuses of Mastodon and of servers with the same interface, read. Pure; nothing that changes without an edit (counts,
//! names that are shown) is in an event.

use jiff::Timestamp;
use nexus_types::{Attachment, Change, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use crate::Rejected;
use crate::frame::accepted;
use crate::live::FINAL;
use crate::mail::html;

/// What every event of a server shares.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) source: Text,
    /// The server: where those without one in their name are at home, and the channel.
    pub(super) host: Text,
}

impl Place {
    /// Reads a status: one event, and of a boost two, what was boosted and that it was.
    pub(super) fn read(&self, status: &Value) -> Result<Vec<Event>, Rejected> {
        let boosted = &status["reblog"];
        if boosted.is_null() {
            return Ok(vec![self.status(status)?]);
        }
        let boosted = self.status(boosted)?;
        let name = |author: &str| author.split(' ').next().unwrap_or_default().to_string();
        let mut boost = self.event(status, Kind::Notice, String::new())?;
        boost.text = format!("{} has boosted what {} said", name(&boost.author), name(&boosted.author)).into();
        boost.reply_to = Some(boosted.external_id.clone());
        Ok(vec![boosted, boost])
    }

    fn status(&self, status: &Value) -> Result<Event, Rejected> {
        let mut event = self.event(status, Kind::Message, text(status))?;
        event.reply_to = status["in_reply_to_id"].as_str().map(Text::from);
        // A server learns later than of the reply what it replies to: that is news too.
        event.revision = Some((edited(status) << 1) | u64::from(event.reply_to.is_some()));
        event.addressees = list(&status["mentions"]).filter_map(|account| self.author(account)).collect();
        event.attachments = list(&status["media_attachments"]).map(attachment).collect();
        let link = status["url"].as_str().or(status["uri"].as_str());
        let meta = [("link", link), ("visibility", status["visibility"].as_str())];
        event.meta = meta.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect();
        Ok(event)
    }

    fn event(&self, status: &Value, kind: Kind, text: String) -> Result<Event, Rejected> {
        let id = status["id"].as_str().filter(|id| !id.is_empty());
        let wrong = |reason| Rejected::new(id.unwrap_or("a status"), reason, status.to_string().as_bytes());
        let external_id = id.ok_or_else(|| wrong("it has no id"))?.into();
        let author = self.author(&status["account"]).ok_or_else(|| wrong("it has no account"))?;
        let said_at = time(&status["created_at"]).ok_or_else(|| wrong("it has no time in created_at"))?;
        Ok(Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id,
            revision: Some(0),
            channel: self.host.clone(),
            kind,
            said_at,
            ..Event::message("mastodon", &author, &text)
        })
    }

    /// `anna <@anna@example.org>`.
    fn author(&self, account: &Value) -> Option<Text> {
        let account = account["acct"].as_str().filter(|account| !account.is_empty())?;
        let (name, host) = account.split_once('@').unwrap_or((account, &*self.host));
        Some(format!("{name} <@{name}@{host}>").into())
    }

    /// The deletion of a status.
    pub(super) fn gone(&self, id: &str) -> Change {
        Change::Retract {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: id.into(),
            revision: Some(FINAL),
        }
    }
}

/// The warning before it, what it says, and what it asks; of pictures alone what they show.
fn text(status: &Value) -> String {
    let said = html::to_text(status["content"].as_str().unwrap_or_default());
    let options = list(&status["poll"]["options"]).filter_map(|option| option["title"].as_str());
    let options = options.map(|option| format!("- {option}")).collect::<Vec<_>>().join("\n");
    let warning = status["spoiler_text"].as_str().unwrap_or_default().trim();
    let parts: Vec<&str> =
        [warning, said.trim(), options.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        let shown = list(&status["media_attachments"]).filter_map(|media| media["description"].as_str());
        return shown.collect::<Vec<_>>().join("\n");
    }
    parts.join("\n\n")
}

fn attachment(media: &Value) -> Attachment {
    let text = |name: &str| media[name].as_str().filter(|text| !text.is_empty());
    // Of what is at home elsewhere a server knows the type only once it has a copy.
    let media_type = match text("type").filter(|_| text("remote_url").is_none()) {
        Some("image") => "image/*",
        Some("video" | "gifv") => "video/*",
        Some("audio") => "audio/*",
        _ => "",
    };
    Attachment {
        name: text("description").unwrap_or_default().into(),
        media_type: media_type.into(),
        // Where it is at home: a server's own copy of it comes and goes.
        location: text("remote_url").or(text("url")).unwrap_or_default().into(),
    }
}

/// When it was edited last; 0 for never.
fn edited(status: &Value) -> u64 {
    time(&status["edited_at"]).and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
}

fn time(value: &Value) -> Option<Millis> {
    accepted(value.as_str()?.parse::<Timestamp>().ok()?.as_millisecond())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn place() -> Place {
        Place { scope: "s".into(), source: "fedi".into(), host: "mastodon.example".into() }
    }

    /// As Mastodon's documentation has it, with what changes by itself.
    fn status() -> Value {
        json!({
            "id": "103270115826048975", "created_at": "2019-12-08T03:48:33.901Z", "in_reply_to_id": "103270115826048970",
            "in_reply_to_account_id": "1", "sensitive": true, "spoiler_text": "Food", "visibility": "public",
            "language": "en", "uri": "https://mastodon.example/users/anna/statuses/103270115826048975",
            "url": "https://mastodon.example/@anna/103270115826048975", "replies_count": 5, "reblogs_count": 6,
            "favourites_count": 11, "edited_at": null,
            "content": "<p><span class=\"h-card\"><a href=\"https://far.example/@bert\" class=\"u-url mention\">@<span>bert</span>\
                        </a></span> see <a href=\"https://example.org/long/path\"><span class=\"invisible\">https://</span>\
                        <span class=\"ellipsis\">example.org/lo</span><span class=\"invisible\">ng/path</span></a><br />\
                        I &amp; you</p><p>Second.</p>",
            "reblog": null, "application": {"name": "Web", "website": null},
            "account": {"id": "1", "username": "anna", "acct": "anna", "display_name": "Anna of the day", "bot": false,
                        "followers_count": 320472},
            "media_attachments": [{"id": "2", "type": "image", "url": "https://files.example/2.png", "remote_url": null,
                                   "preview_url": "https://files.example/small/2.png", "description": "a pear"}],
            "mentions": [{"id": "7", "username": "bert", "acct": "bert@far.example", "url": "https://far.example/@bert"}],
            "tags": [], "emojis": [], "card": null,
            "poll": {"id": "3", "votes_count": 10, "options": [{"title": "yes", "votes_count": 6}, {"title": "no", "votes_count": 4}]}
        })
    }

    #[test]
    fn a_status_is_what_it_says() {
        let events = place().read(&status()).unwrap();
        let event = &events[0];
        assert_eq!(&*event.text, "Food\n\n@bert see https://example.org/long/path\nI & you\n\nSecond.\n\n- yes\n- no");
        assert_eq!(
            (&*event.author, event.said_at, event.revision),
            ("anna <@anna@mastodon.example>", 1_575_776_913_901, Some(1))
        );
        assert_eq!((&*event.channel, &*event.addressees[0]), ("mastodon.example", "bert <@bert@far.example>"));
        assert_eq!((event.reply_to.as_deref(), &*event.meta["visibility"]), (Some("103270115826048970"), "public"));
        assert_eq!(
            (&*event.attachments[0].name, &*event.attachments[0].location),
            ("a pear", "https://files.example/2.png")
        );
    }

    #[test]
    fn what_changes_by_itself_changes_nothing_and_an_edit_is_a_revision() {
        let mut later = status();
        later["favourites_count"] = json!(12);
        later["account"]["display_name"] = json!("Anna of another day");
        later["poll"]["options"][0]["votes_count"] = json!(7);
        assert_eq!(place().read(&later), place().read(&status()));
        later["edited_at"] = json!("2019-12-09T00:00:00.000Z");
        assert_eq!(place().read(&later).unwrap()[0].revision, Some((1_575_849_600_000 << 1) | 1));
        // To what it replies is learnt after it.
        later["in_reply_to_id"] = json!(null);
        assert_eq!(place().read(&later).unwrap()[0].revision, Some(1_575_849_600_000 << 1));
        let mut remote = status();
        remote["media_attachments"][0]["remote_url"] = json!("https://far.example/2.png");
        let known = place().read(&remote);
        remote["media_attachments"][0]["type"] = json!("unknown");
        assert_eq!(place().read(&remote), known);
    }

    #[test]
    fn a_boost_is_what_was_boosted_and_a_notice() {
        let account = json!({"acct": "carl@far.example"});
        let boost = json!({"id": "9", "created_at": "2019-12-09T00:00:00Z", "account": account, "content": "", "reblog": status()});
        let events = place().read(&boost).unwrap();
        assert_eq!((&*events[0].external_id, events[0].kind), ("103270115826048975", Kind::Message));
        assert_eq!((&*events[1].external_id, events[1].kind), ("9", Kind::Notice));
        assert_eq!(&*events[1].text, "carl has boosted what anna said");
        assert_eq!(events[1].reply_to.as_deref(), Some("103270115826048975"));
    }

    #[test]
    fn pictures_alone_are_what_they_show_and_what_is_no_status_is_said() {
        let mut picture = status();
        for (part, nothing) in [("content", json!("")), ("spoiler_text", json!("")), ("poll", json!(null))] {
            picture[part] = nothing;
        }
        assert_eq!(&*place().read(&picture).unwrap()[0].text, "a pear");
        for odd in [json!(null), json!([]), json!("x"), json!({"id": 1}), json!({"id": "1", "account": {"acct": "a"}})]
        {
            assert!(place().read(&odd).is_err(), "{odd}");
        }
    }
}
