//! What can be wrong with content when it is written, and with a recipient's data when it is rendered.

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};

/// Content that breaks the rules, with all of its problems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content has {} problems", .0.len())]
pub struct ContentError(pub Vec<Problem>);

impl Fault for ContentError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
    fn code(&self) -> &'static str {
        "templates.invalid"
    }
    fn problems(&self) -> Vec<Problem> {
        self.0.clone()
    }
}

/// Why one recipient's message cannot be rendered; it names variables and expressions, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The recipient lacks a variable, and the template gives no default.
    #[error("the variable `{variable}` is missing and has no default")]
    Missing {
        /// The variable's name.
        variable: String,
    },
    /// An expression does not work on the recipient's data.
    #[error("the expression `{expression}` cannot be evaluated")]
    Failed {
        /// The expression's beginning, as written in the template.
        expression: String,
    },
    /// An expression takes too many steps.
    #[error("the expression `{expression}` takes too many steps")]
    Exhausted {
        /// The expression's beginning, as written in the template.
        expression: String,
    },
    /// The message becomes larger than the limit.
    #[error("the message is larger than allowed")]
    TooLarge,
}

impl Fault for RenderError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "templates.variable_missing",
            Self::Failed { .. } => "templates.expression_failed",
            Self::Exhausted { .. } => "templates.expression_exhausted",
            Self::TooLarge => "templates.message_too_large",
        }
    }
}

/// A failure of the templates area.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no such template in the organization.
    #[error("there is no such template")]
    Absent,
    /// The template is not at the version that the caller saw.
    #[error("the template was changed meanwhile: it is at version {0}")]
    Changed(u64),
    /// The name or the content breaks rules.
    #[error("the template is not valid")]
    Invalid(#[from] ContentError),
    /// The template cannot be rendered for a recipient.
    #[error("the template cannot be rendered")]
    Render(#[from] RenderError),
    /// The table failed.
    #[error("the templates cannot be read or written")]
    Store(#[from] StoreError),
}

impl Fault for TemplateError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::Changed(_) => Kind::Conflict,
            Self::Invalid(error) => error.kind(),
            Self::Render(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "templates.absent",
            Self::Changed(_) => "templates.changed_meanwhile",
            Self::Invalid(error) => error.code(),
            Self::Render(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Invalid(error) => error.problems(),
            Self::Render(error) => vec![Problem::new("/content", error.code(), error.to_string())],
            Self::Store(error) => error.problems(),
            Self::Absent | Self::Changed(_) => Vec::new(),
        }
    }
}
