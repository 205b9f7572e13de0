//! The day that a task is for.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The calendar day that a task is for, from 0001-01-01 to 9999-12-31. It has no time zone: the day
/// is the one at the task's place.
///
/// It is written as a full date (RFC 3339, section 5.6): `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DueDate(Date);

/// Why a text is not a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DueDateError {
    /// The text is not four digits, two digits and two digits with hyphens between them.
    #[error("A due date is a day like 2026-11-23")]
    Form,
    /// The calendar does not have this day.
    #[error("There is no such day")]
    NoSuchDay,
}

impl DueDate {
    /// Parses a full date: `2026-11-23`.
    ///
    /// # Errors
    ///
    /// Rejects any other form of a date, a day that the calendar does not have, and the year 0000.
    pub fn parse(text: &str) -> Result<Self, DueDateError> {
        // The form is checked first because jiff reads other forms too.
        let is_allowed = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 10 || !text.bytes().enumerate().all(is_allowed) {
            return Err(DueDateError::Form);
        }
        let date = text.parse::<Date>().ok().filter(|date| date.year() > 0);
        date.map(Self).ok_or(DueDateError::NoSuchDay)
    }

    /// The day as a civil date, which can be compared and calculated with.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }
}

impl fmt::Display for DueDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for DueDate {
    type Error = DueDateError;

    fn try_from(text: String) -> Result<Self, DueDateError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_days_of_the_calendar() {
        for text in ["2026-11-23", "2024-02-29", "0001-01-01", "9999-12-31"] {
            let day = DueDate::parse(text).unwrap();
            assert_eq!(day.to_string(), text);
            assert_eq!(serde_json::to_value(day).unwrap(), text);
            assert_eq!(serde_json::from_value::<DueDate>(text.into()).unwrap(), day);
        }
    }

    #[test]
    fn parse_rejects_days_that_do_not_exist() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-01-01"] {
            assert_eq!(DueDate::parse(text), Err(DueDateError::NoSuchDay), "{text}");
        }
    }

    #[test]
    fn parse_rejects_other_forms() {
        for text in [
            "",
            "tomorrow",
            "20261123",
            "2026-11-23T10:00",
            "2026-11-2",
            "2026-1-023",
            " 2026-11-23",
            "+002026-11-23",
            "-000001-01-01",
            "2026/11/23",
            "٢٠٢٦-11-23",
            "2026-W47-1",
        ] {
            assert_eq!(DueDate::parse(text), Err(DueDateError::Form), "{text}");
        }
    }

    #[test]
    fn errors_are_the_sentences_sent_to_clients() {
        assert_eq!(DueDateError::Form.to_string(), "A due date is a day like 2026-11-23");
        assert_eq!(DueDateError::NoSuchDay.to_string(), "There is no such day");
    }
}
