use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::sse::Decoder;
use crate::{ApiKey, Response};

const ANSWER: &str = "The pump costs ninety euros.";

fn transcript() -> Transcript {
    Transcript::new(Head { request_id: None, retry_after: None, key: ApiKey::new("sk-1").unwrap() })
}

/// Reads the chunks of a stream. Returns all deltas, and the response of the last event.
fn read(chunks: &[&[u8]]) -> Result<(String, Response), Error> {
    let mut transcript = transcript();
    let mut decoder = Decoder::new(1_000_000);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.decode(chunk, |event| transcript.read(&event, &mut events))?;
    }
    let Some(Event::Completed(response)) = events.pop() else { panic!("{events:?}") };
    let deltas = events.into_iter().map(|event| match event {
        Event::TextDelta(text) => text,
        other => panic!("{other:?}"),
    });
    Ok((deltas.collect(), response))
}

fn read_events(events: &[Value]) -> Result<(String, Response), Error> {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    read(&[text.as_bytes()])
}

fn delta(text: &str) -> Value {
    json!({ "type": "response.output_text.delta", "delta": text })
}

fn completed(output: &Value) -> Value {
    json!({ "type": "response.completed", "response": { "status": "completed", "output": output } })
}

fn message(text: &str) -> Value {
    json!([{ "type": "message", "content": [{ "type": "output_text", "text": text }] }])
}

#[test]
fn read_keeps_the_longest_text_of_deltas_parts_and_the_last_event() {
    let done = json!({ "type": "response.output_text.done", "text": ANSWER });
    let part =
        json!({ "type": "response.content_part.done", "part": { "type": "output_text", "text": ANSWER } });
    let item = json!({ "type": "response.output_item.done", "item": message(ANSWER)[0] });
    let first = json!({ "type": "response.output_text.done", "output_index": 0, "text": "The pump costs " });
    let second = json!({ "type": "response.output_text.done", "output_index": 1, "text": "ninety euros." });
    for (name, events) in [
        ("a fragment at the end", vec![delta(ANSWER), completed(&message("euros."))]),
        ("a fragment at the start", vec![delta(ANSWER), completed(&message("The pump"))]),
        ("no output at the end", vec![delta(ANSWER), completed(&Value::Null)]),
        ("an empty text at the end", vec![delta(ANSWER), completed(&message(" "))]),
        ("dropped deltas", vec![delta("The pump "), delta("euros."), completed(&message(ANSWER))]),
        ("no deltas", vec![completed(&message(ANSWER))]),
        ("only a text that ended", vec![done.clone(), completed(&json!([]))]),
        ("only a part that ended", vec![part.clone(), completed(&json!([]))]),
        ("only an item that ended", vec![item.clone(), completed(&json!([]))]),
        ("all of them", vec![delta(ANSWER), done, part, item, completed(&message(ANSWER))]),
        ("two items, and the last one at the end", vec![first, second, completed(&message("ninety euros."))]),
    ] {
        let (_, response) = read_events(&events).unwrap();
        assert_eq!(response.output_text(), ANSWER, "{name}");
    }
}

#[test]
fn read_returns_the_rest_of_the_text_as_a_delta() {
    let (deltas, _) = read_events(&[delta("The pump "), completed(&message(ANSWER))]).unwrap();
    assert_eq!(deltas, ANSWER);
    let done = json!({ "type": "response.output_text.done", "text": ANSWER });
    let (deltas, _) = read_events(&[done, completed(&json!([]))]).unwrap();
    assert_eq!(deltas, ANSWER);
}

#[test]
fn read_never_returns_thoughts() {
    let thoughts = format!("<think>The user wants…</think>\n\n{ANSWER}");
    let pieces: Vec<Value> = thoughts.chars().map(|c| delta(&c.to_string())).collect();
    for last in [message(&thoughts), message(ANSWER), Value::Null] {
        let mut events = pieces.clone();
        events.push(completed(&last));
        let (deltas, response) = read_events(&events).unwrap();
        assert_eq!((deltas.as_str(), response.output_text().as_str()), (ANSWER, ANSWER));
    }
    let only_thoughts = [delta("<think>The user"), completed(&message("<think>The user"))];
    assert!(matches!(read_events(&only_thoughts), Err(Error::Empty { .. })));
}

#[test]
fn read_ignores_events_without_a_response() {
    let noise = "data:\n\ndata: \n\n: ping\n\nevent: ping\ndata: {}\n\ndata: {\"type\":\"ping\"}\n\n\
                 data: ping\n\ndata: [DONE]\n\ndata: null\n\ndata: [1]\n\nevent: x\ndata:\n\nretry: 5\n\n";
    let text = format!("{noise}data: {}\n\n{noise}data: {}\n\n", delta(ANSWER), completed(&message(ANSWER)));
    assert_eq!(read(&[text.as_bytes()]).unwrap().0, ANSWER);
}

#[test]
fn read_accepts_deltas_and_last_events_of_other_forms() {
    for events in [
        vec![json!({ "type": "response.text.delta", "delta": { "text": ANSWER } }), completed(&Value::Null)],
        vec![delta(ANSWER), json!({ "type": "response.completed", "status": null })],
        vec![delta(ANSWER), json!({ "type": "response.completed", "response": { "status": "in_progress" } })],
        vec![delta(ANSWER), json!({ "type": "response.done", "response": { "status": "completed" } })],
        vec![
            delta(ANSWER),
            json!({ "object": "response", "status": "completed", "output": message(ANSWER) }),
        ],
        vec![json!({ "type": "response.output_text.delta", "delta": null }), completed(&message(ANSWER))],
    ] {
        assert_eq!(read_events(&events).unwrap().1.output_text(), ANSWER, "{events:?}");
    }
}

#[test]
fn read_returns_the_refusal_of_a_stream() {
    let refusal = [
        json!({ "type": "response.refusal.delta", "delta": "I can't " }),
        json!({ "type": "response.refusal.delta", "delta": "help." }),
        completed(&json!([])),
    ];
    assert!(
        matches!(read_events(&refusal), Err(Error::Refused { message, .. }) if message == "I can't help.")
    );
}

/// A field that a server may add, or send with another type.
fn field() -> impl Strategy<Value = (String, Value)> {
    let names = select(vec![
        "id",
        "sequence_number",
        "item_id",
        "logprobs",
        "obfuscation",
        "created_at",
        "usage",
        "model",
        "annotations",
        "metadata",
        "x-unknown",
        "incomplete_details",
    ]);
    let values = select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!("2026-01-02T03:04:05Z"),
        json!([[]]),
        json!({ "a": null }),
        json!({ "input_tokens": null, "output_tokens": "?" }),
        json!("<think>"),
    ]);
    (names, values).prop_map(|(name, value)| (name.to_owned(), value))
}

/// An event that a client must ignore.
fn noise() -> impl Strategy<Value = String> {
    select(vec![
        "data:\n\n",
        ": ping\n\n",
        "event: ping\ndata: {}\n\n",
        "data: {\"type\":\"response.in_progress\"}\n\n",
        "data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"no\"}\n\n",
        "id: 1\n\n",
        "\r\n",
        "data: [DONE]\n\n",
        "data: {\"type\":7,\"delta\":\"no\"}\n\n",
        "event: x\ndata: {\"delta\":\"no\"}\n\n",
    ])
    .prop_map(str::to_owned)
}

fn with_fields(mut value: Value, fields: &[(String, Value)]) -> Value {
    for (name, field) in fields {
        value[name] = field.clone();
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The text is the same for any pieces, chunks, additional fields and additional events.
    #[test]
    fn read_returns_the_same_text_for_any_split(
        pieces in prop::collection::vec("[a-zäß🎂<>/ ]{0,6}", 1..8),
        thoughts in prop::option::of("[a-z <ä]{0,9}"),
        fields in prop::collection::vec(field(), 0..4),
        noises in prop::collection::vec(noise(), 0..8),
        ends in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        keeps_last in any::<bool>(),
    ) {
        let answer = format!("A{}", pieces.concat());
        let thoughts = thoughts.map(|thoughts| format!("<think>{thoughts}</think>")).unwrap_or_default();
        let mut texts: Vec<String> = thoughts.chars().map(String::from).collect();
        texts.push("A".to_owned());
        texts.extend(pieces);
        let mut events: Vec<String> = texts
            .iter()
            .map(|text| format!("data: {}\n\n", with_fields(delta(text), &fields)))
            .collect();
        for (index, noise) in noises.iter().enumerate() {
            events.insert((index * 3).min(events.len()), noise.clone());
        }
        let last = if keeps_last { message(&format!("{thoughts}{answer}")) } else { Value::Null };
        let mut completed = completed(&last);
        completed["response"] = with_fields(completed["response"].clone(), &fields);
        events.push(format!("data: {completed}\n\n"));
        let stream = events.concat().replace("\r\n", "\n").replace('\n', ends);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts {
            chunks.push(&stream.as_bytes()[start..cut]);
            start = cut;
        }
        chunks.push(&stream.as_bytes()[start..]);
        let (deltas, response) = read(&chunks).unwrap();
        prop_assert_eq!(&response.output_text(), &answer);
        prop_assert_eq!(&deltas, &answer);
    }
}
