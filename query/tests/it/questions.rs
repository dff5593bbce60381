//! What people ask of memory: facts, entities, reasons, connections.

use nexus_query::{FactFilter, QueryError};

use super::story::{DAY, START, Story};

fn homes(facts: &[nexus_query::FactView]) -> Vec<&str> {
    facts.iter().filter(|fact| fact.predicate == "lives_in").map(|fact| fact.object.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_by_name_and_time() {
    let story = Story::of("me", false).await;
    let held = story.reader.facts(Some("anna"), &FactFilter::default()).await.unwrap();
    assert_eq!(homes(&held), ["London", "Berlin"]);
    assert_eq!((held[0].status.as_str(), held[0].valid_to), ("superseded", Some(START + 64 * DAY)));
    let now = FactFilter { valid_at: Some(START + 70 * DAY), ..Default::default() };
    assert_eq!(homes(&story.reader.facts(None, &now).await.unwrap()), ["Berlin"]);
    let then = FactFilter { known_at: Some(START + 10 * DAY), ..Default::default() };
    assert_eq!(homes(&story.reader.facts(Some("Anna"), &then).await.unwrap()), ["London"]);
    let all = FactFilter { history: true, predicate: Some("lives_in".into()), ..Default::default() };
    assert_eq!(story.reader.facts(Some("Anna"), &all).await.unwrap().len(), 3);
    let sister = story.reader.facts(Some("Clara"), &FactFilter::default()).await.unwrap();
    assert_eq!((sister.len(), sister[0].subject.as_str(), sister[0].object.as_str()), (1, "Anna", "Clara"));
    let nobody = story.reader.facts(Some("Zoe"), &FactFilter::default()).await;
    assert!(matches!(nobody, Err(QueryError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_names_the_messages() {
    let story = Story::of("me", false).await;
    let facts = story.reader.facts(Some("Anna"), &FactFilter::default()).await.unwrap();
    let london = facts.iter().find(|fact| fact.object == "London").unwrap();
    let why = story.reader.why(&london.id[..12]).await.unwrap();
    assert_eq!((why.fact.object.as_str(), why.versions.len()), ("London", 2));
    let steps: Vec<(&str, &str)> = why.steps.iter().map(|step| (step.action.as_str(), step.text.as_str())).collect();
    assert_eq!(
        steps,
        [("ADD", "I live in London with my sister Clara"), ("UPDATE", "We moved to Berlin into a new house")]
    );
    assert_eq!((why.steps[0].author.as_str(), why.steps[0].other.as_deref()), ("Anna <anna>", None));
    let berlin = facts.iter().find(|fact| fact.object == "Berlin").unwrap();
    assert_eq!(why.steps[1].other.as_ref(), Some(&berlin.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_of_none_or_several_says_so() {
    let story = Story::of("me", false).await;
    let facts = story.reader.facts(None, &FactFilter::default()).await.unwrap();
    for wrong in ["", "xyz", "' or 1=1 --", "ééé"] {
        assert!(matches!(story.reader.why(wrong).await, Err(QueryError::Argument(_))), "{wrong}");
    }
    let free = (0..16).map(|digit| format!("{digit:x}")).find(|digit| !facts.iter().any(|f| f.id.starts_with(digit)));
    let none = story.reader.why(&free.unwrap()).await;
    assert!(matches!(none, Err(QueryError::NotFound(_))));
    let other = Story::of("other", false).await;
    assert!(matches!(other.reader.why(&facts[0].id).await, Err(QueryError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_and_keys() {
    let story = Story::of("me", false).await;
    let anna = &story.reader.entity("ANNA").await.unwrap()[0];
    assert_eq!((anna.keys.len(), anna.facts.len(), anna.events.len()), (1, 3, 1));
    assert_eq!(anna.events[0].text, "I live in London with my sister Clara");
    assert_eq!(&*story.reader.key_of("Ben").await.unwrap(), "account:chat/ben");
    assert_eq!(&*story.reader.key_of("me").await.unwrap(), "me");
    assert!(story.reader.entity("o'brien\"; drop").await.is_err());
    let near = story.reader.neighbours("Anna", 9).await.unwrap();
    assert_eq!((near.len(), near[0].name.as_str(), near[0].hops), (1, "Clara", 1));
    assert_eq!(story.reader.timeline("Anna").await.unwrap().len(), 4);
}
