//! Intern: equal names share one string, and the commonest answers one place.
//!
//! A history read back from its tables brings its own copy of `irc` and `#ubuntu` with every row. Rows live as long as
//! memory does, so their names are made one on the way in: about 250 bytes less per event. Cost: six hash look-ups per
//! event. Names are kept for good: there are far fewer of them than rows.

// Names are looked up, never listed: an order that differs from run to run cannot show.
#![allow(clippy::disallowed_types)]

use std::collections::HashSet;
use std::sync::Arc;

use nexus_types::{Answer, AnswerRow, EventRow, Extraction, Text};

/// The names seen so far.
pub(crate) struct Names {
    seen: HashSet<Text>,
    /// What a model says of most texts: that it is embedded, or that there is nothing in it.
    common: [Arc<Answer>; 2],
    /// Most messages are said to nobody in particular.
    nobody: Arc<[Text]>,
}

impl Default for Names {
    fn default() -> Self {
        let common = [Answer::Vector, Answer::Extraction(Extraction::default())];
        Names { seen: HashSet::new(), common: common.map(Arc::new), nobody: Arc::new([]) }
    }
}

impl Names {
    /// Makes the names in an event shared ones.
    pub(crate) fn intern_event(&mut self, event: &mut Arc<EventRow>) {
        let event = Arc::make_mut(event);
        for name in [&mut event.scope, &mut event.source, &mut event.platform, &mut event.channel, &mut event.author] {
            self.intern(name);
        }
        event.thread.iter_mut().for_each(|thread| self.intern(thread));
        event.addressees = match &*event.addressees {
            [] => self.nobody.clone(),
            some => some.iter().map(|name| self.shared(name)).collect(),
        };
    }

    /// Makes the name in an answer a shared one, and the answer, if it is a common one.
    pub(crate) fn intern_answer(&mut self, answer: &mut AnswerRow) {
        self.intern(&mut answer.ask.model);
        if let Some(common) = self.common.iter().find(|common| **common == answer.answer) {
            answer.answer = common.clone();
        }
    }

    fn intern(&mut self, name: &mut Text) {
        *name = self.shared(name);
    }

    fn shared(&mut self, name: &Text) -> Text {
        match self.seen.get(name) {
            Some(shared) => shared.clone(),
            None => {
                self.seen.insert(name.clone());
                name.clone()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_types::{EventId, Version};

    use super::*;

    #[test]
    fn equal_names_become_one() {
        let row = || EventRow::tombstone("scope".into(), EventId::default(), Version::default());
        let (mut a, mut b) = (Arc::new(row()), Arc::new(row()));
        assert!(!Arc::ptr_eq(&a.scope, &b.scope));
        let mut names = Names::default();
        names.intern_event(&mut a);
        names.intern_event(&mut b);
        assert!(Arc::ptr_eq(&a.scope, &b.scope));
        assert_eq!(*a, row());
    }
}
