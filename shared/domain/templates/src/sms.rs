//! A compiled text message.

use serde::{Deserialize, Serialize};

use crate::compile::{Piece, Slot};
use crate::context::Context;
use crate::error::RenderError;
use crate::limits::{SLOT_BYTES, SMS_CHARACTERS};
use crate::render::{Engine, assemble};

/// A text message cut into static text and slots; it can be stored with a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledSms {
    /// The text.
    pub body: Vec<Piece>,
    pub(crate) slots: Vec<Slot>,
}

/// Renders a compiled text message for one recipient after the other.
#[derive(Debug)]
pub struct SmsRenderer {
    body: Vec<Piece>,
    engine: Engine,
}

impl SmsRenderer {
    /// Loads a compiled message.
    ///
    /// # Errors
    /// [`RenderError::Failed`] when what was stored is no longer readable.
    pub fn new(compiled: &CompiledSms) -> Result<Self, RenderError> {
        Ok(Self { body: compiled.body.clone(), engine: Engine::load(&compiled.slots)? })
    }

    /// Renders the text.
    ///
    /// # Errors
    /// [`RenderError`] when a variable is missing, an expression fails, or the text is longer than [`SMS_CHARACTERS`].
    pub fn render(&self, context: &Context) -> Result<String, RenderError> {
        let text = assemble(&self.body, &self.engine.values(context)?, &mut SLOT_BYTES.clone())?;
        match text.chars().count() > SMS_CHARACTERS {
            true => Err(RenderError::TooLarge),
            false => Ok(text),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::content::SmsContent;
    use crate::context::Fields;
    use minijinja::Value;

    fn renderer(body: &str) -> SmsRenderer {
        SmsRenderer::new(&SmsContent { body: body.to_owned() }.compile().unwrap()).unwrap()
    }

    #[test]
    fn a_text_is_rendered_without_html_escapes() {
        let context = Context::new(Fields::from([("name".to_owned(), Value::from("A & B"))]));

        assert_eq!(renderer("Hi {{ name }}{% if vip %}!{% endif %}").render(&context).unwrap(), "Hi A & B");
    }

    #[test]
    fn a_text_that_becomes_too_long_is_refused() {
        let context = Context::new(Fields::from([("name".to_owned(), Value::from("é".repeat(1_601)))]));

        assert_eq!(renderer("{{ name }}").render(&context), Err(RenderError::TooLarge));
    }
}
