//! Why a claim was decided as it was: one sentence per rule, shared by all decisions that cite it.

use std::sync::LazyLock;

use nexus_types::Text;

macro_rules! reasons {
    ($($name:ident: $words:literal),* $(,)?) => {
        /// The rules of consolidation that a decision can cite.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Reason { $($name),* }

        static WORDS: LazyLock<Vec<Text>> = LazyLock::new(|| vec![$($words.into()),*]);
    };
}

reasons! {
    New: "nothing else was held",
    Replaced: "it takes another value's place",
    Refined: "it says more exactly what was said at the same time",
    Disputes: "another value was said for the same time, at the same time: both stay, disputed",
    Settled: "it settles which of several values holds",
    Extended: "it says more about when the same held",
    Agrees: "it agrees with what is held",
    Ended: "it says that this ended",
    Denied: "it denies what was held",
    NoMore: "it was so, and is not any more",
    Past: "it was so once, nobody said when",
    NotYet: "it ended before it was thought to begin",
    Happened: "it happened, and no other word on that day said so",
    NotHappened: "it denies that this happened",
    CalledOff: "it calls off what was to come",
    AlreadyEnded: "it had ended already",
    NothingHeld: "nothing of the kind was held",
    DeniedEnd: "denying an end changes nothing",
    EventsStay: "what happened does not end",
    Weaker: "a word more than twice as strong says otherwise",
    Untrusted: "its source is not trusted at all",
    Rejected: "rejected by the user",
    Empty: "it says nothing",
    Backwards: "it would end before it begins",
    Intended: "intended, not a fact",
    Hedged: "not said for sure",
    Hypothetical: "said of what might be, not of what is",
    Asked: "asked, not said",
    Reported: "somebody else's word",
}

impl Reason {
    /// The rule in words.
    pub(super) fn text(self) -> Text {
        WORDS[self as usize].clone()
    }
}
