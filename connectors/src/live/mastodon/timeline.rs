//! Timelines of Mastodon: how each is called, paged and streamed, and the order of their ids. Pure.

/// What is read before the last id that is known, in milliseconds: statuses of other servers come late, with ids by when
/// they were written.
const OVERLAP: u64 = 3_600_000;
/// Below these bits of an id is the time at which it was written, in milliseconds.
const TIME_SHIFT: u32 = 16;

/// A timeline that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timeline {
    /// What whom the account follows say.
    User,
    /// What everybody says whom the server knows.
    Public,
    /// What everybody says who is at home at the server.
    Local,
    /// What is said with this hashtag.
    Hashtag(String),
}

/// Below `/api/v1/…`, and what is asked.
type Place<'a> = (Vec<&'a str>, Vec<(&'static str, String)>);

impl Timeline {
    /// As a configuration names it.
    pub(super) fn named(name: &str) -> Option<Timeline> {
        match name {
            "user" => Some(Timeline::User),
            "public" => Some(Timeline::Public),
            "public:local" => Some(Timeline::Local),
            other => {
                let tag = other.strip_prefix("hashtag:")?;
                let fits = !tag.is_empty() && !tag.contains(|c: char| c.is_whitespace() || "#/?".contains(c));
                fits.then(|| Timeline::Hashtag(tag.into()))
            }
        }
    }

    /// As a configuration names it.
    pub(super) fn name(&self) -> String {
        match self {
            Timeline::User => "user".into(),
            Timeline::Public => "public".into(),
            Timeline::Local => "public:local".into(),
            Timeline::Hashtag(tag) => format!("hashtag:{tag}"),
        }
    }

    /// Where its pages are.
    pub(super) fn pages(&self) -> Place<'_> {
        match self {
            Timeline::User => (vec!["timelines", "home"], Vec::new()),
            Timeline::Public => (vec!["timelines", "public"], Vec::new()),
            Timeline::Local => (vec!["timelines", "public"], vec![("local", "true".into())]),
            Timeline::Hashtag(tag) => (vec!["timelines", "tag", tag.as_str()], Vec::new()),
        }
    }

    /// Where its stream is.
    pub(super) fn stream(&self) -> Place<'_> {
        match self {
            Timeline::User => (vec!["streaming", "user"], Vec::new()),
            Timeline::Public => (vec!["streaming", "public"], Vec::new()),
            Timeline::Local => (vec!["streaming", "public", "local"], Vec::new()),
            Timeline::Hashtag(tag) => (vec!["streaming", "hashtag"], vec![("tag", tag.clone())]),
        }
    }
}

/// What ids are ordered by: numbers, and texts of one length.
pub(super) fn order(id: &str) -> (usize, &str) {
    (id.len(), id)
}

/// From where to read on after this id.
pub(super) fn before(id: &str) -> String {
    match id.parse::<u64>() {
        Ok(number) => ((number >> TIME_SHIFT).saturating_sub(OVERLAP) << TIME_SHIFT).to_string(),
        // Other servers of the same interface have other ids.
        Err(_) => id.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn timelines_are_called_as_in_the_interface() {
        for name in ["user", "public", "public:local", "hashtag:rust"] {
            assert_eq!(Timeline::named(name).unwrap().name(), name);
        }
        for wrong in ["", "home", "hashtag:", "hashtag:#rust", "hashtag:a/b", "list:1"] {
            assert_eq!(Timeline::named(wrong), None);
        }
    }

    #[test]
    fn ids_are_ordered_as_numbers_and_overlap_by_an_hour() {
        assert!(order("9") < order("10") && order("01HX") < order("01HY"));
        let id = |millis: u64| ((millis << 16) | 77).to_string();
        assert_eq!(before(&id(1_700_000_000_000)), ((1_700_000_000_000_u64 - 3_600_000) << 16).to_string());
        assert_eq!([before("0"), before("01HX")], ["0", "01HX"]);
    }
}
