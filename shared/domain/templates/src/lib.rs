//! Templates: what an organization writes once and sends to many, compiled so that each recipient costs microseconds.
//!
//! Reading order: [`limits`], [`content`] (email and SMS as written), `syntax` and `analysis` (what is allowed, which
//! variables are used), `compile` (static text and slots), [`context`] and `render` (the slots of one recipient),
//! [`email`] and [`sms`] (compiled content), [`segments`] (what an SMS costs), [`template`] (the entity), [`draft`] (what
//! requests bring), [`service`].

mod analysis;
mod compile;
pub mod content;
pub mod context;
pub mod draft;
pub mod email;
pub mod error;
mod escape;
pub mod limits;
mod plain_text;
mod render;
pub mod segments;
pub mod service;
pub mod sms;
mod store;
mod syntax;
pub mod template;

pub use analysis::Variable;
pub use compile::Piece;
pub use content::{Content, EmailContent, SmsContent};
pub use context::{Context, Fields};
pub use draft::{ContentDraft, TemplateDraft};
pub use email::{CompiledEmail, EmailRenderer, RenderedEmail, SesTemplate, template_data};
pub use error::{ContentError, RenderError, TemplateError};
pub use minijinja::Value;
pub use segments::{Encoding, Segmentation, segment};
pub use service::Templates;
pub use sms::{CompiledSms, SmsRenderer};
pub use template::{NewTemplate, Preview, Template, TemplateSummary};
