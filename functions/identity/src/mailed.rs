//! The answer to everybody who asks for a mail without being logged in: the same whether the address has an account or not.

use serde::Serialize;

/// Says that a mail is on its way, if there is somebody to write to.
#[derive(Debug, Serialize)]
pub(crate) struct Mailed {
    status: &'static str,
    detail: &'static str,
}

impl Mailed {
    /// A link was asked for.
    pub(crate) const LINK: Self =
        Self { status: "accepted", detail: "if the address can be used for this, a mail with a link is on its way" };
}
