//! The functions of the templates area.

use carillon_harness::Entry;

mod create_template;
mod delete_template;
mod get_template;
mod list_templates;
mod preview_template;
mod update_template;

pub use create_template::TemplatesCreate;
pub use delete_template::TemplatesDelete;
pub use get_template::TemplatesGet;
pub use list_templates::TemplatesList;
pub use preview_template::TemplatesPreview;
pub use update_template::TemplatesUpdate;

/// The functions of this area.
pub static ENTRIES: &[Entry] = &[
    Entry::http::<TemplatesCreate>(),
    Entry::http::<TemplatesGet>(),
    Entry::http::<TemplatesList>(),
    Entry::http::<TemplatesUpdate>(),
    Entry::http::<TemplatesDelete>(),
    Entry::http::<TemplatesPreview>(),
];
