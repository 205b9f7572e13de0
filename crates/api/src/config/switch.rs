//! Features that a setting switches on or off.

/// Parses `on` or `off`, or another usual spelling of them.
///
/// # Errors
///
/// A sentence whose subject is the setting.
pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err("must be on or off, or true or false"),
    }
}

#[cfg(test)]
mod tests {
    use super::switch;

    #[test]
    fn switch_accepts_the_usual_spellings() {
        for (text, expected) in [
            ("on", Some(true)),
            ("true", Some(true)),
            ("1", Some(true)),
            ("off", Some(false)),
            ("false", Some(false)),
            ("0", Some(false)),
            ("On", None),
            ("yes", None),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(switch(text).ok(), expected, "{text}");
        }
    }
}
