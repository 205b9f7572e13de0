//! What every stored text has in common.

use unicode_normalization::UnicodeNormalization;

/// What texts have in common that differ in case or composition alone: upper case, then lower case, as a near enough case folding
/// (`ß` is `ss`, both sigmas are one), composed before and after (Unicode NFC).
pub(crate) fn key_of(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.to_uppercase().to_lowercase().nfc().collect()
}

/// Refuses U+0000, which PostgreSQL cannot store in a text: both databases must answer alike.
pub(crate) fn no_nul<C>(value: &str, _: &C) -> garde::Result {
    if value.contains('\0') {
        return Err(garde::Error::new("Text must not contain the NUL character"));
    }
    Ok(())
}

/// [`no_nul`] for a field that need not be sent.
pub(crate) fn no_nul_if_sent<C>(value: &Option<String>, context: &C) -> garde::Result {
    value.as_deref().map_or(Ok(()), |text| no_nul(text, context))
}
