//! What every stored text has in common.

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
