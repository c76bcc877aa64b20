//! GET /v1/contacts: gives the contacts, all or those of a list or tag, or the one with an address.

use carillon_contacts::{Address, AudienceReader, Contacts, Position, Tag};
use carillon_contracts::{Audience, Channel, ContactId, ListId, OrganizationId, Permission};
use carillon_dynamo::{Cursor, Key, Page};
use carillon_harness::{Call, Failure, HttpFunction, Input, Listing, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

use crate::contact_view::ContactView;

/// Lists contacts, in an order that stays the same and means nothing.
#[derive(Debug)]
pub struct ContactsList {
    contacts: Contacts,
    audiences: AudienceReader,
}

/// Which contacts: at most one of `email`, `phone` (E.164, the + written as %2B), `list_id` and `tag`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    list_id: Option<ListId>,
    tag: Option<Tag>,
}

impl ContactsQuery {
    fn listing(&self) -> Listing {
        Listing { limit: self.limit, cursor: self.cursor.clone() }
    }

    fn address(&self) -> Option<Result<Address, Problem>> {
        let read = |channel, name: &str, text: &str| {
            Address::parse(channel, text).map_err(|error| Problem::new(format!("?{name}"), "contacts.address_invalid", error.to_string()))
        };
        let email = self.email.as_ref().map(|text| read(Channel::Email, "email", text));
        email.or_else(|| self.phone.as_ref().map(|text| read(Channel::Sms, "phone", text)))
    }
}

impl Input for ContactsQuery {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.listing().problems();
        problems.extend(self.address().and_then(Result::err));
        let filters = [self.email.is_some(), self.phone.is_some(), self.list_id.is_some(), self.tag.is_some()];
        if filters.into_iter().filter(|is_used| *is_used).count() > 1 {
            problems.push(Problem::new("?", "contacts.filters", "use one of email, phone, list_id and tag"));
        }
        problems
    }
}

impl HttpFunction for ContactsList {
    const NAME: &'static str = "contacts-list";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = ContactsQuery;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { contacts: Contacts::from_setup(setup)?, audiences: AudienceReader::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<ContactsQuery, Nothing>) -> Result<Reply, Failure> {
        let organization = call.organization();
        if let Some(Ok(address)) = call.query.address() {
            let found = self.contacts.find_by_address(organization, &address).await?;
            let items = found.iter().map(ContactView::from).collect();
            return Ok(Reply::page(&Page { items, next: None }));
        }
        let listing = call.query.listing();
        let after = listing.cursor()?.map(|cursor| position(organization, &cursor)).transpose()?;
        let limit = usize::try_from(listing.limit()).unwrap_or(usize::MAX);

        let page = self.audiences.contacts(organization, &audience(&call.query), after, limit).await?;

        let next = page.members.last().filter(|_| !page.end).map(|last| cursor(organization, last.id));
        Ok(Reply::page(&Page { items: page.members.iter().map(ContactView::from).collect(), next }))
    }
}

fn audience(query: &ContactsQuery) -> Audience {
    let lists: Vec<ListId> = query.list_id.into_iter().collect();
    let tags: Vec<String> = query.tag.iter().map(ToString::to_string).collect();
    Audience { all: lists.is_empty() && tags.is_empty(), lists, tags }
}

fn cursor(organization: OrganizationId, last: ContactId) -> Cursor {
    Cursor::after(&Key::new(partition(organization), last.to_string()))
}

fn position(organization: OrganizationId, cursor: &Cursor) -> Result<Position, Failure> {
    let own = cursor.partition() == Some(&partition(organization));
    let position = cursor.attribute("sk").filter(|_| own).and_then(|text| text.parse().ok());
    position.ok_or_else(|| Failure::invalid(vec![Problem::new("?cursor", "request.cursor", "the cursor is not one that a page gave")]))
}

fn partition(organization: OrganizationId) -> String {
    format!("{organization}/contacts")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_contact_in_its_own_organization_only() {
        let (ours, theirs) = (OrganizationId::from_bytes([1; 16]), OrganizationId::from_bytes([2; 16]));
        let contact = ContactId::from_bytes([3; 16]);

        let cursor = cursor(ours, contact);

        assert_eq!(position(ours, &cursor).unwrap(), Position::of(contact));
        assert!(position(theirs, &cursor).is_err());
    }

    #[test]
    fn two_filters_or_a_broken_address_are_refused() {
        let query = ContactsQuery { email: Some("x".to_owned()), tag: Some("vip".parse().unwrap()), ..ContactsQuery::default() };

        assert_eq!(query.problems().len(), 2);
    }
}
