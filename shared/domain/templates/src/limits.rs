//! The limits of templates, all in one place.

/// The largest HTML part, in bytes as written.
pub const HTML_BYTES: usize = 256 * 1024;
/// The largest plain-text part, in bytes as written.
pub const TEXT_BYTES: usize = 128 * 1024;
/// The longest subject, in characters as written (RFC 5322 allows 998 in a line).
pub const SUBJECT_CHARACTERS: usize = 998;
/// The longest preheader, in characters as written.
pub const PREHEADER_CHARACTERS: usize = 500;
/// The longest SMS, in characters as written and as rendered (Twilio's limit of a message's body).
pub const SMS_CHARACTERS: usize = 1600;
/// The longest name of a template, in characters.
pub const NAME_CHARACTERS: usize = 120;
/// The most MiniJinja instructions that one slot may take.
pub const FUEL: u64 = 10_000;
/// The largest rendered message, all parts together, in bytes.
pub const MESSAGE_BYTES: usize = 512 * 1024;
/// The most that all slots of a recipient may hold, in bytes (SES takes 262,144 characters of replacement data).
pub const SLOT_BYTES: usize = 128 * 1024;
/// The most that one filter or expression may build, in bytes.
pub const FILTER_BYTES: usize = 64 * 1024;
/// The most different slots of a message.
pub const SLOTS: usize = 500;
/// The deepest nesting of HTML elements from which a text part is derived.
pub const NESTING: usize = 100;
/// The most words and signs inside one `{{ … }}` or `{% … %}`.
pub const TAG_TOKENS: usize = 200;
/// The most `elif` of one part: the parser recurses into each.
pub const ELIFS: usize = 50;
/// The most pieces of text that one expression may join, those behind `set` variables counted again.
pub const JOINED_TEXTS: usize = 200;
/// The most that the `set` tags of one part may hold, in bytes: every slot that uses one carries those before it.
pub const SETTING_BYTES: usize = 4 * 1024;
