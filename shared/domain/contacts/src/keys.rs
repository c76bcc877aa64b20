//! The keys of everything that this domain stores, in the table of entities.

use carillon_contracts::{Channel, ContactId, ImportId, ListId, OrganizationId};
use carillon_dynamo::Key;
use jiff::Timestamp;

use crate::address::Address;
use crate::tag::Tag;

/// Over how many partitions contacts and memberships spread, so that no key takes more than some hundred writes a second.
pub(crate) const SHARDS: u8 = 16;

pub(crate) fn contacts(organization: OrganizationId, shard: u8) -> String {
    format!("ORG#{organization}#CON#{shard:02}")
}

pub(crate) fn contact(organization: OrganizationId, id: ContactId) -> Key {
    Key::new(contacts(organization, id.shard(SHARDS)), id.to_string())
}

pub(crate) fn departed(organization: OrganizationId, id: ContactId) -> Key {
    Key::new(format!("ORG#{organization}#DEPARTED#{id}"), "DEPARTED")
}

pub(crate) fn address(organization: OrganizationId, address: &Address) -> Key {
    Key::new(format!("ORG#{organization}#ADDR#{}#{address}", address.channel()), "ADDR")
}

pub(crate) fn suppressed(organization: OrganizationId) -> String {
    format!("ORG#{organization}#SUPPRESSED")
}

pub(crate) fn suppressed_sort(at: Timestamp, address: &Address) -> String {
    format!("{}#{}#{address}", sort_text(at), address.channel())
}

pub(crate) fn exclusions(organization: OrganizationId, channel: Channel) -> String {
    format!("ORG#{organization}#EXCL#{channel}")
}

pub(crate) fn exclusion(organization: OrganizationId, at: Timestamp, address: &Address) -> Key {
    Key::new(exclusions(organization, address.channel()), format!("{}#{address}", sort_text(at)))
}

pub(crate) fn tag_members(organization: OrganizationId, tag: &Tag, shard: u8) -> String {
    format!("ORG#{organization}#TAG#{tag}#{shard:02}")
}

pub(crate) fn tag_member(organization: OrganizationId, tag: &Tag, contact: ContactId) -> Key {
    Key::new(tag_members(organization, tag, contact.shard(SHARDS)), contact.to_string())
}

pub(crate) fn tags(organization: OrganizationId) -> String {
    format!("ORG#{organization}#TAGS")
}

pub(crate) fn tag(organization: OrganizationId, tag: &Tag) -> Key {
    Key::new(tags(organization), tag.as_str())
}

pub(crate) fn list_members(organization: OrganizationId, list: ListId, shard: u8) -> String {
    format!("ORG#{organization}#LIST#{list}#{shard:02}")
}

pub(crate) fn list_member(organization: OrganizationId, list: ListId, contact: ContactId) -> Key {
    Key::new(list_members(organization, list, contact.shard(SHARDS)), contact.to_string())
}

pub(crate) fn lists(organization: OrganizationId) -> String {
    format!("ORG#{organization}#LISTS")
}

pub(crate) fn list(organization: OrganizationId, id: ListId) -> Key {
    Key::new(lists(organization), id.to_string())
}

pub(crate) fn imports(organization: OrganizationId, id: ImportId) -> String {
    format!("ORG#{organization}#IMPORT#{id}")
}

pub(crate) fn import(organization: OrganizationId, id: ImportId) -> Key {
    Key::new(imports(organization, id), "IMPORT")
}

pub(crate) fn import_chunk(organization: OrganizationId, id: ImportId, chunk: u32) -> Key {
    Key::new(imports(organization, id), format!("CHUNK#{chunk:06}"))
}

/// RFC 3339 with exactly three digits of milliseconds, so that texts sort as moments do.
pub(crate) fn sort_text(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
