//! SQL: the catalogue, the functions, isolation, and what is refused.

use super::story::{Story, best};

#[tokio::test(flavor = "multi_thread")]
async fn facts_now_then_and_as_of() {
    let story = Story::of("me", false).await;
    let now = "select subject_name, predicate, object_name, status from facts order by predicate, status";
    assert_eq!(
        story.values(now).await,
        "Anna lives_in Berlin current | Anna lives_in London superseded | Anna sister Clara current"
    );
    let homes = |function: &str| {
        format!("select object_name from {function} where predicate = 'lives_in' order by object_name")
    };
    assert_eq!(story.values(&homes("valid_at('2024-02-01')")).await, "London");
    assert_eq!(story.values(&homes("valid_at(timestamp '2024-05-01T00:00:00Z')")).await, "Berlin");
    assert_eq!(story.values(&homes("known_at('2024-02-01T00:00:00Z')")).await, "London");
    assert_eq!(story.values(&homes("as_of('facts', 1)")).await, "London");
    assert_eq!(story.values(&homes("as_of('facts', 2)")).await, "Berlin | London");
    assert_eq!(story.values(&homes("as_of('facts', '2024-04-15')")).await, "London");
    assert_eq!(story.values("select count(*) from fact_versions").await, "4");
    assert_eq!(
        story.values("select object_name from facts_about('anna') where valid_to is null order by 1").await,
        "Berlin | Clara"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_can_be_read() {
    let story = Story::of("me", true).await;
    for table in story.reader.tables() {
        let shown = story.shown(&format!("select * from {table}")).await;
        assert!(!shown.starts_with("error"), "{table}: {shown}");
        let counted = story.values(&format!("select count(*) from {table}")).await;
        assert!(counted.parse::<u64>().is_ok(), "{table}: {counted}");
    }
    assert_eq!(story.values("select count(*) from events").await, "5");
    assert_eq!(story.values("select state, revision from tombstones").await, "forgotten 2");
    assert_eq!(
        story.values("select name, key from entity_keys where name = 'Clara'").await,
        "Clara person:#home/clara"
    );
    assert_eq!(story.values("select source_name, target_name from edges").await, "Anna Clara");
    assert_eq!(story.values("select epoch from checkpoints order by epoch").await, "0 | 1 | 2");
    assert!(story.shown("show tables").await.contains("fact_versions"));
    assert!(story.shown("describe facts").await.contains("subject_name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn episodes_join_what_came_in_and_what_went_out() {
    let story = Story::of("me", true).await;
    let sql = "select input, response, reasoning_trace, participants, importance_score, linked_concepts, embedding
               from episodes order by timestamp, id";
    let shown = story.values(sql).await;
    let first = shown.split(" | ").next().unwrap();
    assert_eq!(
        first,
        "I live in London with my sister Clara Noted: London. She states where she lives. [Anna <anna>, agent] 1500 \
         [London] [1.0, 0.0]"
    );
    let felt = "select sentiment, sentiment_confidence, emotional_signals from episodes where sentiment is not null";
    assert_eq!(story.values(felt).await, "positive 800 [joy 812, love 455]");
    let felt = "select p.name, p.messages, p.valence, p.before, a.text from patterns p join affects a on a.valence = p.valence";
    assert_eq!(story.values(felt).await, "Anna 1 600 I live in London with my sister Clara");
    let without = Story::of("me", false).await;
    assert_eq!(without.values("select count(*) from episodes where response is null").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_compose() {
    let story = Story::of("me", false).await;
    assert_eq!(story.values("select name, predicate, hops from neighbours('Clara', 2)").await, "Anna sister 1");
    assert_eq!(
        story.values("select change, object_name from timeline('Anna')").await,
        "begins London | begins Clara | begins Berlin | ends London"
    );
    let joined = "select r.rank, e.platform, f.object_name from recall('where does Anna live', 3) r
                  join events e on e.id = r.event
                  join claims c on c.event = e.id join decisions d on d.claim = c.id
                  join facts f on f.id = d.fact and f.predicate = 'lives_in' order by r.rank";
    assert!(story.values(joined).await.contains("chat Berlin"), "{}", story.shown(joined).await);
    assert_eq!(story.values("select count(*) from recall('anything at all', 2) where rank > 5").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_sees_its_own_rows_only() {
    let story = Story::of("other", false).await;
    for table in story.reader.tables() {
        let shown = story.shown(&format!("select * from {table}")).await;
        assert!(!shown.contains("Anna") && !shown.contains("Berlin"), "{table}: {shown}");
    }
    assert_eq!(story.values("select answer from answers").await, "secret");
    let mine = Story::of("me", false).await;
    for table in mine.reader.tables() {
        let shown = mine.shown(&format!("select * from {table}")).await;
        assert!(!shown.contains("secret") && !shown.contains("Zoe"), "{table}: {shown}");
    }
    assert!(mine.values("select count(*) from stored.events").await.contains("error"));
    for scope in ["nobody", "' or '1'='1", "me' --", "мир 🎉"] {
        let empty = Story::of(scope, true).await;
        assert_eq!(empty.values("select count(*) from events").await, "0", "{scope}");
        assert_eq!(empty.reader.recall("London", &best(5)).await.unwrap().hits.len(), 0, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_writes_is_refused() {
    let story = Story::of("me", false).await;
    for statement in [
        "insert into events select * from events",
        "delete from facts",
        "update facts set predicate = 'x'",
        "drop table facts",
        "create table t as select 1",
        "create view facts as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "copy (select 1) to '/tmp/x.csv'",
        "set datafusion.execution.batch_size = 1",
        "explain analyze insert into facts select * from facts",
        "select 1; select 2",
        "select * from '/etc/passwd'",
        "",
        "selec 1",
        "select '",
        "\0",
    ] {
        let said = story.shown(statement).await;
        assert!(said.starts_with("error: ") && said.len() > 12, "{statement}: {said}");
    }
    assert!(story.shown("delete from facts").await.contains("SQL only reads here"));
    assert_eq!(story.values("with x as (select 1 as a) select a from x").await, "1");
    assert!(story.shown("explain select * from facts").await.contains("plan"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_there_is() {
    let story = Story::of("me", false).await;
    let said = story.shown("select * from fact").await;
    assert!(said.contains("no table \"fact\"") && said.contains("fact_versions"), "{said}");
    let said = story.shown("select subjekt from facts").await;
    assert!(said.contains("no column \"subjekt\"") && said.contains("subject_name"), "{said}");
    let said = story.shown("select * from recal('x')").await;
    assert!(said.contains("recall('question', k)"), "{said}");
    for call in
        ["recall()", "recall(1)", "as_of('facts')", "as_of('facts', -1)", "known_at('soon')", "facts_about(null)"]
    {
        let said = story.shown(&format!("select * from {call}")).await;
        assert!(said.contains("call it as"), "{call}: {said}");
    }
    assert!(story.shown("select * from as_of('nothing', 1)").await.contains("no table \"nothing\""));
    assert!(story.shown("select * from as_of('facts', '1999-01-01')").await.starts_with("error: "));
    assert!(story.shown("select * from facts_about('Xaver')").await.contains("nobody called \"Xaver\""));
}
