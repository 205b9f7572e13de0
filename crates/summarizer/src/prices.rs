//! Prices of models, and the cost of a summary.

use daybook_domain::Spent;

use crate::Error;

/// OpenAI's prices for text as of summer 2025, in US dollars per million tokens read and written.
/// Prices change, so an operator who needs the exact cost should configure a list.
const OPENAI: &str = "gpt-5-nano=0.05/0.40,gpt-5-mini=0.25/2.00,gpt-5=1.25/10.00,gpt-4.1-nano=0.10/0.40,\
                      gpt-4.1-mini=0.40/1.60,gpt-4.1=2.00/8.00,gpt-4o-mini=0.15/0.60,gpt-4o=2.50/10.00";

/// A list of prices, by the names of the models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices(Vec<Price>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Price {
    model: String,
    /// The price of a token that the model reads, in thousandths of a micro-dollar.
    input: i64,
    /// The price of a token that the model writes, in the same unit.
    output: i64,
}

impl Prices {
    /// Returns OpenAI's prices for text as of summer 2025.
    #[must_use]
    pub fn openai() -> Self {
        Self::parse(OPENAI).unwrap_or(Self(Vec::new()))
    }

    /// Parses a list like `gpt-5-nano=0.05/0.40,llama3.2=0/0`. Each entry is the name of a model
    /// and two prices: US dollars per million tokens read, and per million written. A price has at
    /// most six digits before the point and three after it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPrices`] if the list has another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let parse = |entry: &str| {
            let (model, prices) = entry.split_once('=')?;
            let (input, output) = prices.split_once('/')?;
            let model = Some(model.trim()).filter(|model| !model.is_empty())?.to_owned();
            Some(Price { model, input: thousandths(input.trim())?, output: thousandths(output.trim())? })
        };
        entries.map(parse).collect::<Option<_>>().map(Self).ok_or(Error::InvalidPrices)
    }

    /// Returns the cost in millionths of a US dollar, rounded up. Returns `None` if the list does
    /// not contain the model. `gpt-5-nano-2025-08-07` has the price of `gpt-5-nano`.
    #[must_use]
    pub fn cost_micros(&self, model: &str, spent: &Spent) -> Option<i64> {
        let price = self.0.iter().find(|price| is_version_of(&price.model, model))?;
        let input = i128::from(spent.input_tokens) * i128::from(price.input);
        let output = i128::from(spent.output_tokens) * i128::from(price.output);
        Some(i64::try_from((input + output + 999) / 1_000).unwrap_or(i64::MAX))
    }
}

/// Returns true if `name` is the model's name, or the name of a dated version of the model.
fn is_version_of(model: &str, name: &str) -> bool {
    name.strip_prefix(model).is_some_and(|rest| {
        let date = rest.strip_prefix('-').unwrap_or_default();
        let is_dated = date.len() >= 4 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        rest.is_empty() || is_dated
    })
}

fn thousandths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // No model costs a million dollars per million tokens, and the limit keeps sums in range.
    if whole.is_empty() || whole.len() > 6 || decimals.len() > 3 || !is_digits(whole) || !is_digits(decimals)
    {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(prices: &Prices, model: &str, input_tokens: i64, output_tokens: i64) -> Option<i64> {
        prices.cost_micros(model, &Spent { calls: 1, input_tokens, output_tokens, cost_micros: None })
    }

    #[test]
    fn cost_micros_is_exact_and_rounded_up() {
        let list = Prices::openai();
        assert_eq!(cost(&list, "gpt-5-nano", 1_000_000, 1_000_000), Some(450_000));
        // 96 × 0.05 + 14 × 0.40 = 10.4
        assert_eq!(cost(&list, "gpt-5-nano-2025-08-07", 96, 14), Some(11));
        assert_eq!(cost(&list, "gpt-5-nano", 0, 0), Some(0));
        assert_eq!(cost(&list, "gpt-5", i64::MAX, i64::MAX), Some(i64::MAX));
        for unknown in ["llama3.2", "gpt-5-pro", "gpt-5-", "gpt-5-nano-x", "gpt", ""] {
            assert_eq!(cost(&list, unknown, 1, 1), None, "{unknown}");
        }
    }

    #[test]
    fn parse_reads_a_list_or_rejects_it() {
        let prices = Prices::parse(" a=1/2.5 , b=0/0.001,").unwrap();
        assert_eq!((cost(&prices, "a", 1, 1), cost(&prices, "b", 5, 1_000)), (Some(4), Some(1)));
        for bad in [
            "a",
            "a=1",
            "=1/2",
            "a=-1/2",
            "a=1/2.0001",
            "a=x/1",
            "a=1e3/1",
            "a=1/1/1",
            "a=9999999/1",
            "a=./1",
        ] {
            assert!(Prices::parse(bad).is_err(), "{bad}");
        }
    }
}
