//! The limits of contacts and imports, in one place for the code and the documentation.

/// The most attributes of one contact.
pub const ATTRIBUTES: usize = 100;
/// The longest text of one attribute, in bytes.
pub const ATTRIBUTE_BYTES: usize = 1024;
/// The most that all attributes of one contact take together, in bytes: names and texts.
pub const ATTRIBUTES_BYTES: usize = 32 * 1024;
/// The most tags of one contact: with lists and addresses, all that a contact is must fit one transaction of 100 writes.
pub const TAGS: usize = 30;
/// The most lists that one contact is on.
pub const LISTS: usize = 50;
/// The most contacts of one request that adds or removes members of a list.
pub const MEMBERS_PER_REQUEST: usize = 100;
/// The most lists and tags that one audience names.
pub const AUDIENCE_SOURCES: usize = 50;

/// The largest file of an import, in bytes.
pub const IMPORT_BYTES: u64 = 200 * 1024 * 1024;
/// The most columns of an import's file.
pub const IMPORT_COLUMNS: usize = 200;
/// The most data rows of one chunk.
pub const CHUNK_ROWS: usize = 500;
/// The most bytes of one chunk: at least one row, even when that is longer.
pub const CHUNK_BYTES: u64 = 1024 * 1024;
/// The longest row, in bytes; a longer one is rejected.
pub const ROW_BYTES: usize = 64 * 1024;
/// How much of a file is looked at before an import starts, in bytes.
pub const SNIFFED_BYTES: u64 = 64 * 1024;
/// The most bytes of rejected rows in one answer; the rest comes with `?part=2` and so on.
pub const REJECTED_PART_BYTES: u64 = 2_500_000;
/// How long the address for the upload holds, in seconds.
pub const UPLOAD_SECONDS: u64 = 60 * 60;
