//! Digits as Python's `str.isdigit` defines them, which Rust has no function for.

use std::ops::RangeInclusive;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Returns true for characters of `Numeric_Type` Decimal or Digit, as `str.isdigit` does.
///
/// The FastAPI service uses that function, and its answers are the contract.
pub(super) fn is_digit(c: char) -> bool {
    c.general_category() == GeneralCategory::DecimalNumber || DIGITS.iter().any(|range| range.contains(&c))
}

/// `Numeric_Type=Digit`: superscripts, subscripts, circled digits and similar characters.
const DIGITS: [RangeInclusive<char>; 20] = [
    '\u{B2}'..='\u{B3}',
    '\u{B9}'..='\u{B9}',
    '\u{1369}'..='\u{1371}',
    '\u{19DA}'..='\u{19DA}',
    '\u{2070}'..='\u{2070}',
    '\u{2074}'..='\u{2079}',
    '\u{2080}'..='\u{2089}',
    '\u{2460}'..='\u{2468}',
    '\u{2474}'..='\u{247C}',
    '\u{2488}'..='\u{2490}',
    '\u{24EA}'..='\u{24EA}',
    '\u{24F5}'..='\u{24FD}',
    '\u{24FF}'..='\u{24FF}',
    '\u{2776}'..='\u{277E}',
    '\u{2780}'..='\u{2788}',
    '\u{278A}'..='\u{2792}',
    '\u{10A40}'..='\u{10A43}',
    '\u{10E60}'..='\u{10E68}',
    '\u{11052}'..='\u{1105A}',
    '\u{1F100}'..='\u{1F10A}',
];
