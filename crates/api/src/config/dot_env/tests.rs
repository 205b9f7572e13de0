use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn is_setting(name: &str) -> bool {
    matches!(name, "JWT_SECRET_KEY" | "DAYBOOK_WORKERS")
}

fn read(file: &str) -> DotEnv {
    parse(file.as_bytes(), is_setting).unwrap()
}

#[rstest]
#[case::plain("JWT_SECRET_KEY=abc", "abc")]
#[case::a_byte_order_mark("\u{feff}JWT_SECRET_KEY=abc", "abc")]
#[case::a_byte_order_mark_and_a_comment("\u{feff}# settings\nJWT_SECRET_KEY=abc", "abc")]
#[case::windows_line_ends("A=1\r\nJWT_SECRET_KEY=abc\r\nB=2\r\n", "abc")]
#[case::old_line_ends("A=1\rJWT_SECRET_KEY=abc\r", "abc")]
#[case::blanks_around("  export  JWT_SECRET_KEY = abc  ", "abc")]
#[case::a_comment("JWT_SECRET_KEY=abc # old", "abc")]
#[case::a_hash_within("JWT_SECRET_KEY=abc#def", "abc#def")]
#[case::an_equals_sign("JWT_SECRET_KEY=YWJj==", "YWJj==")]
#[case::single_quotes("JWT_SECRET_KEY='a$b \"c#d'", "a$b \"c#d")]
#[case::dollars_in_single_quotes("JWT_SECRET_KEY='$HOME$abc$'", "$HOME$abc$")]
#[case::a_backslash_in_single_quotes("JWT_SECRET_KEY='a\\nb'", "a\\nb")]
#[case::double_quotes("JWT_SECRET_KEY=\"a b'c\\\"d\" # x", "a b'c\"d")]
#[case::two_lines("JWT_SECRET_KEY='a\nb'\nA=1", "a\nb")]
#[case::nothing("JWT_SECRET_KEY=", "")]
#[case::after_a_key_with_a_hyphen("A-B=\"y\nJWT_SECRET_KEY=no\n\"\nJWT_SECRET_KEY=abc", "abc")]
#[case::before_a_key_with_a_hyphen("JWT_SECRET_KEY=abc\nA-B=\"y\nJWT_SECRET_KEY=no\n\"", "abc")]
#[case::before_a_key_in_quotes("JWT_SECRET_KEY=abc\n'A B'='y\nJWT_SECRET_KEY=no\n'", "abc")]
#[case::the_last_of_two("JWT_SECRET_KEY=a\nJWT_SECRET_KEY=b", "b")]
#[case::repaired_below("JWT_SECRET_KEY=a$b\nJWT_SECRET_KEY=c", "c")]
#[case::after_a_line_of_another_program("PROJECT_NAME=My Project\nJWT_SECRET_KEY=abc", "abc")]
#[case::after_an_apostrophe("MOTTO=Don't panic\nJWT_SECRET_KEY=abc", "abc")]
#[case::after_an_open_quote("MOTTO='panic\nJWT_SECRET_KEY=abc", "abc")]
#[case::after_a_key_in_quotes("PEM=\"-----BEGIN\nJWT_SECRET_KEY=no\nEND-----\"\nJWT_SECRET_KEY=abc", "abc")]
fn parse_reads_a_setting(#[case] file: &str, #[case] value: &str) {
    let content = read(file);
    assert_eq!(content.variables.get("JWT_SECRET_KEY").map(String::as_str), Some(value));
    assert!(content.broken.is_empty(), "{:?}", content.broken);
}

#[rstest]
#[case::a_dollar("JWT_SECRET_KEY=canary$abccanary", 1, "single quotes")]
#[case::a_dollar_at_the_end("\nJWT_SECRET_KEY=canary$", 2, "single quotes")]
#[case::a_reference("JWT_SECRET_KEY=canary${HOME}", 1, "${")]
#[case::an_escaped_dollar("JWT_SECRET_KEY=canary\\$a", 1, "single quotes")]
#[case::a_dollar_in_double_quotes("A=1\n\nJWT_SECRET_KEY=\"canary$abc\"", 3, "single quotes")]
#[case::a_backslash("JWT_SECRET_KEY=canary\\ncanary", 1, "single quotes")]
#[case::a_quote_within("JWT_SECRET_KEY=canary'canary'", 1, "single quotes")]
#[case::a_space("JWT_SECRET_KEY=canary canary", 1, "single quotes")]
#[case::a_hash_at_the_start("JWT_SECRET_KEY=#canary", 1, "single quotes")]
#[case::an_open_quote("JWT_SECRET_KEY='canary\nA=1", 1, "without an end")]
#[case::an_open_double_quote("A=1\nJWT_SECRET_KEY=\"canary", 2, "without an end")]
#[case::text_after_the_quotes("JWT_SECRET_KEY='canary'canary", 1, "after its quotes")]
#[case::a_hash_after_the_quotes("JWT_SECRET_KEY='canary'#canary", 1, "after its quotes")]
#[case::an_unknown_escape("JWT_SECRET_KEY=\"canary\\t\"", 1, "backslash")]
#[case::an_escaped_quote_in_single_quotes("JWT_SECRET_KEY='canary\\'canary'", 1, "backslash")]
#[case::a_reference_in_single_quotes("JWT_SECRET_KEY='canary${HOME}'", 1, "${")]
#[case::a_default_in_single_quotes("JWT_SECRET_KEY='canary${X:-d}'", 1, "${")]
#[case::only_a_comment("JWT_SECRET_KEY=  # canary", 1, "#")]
#[case::a_no_break_space("JWT_SECRET_KEY=canary\u{a0} # c", 1, "space")]
#[case::a_no_break_space_after_quotes("JWT_SECRET_KEY='canary'\u{a0} # c", 1, "space")]
#[case::an_ideographic_space("JWT_SECRET_KEY=canary\u{3000}#c", 1, "space")]
#[case::a_unit_separator("JWT_SECRET_KEY=canary\u{1f}", 1, "space")]
#[case::a_unit_separator_first("JWT_SECRET_KEY=\u{1f}canary", 1, "space")]
#[case::a_file_separator_before_the_name("\u{1c}JWT_SECRET_KEY=canary", 1, "space")]
#[case::a_name_in_quotes("'JWT_SECRET_KEY'=canary", 1, "name in quotes")]
#[case::an_exported_name_in_quotes("export 'JWT_SECRET_KEY'=canary", 1, "name in quotes")]
#[case::two_backslashes_before_the_quote("JWT_SECRET_KEY=\"canary\\\\\" # \"", 1, "backslash")]
#[case::no_equals_sign("JWT_SECRET_KEY canary", 1, "=")]
#[case::yaml("JWT_SECRET_KEY: canary", 1, "=")]
#[case::only_the_name("JWT_SECRET_KEY", 1, "=")]
#[case::after_lines_of_a_quote("A='1\n2\n3'\nJWT_SECRET_KEY=canary$a", 4, "single quotes")]
fn parse_rejects_a_setting_with_two_readings(#[case] file: &str, #[case] line: usize, #[case] named: &str) {
    let content = read(file);
    let sentence = &content.broken["JWT_SECRET_KEY"];
    assert!(
        sentence.starts_with(&format!("in line {line} of .env ")) && sentence.contains(named),
        "{sentence}"
    );
    assert!(!sentence.contains("canary"), "{sentence}");
    assert!(!content.variables.contains_key("JWT_SECRET_KEY"));
}

#[test]
fn parse_rejects_a_setting_that_is_not_utf8() {
    let content = parse(b"JWT_SECRET_KEY=\xff\xfe", is_setting).unwrap();
    assert_eq!(content.broken["JWT_SECRET_KEY"], "in line 1 of .env is not UTF-8");
    assert!(parse(b"\xff\xfeJ\0", is_setting).is_err());
    assert!(parse(b"\xfe\xff\0J", is_setting).is_err());
    assert!(parse(b"J\0W\0T\0", is_setting).is_err());
}

#[rstest]
#[case::a_space("A=1\nB=2\nPROJECT_NAME=My Project", &[3])]
#[case::a_list("CORS=[\"http://a\", \"http://b\"]\nA=1", &[1])]
#[case::an_apostrophe("MOTTO=Don't\nA=1", &[1])]
#[case::text("this is no variable\n\n=\n", &[1, 3])]
#[case::a_hyphen("A-B=1", &[1])]
#[case::a_name_in_quotes("'A'=1\n'B", &[1, 2])]
#[case::an_open_quote("A='1\nB=2\nC=\"3", &[1, 3])]
fn parse_skips_lines_of_other_programs_with_a_warning(#[case] file: &str, #[case] lines: &[usize]) {
    let content = read(&format!("{file}\nDAYBOOK_WORKERS=2"));
    let expected: Vec<_> =
        lines.iter().map(|line| format!("line {line} of .env cannot be parsed and is skipped")).collect();
    assert_eq!(content.warnings, expected);
    assert_eq!(content.variables["DAYBOOK_WORKERS"], "2");
}

/// A piece of a line, with the characters that have a meaning.
fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "JWT_SECRET_KEY",
        "DAYBOOK_WORKERS",
        "OTHER",
        "=",
        " ",
        "\t",
        "'",
        "\"",
        "\\",
        "$",
        "{",
        "}",
        "#",
        "\r",
        "\n",
        "canary",
        "n",
        "export ",
        "\u{feff}",
        "ä",
        "\u{a0}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Random lines never hide the setting below them, never cause a panic, and are never repeated.
    #[test]
    fn parse_reads_a_setting_below_random_lines(lines in prop::collection::vec(line(), 0..4)) {
        let above = lines.join("\n");
        let content = read(&format!("{above}\n\nDAYBOOK_WORKERS=7"));
        let messages = format!("{:?} {:?}", content.warnings, content.broken);
        prop_assert!(!messages.contains("canary"), "{messages}");
        // A quote may begin in one of the lines and not end before the setting. Then the quote is
        // broken, and the setting is read.
        let value = content.variables.get("DAYBOOK_WORKERS").map(String::as_str);
        prop_assert_eq!(value, Some("7"), "{}", above);
    }

    /// A value that is accepted is the value that a person sees: it is neither cut nor replaced.
    #[test]
    fn parse_never_changes_an_unquoted_value(value in "[!#-&(-~][!-~]{0,40}") {
        let content = read(&format!("JWT_SECRET_KEY={value}"));
        match content.variables.get("JWT_SECRET_KEY") {
            Some(read) => prop_assert_eq!(read, &value),
            None => prop_assert!(content.broken.contains_key("JWT_SECRET_KEY")),
        }
    }

    #[test]
    fn parse_takes_a_value_in_single_quotes_literally(value in "[ -&(-\\[\\]-~ä-ü]{0,40}") {
        let content = read(&format!("JWT_SECRET_KEY='{value}'"));
        let expected = Some(&value).filter(|value| !value.contains("${"));
        prop_assert_eq!(content.variables.get("JWT_SECRET_KEY"), expected);
    }
}
