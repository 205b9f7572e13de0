//! The macros that declare a draft and its patch from one list of fields.
//!
//! Own code although the crate `struct-patch` derives a patch: its attributes would state the
//! limits of every field a second time.

/// Declares a draft, which creates or replaces a resource, and a patch, which changes it.
///
/// ```text
/// draft_and_patch! {
///     /// A note to be created.
///     NoteDraft;
///     /// A change of a note.
///     NotePatch;
///     required {
///         /// 1 to 200 characters.
///         title: Title(min_length = 1, max_length = 200), "Groceries" => "Groceries, tomorrow";
///     }
///     optional {
///         /// Whether the note is listed before the others.
///         pinned: bool => Option<bool>, schema(example = true);
///     }
/// }
/// ```
///
/// A required field is a text. The limits in parentheses go into the OpenAPI schema and must be
/// those of the type, which checks them. The first example is for the draft, the second for the
/// patch.
///
/// An optional field has one type in the draft and another in the patch. `From` converts the first
/// into the second. A field that the client leaves out has the default of its type. Its attributes
/// and its OpenAPI schema are the same in both.
///
/// The macro expands to both structs with their schemas, a constructor and a conversion:
///
/// ```text
/// pub struct NoteDraft { pub title: Title, pub pinned: bool }
/// pub struct NotePatch { pub title: Option<Title>, pub pinned: Option<bool> }
/// impl NoteDraft { pub fn new(title: Title) -> Self { … } }
/// impl From<NoteDraft> for NotePatch { … }
/// ```
macro_rules! draft_and_patch {
    (
        $(#[$draft_attr:meta])* $draft:ident;
        $(#[$patch_attr:meta])* $patch:ident;
        required { $(
            $(#[$text_attr:meta])*
            $text:ident: $type:ident($($limits:tt)*), $example:literal => $patch_example:literal;
        )* }
        optional { $($(#[$attr:meta])* $field:ident: $of_draft:ty => $of_patch:ty, schema($($schema:tt)*);)* }
    ) => {
        $(#[$draft_attr])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, garde::Validate)]
        #[garde(allow_unvalidated)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        pub struct $draft {$(
            $(#[$text_attr])*
            #[cfg_attr(feature = "utoipa", schema(value_type = String, example = $example))]
            #[cfg_attr(feature = "utoipa", schema(pattern = "^[^\\u0000]*$", $($limits)*))]
            pub $text: $type,
        )* $(
            $(#[$attr])* #[serde(default)] #[cfg_attr(feature = "utoipa", schema($($schema)*))]
            pub $field: $of_draft,
        )*}

        $(#[$patch_attr])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, garde::Validate)]
        #[garde(allow_unvalidated)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        pub struct $patch {$(
            $(#[$text_attr])*
            #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, example = $patch_example))]
            #[cfg_attr(feature = "utoipa", schema(pattern = "^[^\\u0000]*$", $($limits)*))]
            pub $text: Option<$type>,
        )* $(
            $(#[$attr])* #[serde(default)] #[cfg_attr(feature = "utoipa", schema($($schema)*))]
            pub $field: $of_patch,
        )*}
        crate::draft::conversions! { $draft($($text: $type),*; $($field),*) => $patch }
    };
}

/// Implements `new` for a draft, and the conversion into its patch.
macro_rules! conversions {
    ($draft:ident($($text:ident: $type:ident),*; $($field:ident),*) => $patch:ident) => {
        impl $draft {
            /// A draft with the required fields. The others have their defaults.
            #[must_use]
            pub fn new($($text: $type),*) -> Self {
                Self { $($text,)* $($field: Default::default(),)* }
            }
        }

        impl From<$draft> for $patch {
            /// Replaces the resource: the patch sets every field.
            fn from(draft: $draft) -> Self {
                Self { $($text: draft.$text.into(),)* $($field: draft.$field.into(),)* }
            }
        }
    };
}

pub(crate) use {conversions, draft_and_patch};
