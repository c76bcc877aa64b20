//! What can be wrong with content when it is written, and with a recipient's data when it is rendered.

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
