//! Invisible characters by their Unicode properties.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, PrependedConcatenationMark};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Returns true if a person cannot see this character.
///
/// These are the characters of the general categories `Control`, `Format`, `Line_Separator` and
/// `Paragraph_Separator`, and those with the property `Default_Ignorable_Code_Point`. Tab, line
/// feed and the [joiners](is_joiner) are among them. Spaces are not. A `Format` character with the
/// property `Prepended_Concatenation_Mark` is visible.
///
/// Source: [Unicode Standard Annex 44](https://www.unicode.org/reports/tr44/), in the version that
/// `icu_properties` contains.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            true
        }
        GeneralCategory::Format => !CodePointSetData::new::<PrependedConcatenationMark>().contains(c),
        _ => CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c),
    }
}

/// Returns true for the invisible characters that scripts and emoji need.
///
/// These are the zero width non-joiner (U+200C), the zero width joiner (U+200D), and the variation
/// selectors for text style (U+FE0E) and emoji style (U+FE0F).
#[must_use]
pub const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}
