//! Invisible characters and their visible neighbors.

use std::ops::RangeInclusive;

use daybook_text::{is_invisible, is_joiner};

const JOINERS: [char; 4] = ['\u{200c}', '\u{200d}', '\u{fe0e}', '\u{fe0f}'];

/// Asserts that the range is invisible, and that the characters next to it are visible.
fn assert_only_this_range_is_invisible(range: RangeInclusive<char>) {
    for c in range.clone() {
        assert!(is_invisible(c), "{c:?}");
    }
    let before = ('\0'..*range.start()).next_back();
    let after = (*range.end()..).nth(1);
    for neighbor in [before, after].into_iter().flatten() {
        assert!(!is_invisible(neighbor), "{neighbor:?}");
    }
}

#[test]
fn is_invisible_is_true_for_control_characters() {
    assert_only_this_range_is_invisible('\u{0}'..='\u{1f}');
    assert_only_this_range_is_invisible('\u{7f}'..='\u{9f}');
}

#[test]
fn is_invisible_is_true_for_bidirectional_controls_and_line_separators() {
    assert_only_this_range_is_invisible('\u{61c}'..='\u{61c}');
    // Zero width characters, joiners and direction marks.
    assert_only_this_range_is_invisible('\u{200b}'..='\u{200f}');
    // Line and paragraph separator, embeddings and overrides.
    assert_only_this_range_is_invisible('\u{2028}'..='\u{202e}');
    // Word joiner, invisible operators, isolates and deprecated controls.
    assert_only_this_range_is_invisible('\u{2060}'..='\u{206f}');
}

#[test]
fn is_invisible_is_true_for_default_ignorable_code_points() {
    for range in [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{115f}'..='\u{1160}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180b}'..='\u{180f}',
        '\u{3164}'..='\u{3164}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{ffa0}'..='\u{ffa0}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e0fff}',
    ] {
        assert_only_this_range_is_invisible(range);
    }
}

#[test]
fn is_invisible_is_true_for_annotation_characters() {
    // Unicode reserves the first nine as default ignorable. The last three are annotation
    // characters.
    assert_only_this_range_is_invisible('\u{fff0}'..='\u{fffb}');
}

#[test]
fn is_invisible_is_false_for_prepended_concatenation_marks() {
    for c in [
        '\u{600}',
        '\u{601}',
        '\u{602}',
        '\u{603}',
        '\u{604}',
        '\u{605}',
        '\u{6dd}',
        '\u{70f}',
        '\u{890}',
        '\u{891}',
        '\u{8e2}',
        '\u{110bd}',
        '\u{110cd}',
    ] {
        assert!(!is_invisible(c), "{c:?}");
    }
}

#[test]
fn is_invisible_is_false_for_spaces_letters_marks_and_symbols() {
    for c in "aZ0ßд語あ한ا๐́€🏔 \u{a0}\u{2003}\u{3000}\u{2800}".chars() {
        assert!(!is_invisible(c), "{c:?}");
    }
}

#[test]
fn is_invisible_is_false_for_private_use_noncharacters_and_unassigned_code_points() {
    for c in ['\u{e000}', '\u{f0000}', '\u{fdd0}', '\u{ffff}', '\u{10ffff}', '\u{378}'] {
        assert!(!is_invisible(c), "{c:?}");
    }
}

#[test]
fn is_joiner_is_true_for_four_invisible_characters_only() {
    let joiners: Vec<char> = ('\0'..=char::MAX).filter(|c| is_joiner(*c)).collect();
    assert_eq!(joiners, JOINERS);
    assert!(JOINERS.into_iter().all(is_invisible));
}
