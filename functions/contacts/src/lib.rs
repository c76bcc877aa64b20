//! The functions of contacts: contacts, tags, lists, imports, suppressions, unsubscribing; one file each.

mod contact_body;
mod contact_view;
mod import_view;
mod unsubscribe_page;

mod add_list_members;
mod add_suppression;
mod add_tag;
mod apply_unsubscribe;
mod create_contact;
mod create_import;
mod create_list;
mod delete_contact;
mod delete_list;
mod delete_list_memberships;
mod get_contact;
mod get_import;
mod get_list;
mod get_rejected_rows;
mod import_chunk;
mod list_contacts;
mod list_lists;
mod list_suppressions;
mod list_tags;
mod remove_list_members;
mod remove_suppression;
mod remove_tag;
mod show_unsubscribe;
mod start_import;
mod update_contact;

pub use add_list_members::ListsAddMembers;
pub use add_suppression::SuppressionsAdd;
pub use add_tag::TagsAdd;
pub use apply_unsubscribe::UnsubscribeApply;
pub use create_contact::ContactsCreate;
pub use create_import::ImportsCreate;
pub use create_list::ListsCreate;
pub use delete_contact::ContactsDelete;
pub use delete_list::ListsDelete;
pub use delete_list_memberships::ListsDeleteMemberships;
pub use get_contact::ContactsGet;
pub use get_import::ImportsGet;
pub use get_list::ListsGet;
pub use get_rejected_rows::ImportsGetRejected;
pub use import_chunk::ImportsImportChunk;
pub use list_contacts::ContactsList;
pub use list_lists::ListsList;
pub use list_suppressions::SuppressionsList;
pub use list_tags::TagsList;
pub use remove_list_members::ListsRemoveMembers;
pub use remove_suppression::SuppressionsRemove;
pub use remove_tag::TagsRemove;
pub use show_unsubscribe::UnsubscribeShow;
pub use start_import::ImportsStart;
pub use update_contact::ContactsUpdate;

use carillon_harness::Entry;

/// All functions of this area.
pub static ENTRIES: &[Entry] = &[
    Entry::http::<ContactsCreate>(),
    Entry::http::<ContactsGet>(),
    Entry::http::<ContactsUpdate>(),
    Entry::http::<ContactsDelete>(),
    Entry::http::<ContactsList>(),
    Entry::http::<TagsList>(),
    Entry::http::<TagsAdd>(),
    Entry::http::<TagsRemove>(),
    Entry::http::<ListsCreate>(),
    Entry::http::<ListsGet>(),
    Entry::http::<ListsList>(),
    Entry::http::<ListsDelete>(),
    Entry::http::<ListsAddMembers>(),
    Entry::http::<ListsRemoveMembers>(),
    Entry::queue::<ListsDeleteMemberships>(),
    Entry::http::<ImportsCreate>(),
    Entry::http::<ImportsStart>(),
    Entry::http::<ImportsGet>(),
    Entry::http::<ImportsGetRejected>(),
    Entry::queue::<ImportsImportChunk>(),
    Entry::http::<SuppressionsList>(),
    Entry::http::<SuppressionsAdd>(),
    Entry::http::<SuppressionsRemove>(),
    Entry::public::<UnsubscribeShow>(),
    Entry::public::<UnsubscribeApply>(),
];
