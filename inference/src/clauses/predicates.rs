//! Predicates: which open names have a canonical one, that policy has rules for. What is not listed keeps its own name and
//! adds up. Contract: a table one can read. Cost: a look at a short list.

use nexus_types::Aspect;

/// What an object must be for the canonical predicate to be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// A place by name.
    Place,
    /// An organisation by name, or a kind of workplace.
    Organisation,
    /// Somebody.
    Person,
    /// A thing with a name of its own, no "that" or "your".
    Thing,
}

/// A canonical predicate for an open one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canonical {
    /// The open name: lemma with particle and preposition.
    pub open: &'static str,
    /// What its object must be.
    pub wants: Wants,
    /// The name policy knows.
    pub name: &'static str,
    /// What the verb says of the state's life, unless the clause says more.
    pub aspect: Aspect,
    /// Whether it tells of what happened: only the past counts.
    pub happened: bool,
}

const fn state(open: &'static str, wants: Wants, name: &'static str) -> Canonical {
    Canonical { open, wants, name, aspect: Aspect::Holds, happened: false }
}

const fn begins(open: &'static str, wants: Wants, name: &'static str) -> Canonical {
    Canonical { open, wants, name, aspect: Aspect::Begins, happened: true }
}

const fn event(open: &'static str, wants: Wants, name: &'static str) -> Canonical {
    Canonical { open, wants, name, aspect: Aspect::Holds, happened: true }
}

const TABLE: &[Canonical] = &[
    state("live_in", Wants::Place, "lives_in"),
    state("reside_in", Wants::Place, "lives_in"),
    begins("move_to", Wants::Place, "lives_in"),
    begins("relocate_to", Wants::Place, "lives_in"),
    begins("settle_in", Wants::Place, "lives_in"),
    state("come_from", Wants::Place, "from"),
    state("be_from", Wants::Place, "from"),
    state("work_at", Wants::Organisation, "works_at"),
    state("work_for", Wants::Organisation, "works_at"),
    state("be_employed_by", Wants::Organisation, "works_at"),
    begins("be_hired_by", Wants::Organisation, "works_at"),
    state("love", Wants::Thing, "likes"),
    state("like", Wants::Thing, "likes"),
    state("enjoy", Wants::Thing, "likes"),
    state("adore", Wants::Thing, "likes"),
    state("be_fond_of", Wants::Thing, "likes"),
    state("be_obsessed_with", Wants::Thing, "likes"),
    state("hate", Wants::Thing, "dislikes"),
    state("dislike", Wants::Thing, "dislikes"),
    state("detest", Wants::Thing, "dislikes"),
    state("prefer", Wants::Thing, "prefers"),
    state("be_allergic_to", Wants::Thing, "allergic_to"),
    state("own", Wants::Thing, "owns"),
    state("major_in", Wants::Thing, "studies"),
    event("visit", Wants::Place, "visited"),
    event("travel_to", Wants::Place, "visited"),
    event("fly_to", Wants::Place, "visited"),
    event("go_to", Wants::Place, "visited"),
    begins("marry", Wants::Person, "partner"),
    state("be_married_to", Wants::Person, "partner"),
    event("meet", Wants::Person, "met"),
];

/// The canonical predicate of an open one, if there is one.
pub(super) fn canonical(open: &str) -> Option<&'static Canonical> {
    TABLE.iter().find(|canonical| canonical.open == open)
}

/// Whether an open name is one that policy has rules for: then it must not be taken for that.
pub(super) fn own_name(open: &str) -> String {
    match open {
        "name" | "age" | "role" | "partner" | "child" | "parent" | "father" | "mother" | "uses" | "from" => {
            format!("{open}_of")
        }
        "be" => "is".into(),
        "have" => "has".into(),
        open => open.into(),
    }
}
