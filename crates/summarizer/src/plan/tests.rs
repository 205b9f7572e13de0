//! No run exceeds the window or its upper bound of tokens, even with a hostile note.

use daybook_ai_client::{ApiKey, Client, Request};
use daybook_domain::{Content, LanguageTag, NoteId, Timestamp, Title};

use super::*;
use crate::limits::OVERHEAD_TOKENS;
use crate::prompt;

fn note(title: &str, content: &str) -> Note {
    let (title, content) = (Title::parse(title).unwrap(), Content::parse(content).unwrap());
    Note::new(NoteId(1), title, content, Timestamp::EPOCH)
}

fn plan(title: &str, content: &str, window: usize) -> ProviderPlan {
    let base = "http://127.0.0.1:9/v1".parse().unwrap();
    let client = Client::builder(ApiKey::new("key").unwrap()).base_url(base).build().unwrap();
    let options = SummaryOptions { language: LanguageTag::parse("zh-hant-tw").ok(), ..Default::default() };
    let model = Arc::new(Model::new(client, "m").window(window));
    match Plan::provider(model, &note(title, content), options).0 {
        Kind::Provider(plan) => plan,
        Kind::Extractive(_) => panic!("a plan without a provider"),
    }
}

/// Returns all requests of a plan, if every response for a part is `summary`.
fn requests(plan: &ProviderPlan, summary: &str) -> Vec<Request> {
    let (prompt, count) = (plan.prompt(), plan.parts.len());
    if let [content] = plan.parts.as_slice() {
        return vec![prompt.note(content, &plan.options)];
    }
    let parts = plan.parts.iter().enumerate();
    let mut requests: Vec<_> = parts.map(|(index, part)| prompt.part(part, index + 1, count)).collect();
    let mut summaries = vec![summary.to_owned(); count];
    while summaries.len() > plan.limits.summaries_per_merge() {
        let groups = summaries.chunks(plan.limits.summaries_per_merge());
        requests.extend(groups.clone().map(|group| prompt.merge(group, None)));
        summaries = groups.map(|_| summary.to_owned()).collect();
    }
    requests.push(prompt.merge(&summaries, Some(&plan.options)));
    requests
}

/// Returns the maximum usage of a request: one token for each byte, and the limit of the response.
fn worst_case(plan: &ProviderPlan, request: &Request) -> usize {
    let instructions = serde_json::to_value(request).unwrap()["instructions"].as_str().unwrap().to_owned();
    instructions.len() + request.input_text().map(str::len).sum::<usize>() + plan.limits.output()
}

#[test]
fn max_tokens_bounds_every_note() {
    let invisible = "\u{e0041}".repeat(25_000);
    let title = "\u{e0041}".repeat(200);
    // Each of these characters has exactly as many bytes in a prompt as thirds of a token.
    let summary = "\n\u{e0041}".repeat(4_000);
    for (title, content) in [
        ("ä\"", "!@#$%^&*()".repeat(10_000)),
        ("ä\"", "\u{1}\"\\".repeat(30_000)),
        ("ä\"", "🎂".repeat(25_000)),
        ("ä\"", "7".repeat(100_000)),
        ("ä\"", "Milk".to_owned()),
        ("ä\"", String::new()),
        ("ä\"", "\u{ad}".repeat(50_000)),
        ("\u{1}", invisible.clone()),
        (&title, invisible),
    ] {
        for window in [4_000, 128_000] {
            let plan = plan(title, &content, window);
            let requests = requests(&plan, &summary);
            let worst: usize = requests.iter().map(|request| worst_case(&plan, request)).sum();
            let bound = plan.max_tokens();
            assert!(bound > i64::try_from(worst).unwrap(), "{window}: {bound} for {worst}");
        }
    }
}

#[test]
fn requests_fit_into_the_window() {
    let title = "ä".repeat(200);
    let invisible = "\u{e0041}".repeat(200);
    for (window, title, content) in [
        (4_000, &title, "語\"".repeat(20_000)),
        (8_192, &title, "word ".repeat(20_000)),
        (128_000, &title, "語".repeat(100_000)),
        (4_000, &invisible, "\u{e0041}".repeat(20_000)),
    ] {
        let plan = plan(title, &content, window);
        assert!(plan.parts.len() > 1);
        // The estimate is for the texts before JSON escapes them.
        let size = |texts: &[&str]| {
            let texts: usize = texts.iter().map(|text| tokens::estimate(text)).sum();
            texts + OVERHEAD_TOKENS + plan.limits.output()
        };
        for part in &plan.parts {
            assert!(size(&[title, part]) <= window, "{window}");
        }
        let summary = "語".repeat(10_000);
        let mut texts =
            vec![tokens::truncate(&summary, plan.limits.part()); plan.limits.summaries_per_merge()];
        texts.push(title);
        assert!(size(&texts) <= window, "{window}: {}", size(&texts));
        let bound = plan.max_tokens();
        assert!(bound > i64::try_from(tokens::estimate(&content)).unwrap(), "{window}: {bound}");
    }
}

#[test]
fn estimate_is_at_least_a_third_of_the_bytes_of_every_character() {
    let limits = TokenLimits::new(128_000, "t");
    let prompt = Prompt { model: "m", title: "t", limits };
    let empty = prompt.part_bytes("");
    let characters: Vec<char> = ('\u{0}'..=char::MAX).collect();
    // Each text has the same character three times, so that the estimate needs no rounding. Of the
    // visible characters beyond ASCII, every 256th is enough.
    for c in characters {
        let is_sample = c.is_ascii() || u32::from(c) % 256 == 0 || daybook_text::is_invisible(c);
        if is_sample {
            let text: String = [c; 3].iter().collect();
            assert!(prompt.part_bytes(&text) - empty <= 3 * tokens::estimate(&text), "{c:?}");
        }
    }
}

#[test]
fn estimate_of_a_request_covers_its_texts() {
    let plan = plan("t", "Milk", 128_000);
    let request = plan.prompt().note("Milk", &plan.options);
    assert!(prompt::estimate(&request) >= OVERHEAD_TOKENS + tokens::estimate("Milk"));
}
