//! Makes newtypes of checked texts: they parse once, and are then known to keep their rule.

/// Defines a text type by its rule: a function that gives the normal form, or says what is wrong.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $rule:expr, $error:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Gives the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $rule(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_type;

/// Says what is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub(crate) &'static str);

/// Trims a text of people and refuses an empty one, one of more than `longest` characters, and control characters.
pub(crate) fn plain(text: &str, longest: usize, refusal: &'static str) -> Result<String, TextError> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(TextError(refusal)) }
}
