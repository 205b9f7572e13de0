//! The fields that are unique among all users.

/// A field with a value that is unique among all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The e-mail address.
    Email,
    /// The username.
    Username,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Username => "username",
        })
    }
}
