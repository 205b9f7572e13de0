//! Summaries without a model: picks the sentences that represent a note best.
//!
//! Own code, because no maintained library ranks sentences without a language model. The crate
//! `summary` has a single release, and is quadratic in the length of some notes.

mod sentences;

use std::collections::HashMap;

use daybook_domain::SummaryLength;
use unicode_segmentation::UnicodeSegmentation;

use self::sentences::sentences;
use crate::sanitize::{CHARACTERS_MAX, sanitize};

/// The name of the model in the receipt of an extractive summary.
pub(crate) const MODEL: &str = "extractive";

/// The maximum estimate of tokens of an extractive summary. A character that [`sanitize`] keeps is
/// estimated as at most two tokens.
pub(crate) const TOKENS_MAX: usize = 2 * CHARACTERS_MAX;

/// Must change if the same note would get other sentences.
pub(crate) const VERSION: &str = "extractive-2";

/// Picks at most [`SummaryLength::sentences`] sentences and returns them in the note's order.
///
/// Returns the title if the content has no visible text. The time is linear in the length of the
/// note. The function blocks the calling thread.
pub(crate) fn summarize(title: &str, content: &str, length: SummaryLength) -> String {
    let sentences = sentences(content);
    let count = usize::try_from(length.sentences()).unwrap_or(usize::MAX);
    let picked: Vec<_> = pick(&sentences, count).into_iter().map(|index| sentences[index]).collect();
    let text = sanitize(&picked.join(" "));
    if text.is_empty() { sanitize(title) } else { text }
}

/// Returns the indices of the best sentences in ascending order, at most `count`.
///
/// The weight of a word is halved after each picked sentence that contains it. So the next sentence
/// adds something new. A sentence without a new word is never picked.
fn pick(sentences: &[&str], count: usize) -> Vec<usize> {
    let (words, mut weights) = weigh(sentences);
    let mut is_covered = vec![false; weights.len()];
    let mut picked = Vec::new();
    while picked.len() < count {
        // The square root keeps both very long and very short sentences from winning.
        let score = |words: &[usize]| {
            words.iter().map(|word| weights[*word]).sum::<f64>() / (words.len() as f64).sqrt()
        };
        let is_new = |words: &[usize]| words.iter().any(|word| !is_covered[*word]);
        let candidates = words.iter().enumerate().filter(|(_, words)| is_new(words));
        let scores = candidates.map(|(index, words)| (index, score(words)));
        // Of two equal sentences, the earlier one wins, because a note often begins with the main
        // topic.
        let best = scores.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let Some((best, _)) = best else { break };
        for word in &words[best] {
            weights[*word] /= 2.0;
            is_covered[*word] = true;
        }
        picked.push(best);
    }
    if picked.is_empty() {
        // A note of emoji has no words, so its first sentences are picked.
        return (0..count.min(sentences.len())).collect();
    }
    picked.sort_unstable();
    picked
}

/// Returns the distinct words of each sentence, as indices, and the weight of each word.
///
/// Words that occur in several sentences have the greatest weight. Words in nearly all sentences
/// and words in only one sentence have little or none. So no list of stop words is needed, which
/// would depend on the language.
fn weigh(sentences: &[&str]) -> (Vec<Vec<usize>>, Vec<f64>) {
    let mut indices = HashMap::new();
    let mut frequencies: Vec<f64> = Vec::new();
    let words = sentences.iter().map(|sentence| {
        let mut words: Vec<usize> = Vec::new();
        for word in sentence.unicode_words() {
            let next = indices.len();
            words.push(*indices.entry(word.to_lowercase()).or_insert(next));
        }
        words.sort_unstable();
        words.dedup();
        frequencies.resize(indices.len(), 0.0);
        for word in &words {
            frequencies[*word] += 1.0;
        }
        words
    });
    let words = words.collect();
    let count = sentences.len() as f64;
    let weights = frequencies.iter().map(|frequency| {
        // The inverse document frequency. It is squared, as in the cosine of a sentence and the
        // note.
        let idf = ((count + 1.0) / frequency).ln();
        (frequency - 1.0) * idf * idf
    });
    let weights = weights.collect();
    (words, weights)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn summary(content: &str) -> String {
        summarize("Title", content, SummaryLength::Short)
    }

    /// Each of these notes took minutes while a rule for the ends of sentences looked ahead without
    /// a limit. A debug build now needs about a tenth of a second. The bound is higher for a busy
    /// machine.
    #[test]
    fn summarize_is_linear_in_hostile_notes() {
        let signs = [
            " ",
            ")",
            "\"",
            "\u{301}",
            "\u{345}",
            " )",
            "\u{ad}",
            "\u{a0}",
            "1",
            ".",
            ". )",
            "\u{102b}",
            ")\u{345}",
            "\u{ff9e}",
            ")\u{301} ",
            ".)",
            "\u{2024})",
            "a.\u{3000}",
            "Σ",
            ":",
            "a:",
            "'a",
            "\u{1f1e6}",
            "\u{200d}",
            "👩\u{200d}",
            "\u{5d0}\"",
            "_",
            "ア",
            "語",
            "a ",
            "A.",
            "\u{85}",
            "\r",
            "\n",
            "a\n",
            "。",
            "?!",
        ];
        for sign in signs {
            let count = 100_000 / sign.chars().count() - 3;
            let brackets = ")".repeat(50_000);
            for hostile in
                [format!("a.{}b", sign.repeat(count)), format!("a.{brackets}{}", sign.repeat(count / 2))]
            {
                let started = Instant::now();
                assert!(!summary(&hostile).is_empty(), "{sign:?}");
                let elapsed = started.elapsed();
                assert!(elapsed < Duration::from_secs(5), "{sign:?}: {elapsed:?}");
            }
        }
        let ended = format!("a.{}", "\u{2003}".repeat(90_000));
        assert_eq!(summary(&ended), "a.");
        assert_eq!(summary(" \n\t"), "Title");
    }

    #[test]
    fn summarize_picks_the_sentences_of_the_main_topic() {
        let note = "The kids had a great day at the lake. The garden fence is rotten at the north side. \
                    Ben called about the boat. Wood for the garden fence costs 12 euro a post. The dog \
                    ate my shoe.";
        assert_eq!(
            summary(note),
            "The garden fence is rotten at the north side. Wood for the garden fence costs 12 euro a post."
        );
    }

    #[test]
    fn summarize_keeps_the_order_and_skips_repetitions() {
        assert_eq!(summary("Milk. Milk. Bread."), "Milk. Bread.");
        assert_eq!(summary("# Groceries\n- Milk\n- Milk"), "# Groceries - Milk");
        assert_eq!(summary("🎂🎂"), "🎂🎂");
        assert_eq!(summary("日本語。日本語。料理。"), "日本語。 料理。");
        assert_eq!(summary(""), "Title");
        assert_eq!(summary("\u{200b}\u{e0041}"), "Title");
    }

    #[test]
    fn summarize_returns_at_most_the_sentences_of_the_length() {
        let sentences: Vec<_> =
            (0..40).map(|week| format!("The garden needs water in week {week}.")).collect();
        for (length, count) in
            [(SummaryLength::Short, 2), (SummaryLength::Medium, 5), (SummaryLength::Long, 12)]
        {
            let text = summarize("Garden", &sentences.join(" "), length);
            let picked: Vec<_> = text.split_inclusive('.').map(str::trim).collect();
            assert_eq!(picked.len(), count, "{text}");
            assert!(picked.iter().all(|sentence| sentences.contains(&(*sentence).to_owned())), "{text}");
        }
    }
}
