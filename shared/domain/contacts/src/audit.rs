//! What the audit trail is told of a change: the contact, and what became of the suppressions of its addresses.

use carillon_dynamo::{Audited, Write};
use serde::Serialize;

use crate::contact::Contact;
use crate::state::Transition;
use crate::suppression::Suppression;

/// The kind of contacts in the trail.
const CONTACT: &str = "contact";
/// The kind of suppressed addresses in the trail; their ids are `{channel}:{address}`.
const SUPPRESSION: &str = "suppression";

#[derive(Serialize)]
struct Reasons<'a> {
    reasons: &'a [Suppression],
}

/// Lets the writes of a change tell of it; a change of nothing has none.
pub(crate) fn tell(mut writes: Vec<Write>, change: &Transition) -> Vec<Write> {
    if let Some(first) = writes.first_mut() {
        first.tell(contact(change).into_iter().chain(suppressions(change)));
    }
    writes
}

fn contact(change: &Transition) -> Option<Audited> {
    match (&change.before.contact, &change.after.contact) {
        (None, Some(made)) => Some(Audited::created(CONTACT, made.id, &shown(made))),
        (Some(gone), None) => Some(Audited::deleted(CONTACT, gone.id, &shown(gone))),
        (Some(before), Some(after)) => Audited::changed(CONTACT, after.id, (&shown(before), &shown(after))),
        (None, None) => None,
    }
}

/// A contact without its copy of what the records of its addresses say, and without the marks of imports.
fn shown(contact: &Contact) -> Contact {
    Contact { suppressed: Default::default(), imported: None, ..contact.clone() }
}

fn suppressions(change: &Transition) -> impl Iterator<Item = Audited> + '_ {
    change.after.addresses.iter().filter_map(|(address, after)| {
        let before = change.before.addresses.get(address).map_or(&[][..], |record| record.suppressions.as_slice());
        let (before, after) = (Reasons { reasons: before }, Reasons { reasons: &after.suppressions });
        Audited::changed(SUPPRESSION, format!("{}:{address}", address.channel()), (&before, &after))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{ContactId, OrganizationId};
    use jiff::Timestamp;

    use super::*;
    use crate::change::NewContact;
    use crate::state::{AddressRecord, State};
    use crate::suppression::SuppressionReason;

    fn ada() -> Contact {
        let new = NewContact { email: "ada@example.com".parse().ok(), ..NewContact::default() };
        new.into_contact(OrganizationId::from_bytes([1; 16]), ContactId::from_bytes([2; 16]), Timestamp::UNIX_EPOCH)
    }

    fn change(before: State, after: State) -> Transition {
        Transition::new(OrganizationId::from_bytes([1; 16]), before, after, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_new_contact_is_told_with_what_it_is() {
        let told = contact(&change(State::default(), State { contact: Some(ada()), ..State::default() })).unwrap();

        assert_eq!((told.kind.as_str(), told.before), ("contact", None));
        assert_eq!(told.after.unwrap().get("email").unwrap(), "ada@example.com");
    }

    #[test]
    fn a_suppression_is_told_once_and_not_of_the_contact_again() {
        let address = crate::address::Address::from(ada().email.as_ref().unwrap());
        let record = AddressRecord { contact: Some(ada().id), version: 1, ..AddressRecord::default() };
        let before = State { contact: Some(ada()), addresses: [(address.clone(), record.clone())].into() };
        let mut after = before.clone();
        after.addresses.get_mut(&address).unwrap().suppress(Suppression::new(SuppressionReason::Manual, Timestamp::UNIX_EPOCH));
        let change = change(before, after);

        let told: Vec<Audited> = suppressions(&change).collect();

        assert_eq!(contact(&change), None);
        assert_eq!((told.len(), told.first().unwrap().id.as_str()), (1, "email:ada@example.com"));
        assert!(told.first().unwrap().before.as_ref().unwrap().get("reasons").unwrap().as_array().unwrap().is_empty());
    }
}
