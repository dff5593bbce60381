//! Recall over the small story.

use super::story::{Story, best};

#[tokio::test(flavor = "multi_thread")]
async fn by_words_alone() {
    let story = Story::of("me", false).await;
    let found = story.reader.recall("Where does Anna live?", &best(2)).await.unwrap();
    assert!(found.lexical_only);
    assert_eq!(found.hits[0].text, "I live in London with my sister Clara");
    assert!(found.hits[0].found_by.contains(&"words") && found.hits[0].found_by.contains(&"author"));
    assert!(found.facts.iter().any(|fact| fact.object == "Berlin"));
    assert!(found.hits.len() <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_meaning() {
    let story = Story::of("me", true).await;
    let found = story.reader.recall("her dwelling", &best(2)).await.unwrap();
    assert!(!found.lexical_only);
    let texts: Vec<&str> = found.hits.iter().map(|hit| hit.text.as_str()).collect();
    assert!(texts.contains(&"We moved to Berlin into a new house"), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_question_has_an_answer() {
    let story = Story::of("me", true).await;
    let long = "why ".repeat(20_000);
    for question in ["", "?", "'; drop table events; --", "O'Brien \"hi\" 100%", "🎉", "ça", "(a AND b) NOT", &long]
    {
        let first = story.reader.recall(question, &best(3)).await.unwrap();
        assert_eq!(first, story.reader.recall(question, &best(3)).await.unwrap(), "{question}");
    }
    assert_eq!(story.reader.recall("London", &best(0)).await.unwrap().hits.len(), 0);
    let quoted = story.values("select text from recall('O''Brien', 1)").await;
    assert!(quoted.contains("O'Brien"), "{quoted}");
}
