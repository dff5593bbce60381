//! `episodes`: one row per exchange, as the builder of an agent thinks of it: what came in, what went out, and why.
//!
//! An exchange is a message or post that is not itself an answer; the agent's responses and reasoning are events that
//! reply to it. Columns whose source does not exist are null, of the type they will have.

/// From which valence on, in thousandths, an event is positive; as far below zero it is negative.
const POSITIVE: i16 = 250;

/// The view, with the vectors of one embedder where there is one.
pub(crate) fn sql(vectors: Option<&str>) -> String {
    let (embedding, join) = match vectors {
        Some(table) => (
            "arrow_cast(v.vector, 'List(Float32)')",
            format!(
                "left join (select event, text_hash from stored.passages where ordinal = 0) p on p.event = e.id
                 left join stored.{table} v on v.text_hash = p.text_hash"
            ),
        ),
        None => ("arrow_cast(null, 'List(Float32)')", String::new()),
    };
    format!(
        "with replies as (
           select reply_to,
                  string_agg(text, '\n' order by said_at, id) filter (where kind = 'response') as response,
                  string_agg(text, '\n' order by said_at, id) filter (where kind = 'reasoning') as reasoning,
                  array_agg(distinct author) filter (where kind = 'response') as authors
           from stored.events
           where state = 'live' and kind in ('response', 'reasoning') and reply_to is not null
           group by reply_to
         ), concepts as (
           select event, array_agg(distinct name order by name) as names from stored.mentions group by event
         )
         select e.id, e.said_at as timestamp, e.platform, e.kind as interaction_type,
                array_distinct(array_concat(make_array(e.author), e.addressees, coalesce(r.authors, make_array())))
                  as participants,
                e.text as input, r.response, r.reasoning as reasoning_trace,
                case when a.valence >= {POSITIVE} then 'positive' when a.valence <= -{POSITIVE} then 'negative'
                     when a.valence is not null then 'neutral' end as sentiment,
                a.confidence as sentiment_confidence,
                case when a.signals is null then null
                     when a.signals = '' then arrow_cast(make_array(), 'List(Utf8)')
                     else string_to_array(a.signals, ', ') end as emotional_signals,
                {embedding} as embedding,
                s.score as importance_score,
                c.names as linked_concepts,
                arrow_cast(null, 'UInt64') as retrieval_count
         from stored.events e
         left join replies r on r.reply_to = e.id
         left join concepts c on c.event = e.id
         left join stored.affects a on a.event = e.id
         left join (select target, score from stored.salience where kind = 'event') s on s.target = e.id
         {join}
         where e.state = 'live' and e.kind in ('message', 'post')"
    )
}
