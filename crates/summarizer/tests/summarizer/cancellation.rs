//! Runs that end early, and still report their usage.

use std::future::pending;
use std::time::Duration;

use daybook_domain::{SummaryOptions, SummaryStatus};
use daybook_summarizer::{Error, Summarizer};
use tokio::sync::oneshot;

use crate::support::{model, note, stalled};

#[tokio::test]
async fn run_ends_and_closes_the_connection_when_it_is_cancelled() {
    let (base, closed) = stalled("Milk").await;
    let plan = Summarizer::provider(model(&base)).plan(&note("Milk"), SummaryOptions::default());
    let bound = plan.max_tokens();
    let (cancel, cancelled) = oneshot::channel::<()>();
    let mut cancel = Some(cancel);
    let mut text = String::new();
    // The first piece cancels the run.
    let on_text = |piece: &str| {
        text.push_str(piece);
        drop(cancel.take());
    };
    let outcome = plan.run(on_text, async { drop(cancelled.await) }).await;
    assert!(matches!(outcome.result, Err(Error::Cancelled)));
    assert_eq!((outcome.status(), text.as_str()), (SummaryStatus::Cancelled, "Milk"));
    assert_eq!((outcome.spent.calls, outcome.spent.output_tokens), (1, 4_000));
    assert!(outcome.spent.input_tokens + outcome.spent.output_tokens < bound);
    let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
    assert!(closed.expect("the connection is closed").is_err());
}

#[tokio::test]
async fn run_ends_after_the_timeout_of_the_model() {
    let (base, _closed) = stalled("Milk").await;
    let model = model(&base).timeout(Duration::from_millis(300));
    let plan = Summarizer::provider(model).plan(&note("Milk"), SummaryOptions::default());
    let outcome = plan.run(|_| {}, pending()).await;
    assert!(matches!(outcome.result, Err(Error::Timeout)));
    assert_eq!((outcome.status(), outcome.spent.calls), (SummaryStatus::Failed, 1));
    assert!(outcome.latency >= Duration::from_millis(300));
}
