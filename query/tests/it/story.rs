//! The story: Anna lives in London, moves to Berlin, has a sister; an agent answers her. Another scope knows a secret.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use nexus_query::{Components, Embed, Reader};
use nexus_storage::{At, Commit, Opener, Settings, Store, TableChange, TableSpec};
use nexus_types::passage::Span;
use nexus_types::tables::*;
use nexus_types::*;
use tempfile::TempDir;

pub(crate) const DAY: Millis = 86_400_000;
/// 2024-01-01.
pub(crate) const START: Millis = 1_704_067_200_000;

/// A store with one scope's reader; the folder lives as long as this does.
pub(crate) struct Story {
    pub(crate) reader: Reader,
    _folder: TempDir,
}

/// A model that knows two meanings.
pub(crate) struct TwoMeanings;

impl Embed for TwoMeanings {
    fn model(&self) -> &str {
        "two@1"
    }

    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let home = ["live", "London", "Berlin", "house", "dwelling"].iter().any(|word| text.contains(word));
        Some(if home { vec![1.0, 0.0] } else { vec![0.0, 1.0] })
    }
}

impl Story {
    /// The story as `scope` sees it, with the model or without.
    pub(crate) async fn of(scope: &str, model: bool) -> Story {
        let folder = TempDir::new().unwrap();
        let opener = Opener { program: "test".into(), at: START };
        let mut store = Store::create_or_open(folder.path(), Settings::default(), opener).await.unwrap();
        store.commit(commit(1, first())).await.unwrap();
        store.commit(commit(2, second())).await.unwrap();
        let history = Arc::new(nexus_storage::Reader::open(folder.path(), &Settings::default()).unwrap());
        let snapshot = history.snapshot(At::Latest).await.unwrap();
        let embed: Option<Arc<dyn Embed>> = if model { Some(Arc::new(TwoMeanings)) } else { None };
        let components = Components { history: Some(history), embed, ..Components::default() };
        Story { reader: Reader::new(snapshot, scope, components).await.unwrap(), _folder: folder }
    }

    /// The rows of a statement, as a table.
    pub(crate) async fn shown(&self, sql: &str) -> String {
        match self.reader.sql(sql).await {
            Ok(batches) => pretty_format_batches(&batches).unwrap().to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    /// The values of a statement: columns by blanks, rows by " | ".
    pub(crate) async fn values(&self, sql: &str) -> String {
        let shown = self.shown(sql).await;
        let Some(body) = shown.split('\n').nth(3).map(|_| shown.split('\n').skip(3)) else { return shown };
        let rows = body.filter(|line| line.starts_with('|')).map(|line| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ")
        });
        rows.collect::<Vec<_>>().join(" | ")
    }
}

pub(crate) fn commit(epoch: u64, changes: Vec<TableChange>) -> Commit {
    let committed_at = START + epoch as i64 * 100 * DAY;
    Commit { epoch, changes, tail_through: 0, meta: Default::default(), committed_at }
}

pub(crate) fn add(table: Table, rows: RecordBatch) -> TableChange {
    TableChange { table: TableSpec::from(&table), delete: vec![], append: vec![rows] }
}

pub(crate) fn event(
    scope: &str,
    id: &str,
    kind: Kind,
    author: &str,
    day: i64,
    text: &str,
    reply: Option<&str>,
) -> Event {
    Event {
        scope: scope.into(),
        source: "chat".into(),
        external_id: id.into(),
        revision: Some(1),
        platform: "chat".into(),
        channel: "#home".into(),
        thread: None,
        author: author.into(),
        addressees: vec![],
        kind,
        said_at: START + day * DAY,
        seen_at: START + day * DAY,
        text: text.into(),
        reply_to: reply.map(Text::from),
        attachments: vec![],
        meta: Default::default(),
    }
}

fn events() -> Vec<Event> {
    vec![
        event("me", "1", Kind::Message, "Anna <anna>", 0, "I live in London with my sister Clara", None),
        event("me", "2", Kind::Response, "agent", 0, "Noted: London.", Some("1")),
        event("me", "3", Kind::Reasoning, "agent", 0, "She states where she lives.", Some("1")),
        event("me", "4", Kind::Message, "ben", 1, "The weather is nice; O'Brien says \"hi\"; 100% – ça va? 🎉", None),
        event("other", "1", Kind::Message, "zoe", 0, "The secret of London is 42", None),
    ]
}

fn moved() -> Event {
    event("me", "5", Kind::Message, "Anna <anna>", 64, "We moved to Berlin into a new house", None)
}

pub(crate) fn record(event: &Event) -> EventRecord {
    let version = event.row(1).version;
    EventRecord { id: event.id(), scope: event.scope.clone(), version, event: Some(event.clone()) }
}

pub(crate) fn passage(event: &Event, previous: Option<&Event>) -> (PassageRow, Text) {
    let row = Arc::new(event.row(1));
    let span = Span { start: 0, end: event.text.len() as u32 };
    let passage = Passage::new(event.scope.clone(), event.id(), 0, span, row.text);
    (PassageRow { passage, event: row, previous: previous.map(Event::id) }, event.text.clone())
}

pub(crate) fn entity(scope: &str, key: &str, name: &str, kind: &str) -> Entity {
    let aliases = vec![name.into()];
    Entity {
        id: entity_id(scope, key),
        scope: scope.into(),
        name: name.into(),
        kind: kind.into(),
        keys: vec![key.into()],
        aliases,
        first_said_at: START,
    }
}

pub(crate) fn entity_id(scope: &str, key: &str) -> EntityId {
    EntityId::of(&[scope.as_bytes(), key.as_bytes()])
}

fn claim(event: &Event, predicate: &str, object: Object) -> Claim {
    let passage = passage(event, None).0.passage;
    Claim {
        said_at: event.said_at,
        id: ClaimId::of(&[event.text.as_bytes(), predicate.as_bytes()]),
        scope: event.scope.clone(),
        event: event.id(),
        passage: passage.id,
        span: passage.span,
        source: "chat".into(),
        subject: "account:chat/anna".into(),
        predicate: predicate.into(),
        object,
        further: Default::default(),
        polarity: Default::default(),
        aspect: Default::default(),
        modality: Default::default(),
        reported_by: None,
        tense: Default::default(),
        valid_from: None,
        valid_to: None,
        confidence: 900,
    }
}

pub(crate) fn fact(claim: &Claim, object: Held, known: (Millis, Option<Millis>), valid_to: Option<Millis>) -> Fact {
    Fact {
        id: FactId(claim.id.0),
        known_from: known.0,
        known_to: known.1,
        scope: claim.scope.clone(),
        subject: entity_id(&claim.scope, &claim.subject),
        predicate: claim.predicate.clone(),
        object,
        valid_from: Some(claim.said_at),
        valid_to,
        confidence: 900,
        support: 1,
        status: if valid_to.is_some() { Status::Superseded } else { Status::Current },
        ended_by: None,
    }
}

fn decision(claim: &Claim, action: Action, replaced: Option<&Claim>) -> Decision {
    Decision {
        claim: claim.id,
        scope: claim.scope.clone(),
        said_at: claim.said_at,
        action,
        fact: Some(FactId(claim.id.0)),
        replaced: replaced.map(|claim| FactId(claim.id.0)),
        reason: "lives_in replaces".into(),
    }
}

fn vector_rows(events: &[Event]) -> TableChange {
    let texts = events.iter().map(|event| (event.row(1).text, TwoMeanings.embed(&event.text).unwrap()));
    vectors("two@1", 2, texts.collect())
}

pub(crate) fn vectors(model: &str, width: i32, texts: Vec<(TextHash, Vec<f32>)>) -> TableChange {
    use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, StringArray};
    let spec = TableSpec::vectors(model, width);
    let hashes = texts.iter().map(|(hash, _)| hash.to_string());
    let values: Vec<f32> = texts.iter().flat_map(|(_, vector)| vector.iter().copied()).collect();
    let item = match spec.schema.field(1).data_type() {
        arrow::datatypes::DataType::FixedSizeList(item, _) => item.clone(),
        other => panic!("{other}"),
    };
    let vectors = FixedSizeListArray::new(item, width, Arc::new(Float32Array::from(values)), None);
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(hashes)), Arc::new(vectors)];
    let batch = RecordBatch::try_new(spec.schema.clone(), columns).unwrap();
    TableChange { table: spec, delete: vec![], append: vec![batch] }
}

fn affects(event: &Event) -> TableChange {
    let affect = AffectRow {
        scope: "me".into(),
        event: event.id(),
        valence: 600,
        confidence: 800,
        signals: "joy 812, love 455".into(),
    };
    add(AffectsTable::table(), AffectsTable::encode(&[affect]))
}

fn patterns() -> TableChange {
    let pattern = Pattern {
        scope: "me".into(),
        kind: "arc".into(),
        about: "person".into(),
        target: entity_id("me", "account:chat/anna").to_string().into(),
        at: 0,
        messages: 1,
        valence: 600,
        before: None,
    };
    add(PatternsTable::table(), PatternsTable::encode(&[pattern]))
}

fn embedder() -> TableChange {
    let policy = Policy::Model { task: Task::Embed, model: "two@1".into() };
    add(PolicyTable::table(), PolicyTable::encode(&[PolicyRow { scope: "me".into(), policy }]))
}

fn first() -> Vec<TableChange> {
    let events = events();
    let records = events.iter().map(record).collect::<Vec<_>>();
    let gone = EventRecord {
        id: event("me", "9", Kind::Message, "x", 0, "", None).id(),
        scope: "me".into(),
        version: Version { forgotten: true, revision: 2, retracted: false, content: Default::default() },
        event: None,
    };
    let passages: Vec<_> = [(0, None), (1, Some(0)), (3, Some(1)), (4, None)]
        .map(|(at, before): (usize, Option<usize>)| passage(&events[at], before.map(|before| &events[before])))
        .into();
    let home = claim(&events[0], "lives_in", Object::Value("London".into()));
    let sister = claim(&events[0], "sister", Object::Key("person:#home/clara".into()));
    let clara = Held::Entity(entity_id("me", "person:#home/clara"));
    let facts = [
        fact(&home, Held::Value("London".into()), (home.said_at, None), None),
        fact(&sister, clara, (sister.said_at, None), None),
    ];
    let entities = [
        entity("me", "account:chat/anna", "Anna", "person"),
        entity("me", "person:#home/clara", "Clara", "person"),
        entity("me", "account:chat/ben", "Ben", "person"),
        entity("me", "me", "Me", "me"),
        entity("other", "account:chat/zoe", "Zoe", "person"),
    ];
    let said = AnswerRow {
        ask: Ask { model: "patterns@1".into(), text: events[0].row(1).text },
        answer: Arc::new(Answer::Refused("too short".into())),
    };
    let secret = AnswerRow {
        ask: Ask { model: "patterns@1".into(), text: events[4].row(1).text },
        answer: Arc::new(Answer::Refused("secret".into())),
    };
    let salience = Salience { scope: "me".into(), kind: "event".into(), target: events[0].id().0, score: 1500 };
    let ranking = Ranking {
        scope: "me".into(),
        entity: entity_id("me", "account:chat/anna"),
        rank: 1,
        event: events[0].id(),
        score: 1500,
    };
    let mention = MentionRow {
        scope: "me".into(),
        passage: passages[0].0.passage.id,
        event: events[0].id(),
        span: Span { start: 10, end: 16 },
        kind: MentionKind::Place,
        name: "London".into(),
        entity: None,
    };
    vec![
        add(EventsTable::table(), EventsTable::encode(&[records, vec![gone]].concat())),
        add(PassagesTable::table(), PassagesTable::encode(&passages)),
        add(AnswersTable::table(), AnswersTable::encode(&[said, secret])),
        add(EntitiesTable::table(), EntitiesTable::encode(&entities)),
        add(ClaimsTable::table(), ClaimsTable::encode([&home, &sister].into_iter())),
        add(
            DecisionsTable::table(),
            DecisionsTable::encode(&[&home, &sister].map(|one| decision(one, Action::Add, None))),
        ),
        add(FactsTable::table(), FactsTable::encode(&facts)),
        add(SalienceTable::table(), SalienceTable::encode(&[salience])),
        add(RankingsTable::table(), RankingsTable::encode(&[ranking])),
        add(MentionsTable::table(), MentionsTable::encode(&[mention])),
        affects(&events[0]),
        patterns(),
        vector_rows(&events),
    ]
}

fn second() -> Vec<TableChange> {
    let events = events();
    let moved = moved();
    let old = claim(&events[0], "lives_in", Object::Value("London".into()));
    let new = claim(&moved, "lives_in", Object::Value("Berlin".into()));
    let london = Held::Value("London".into());
    let before = fact(&old, london.clone(), (old.said_at, None), None);
    let known = Fact { known_to: Some(moved.said_at), ..before.clone() };
    let ended = fact(&old, london, (moved.said_at, None), Some(moved.said_at));
    let berlin = fact(&new, Held::Value("Berlin".into()), (moved.said_at, None), None);
    let mut facts = add(FactsTable::table(), FactsTable::encode(&[known, ended, berlin]));
    facts.delete = vec![FactsTable::key(&before)];
    vec![
        add(EventsTable::table(), EventsTable::encode(&[record(&moved)])),
        add(PassagesTable::table(), PassagesTable::encode(&[passage(&moved, Some(&events[3]))])),
        add(ClaimsTable::table(), ClaimsTable::encode([&new].into_iter())),
        add(DecisionsTable::table(), DecisionsTable::encode(&[decision(&new, Action::Update, Some(&old))])),
        facts,
        embedder(),
        vector_rows(&[moved]),
    ]
}

/// A plain recall of so many.
pub(crate) fn best(k: usize) -> nexus_query::RecallOptions {
    nexus_query::RecallOptions { k, ..Default::default() }
}
