use super::*;
use crate::contact::ConsentStatus;
use crate::contact::tests::ada;
use crate::suppression::SuppressionReason;

fn moment() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// The state of a stored contact, with the records of its addresses.
fn stored(contact: Contact) -> State {
    let record = |_| AddressRecord { contact: Some(contact.id), suppressions: Vec::new(), version: 7 };
    let addresses = contact.addresses().into_iter().map(|address| (address.clone(), record(address))).collect();
    State { contact: Some(contact), addresses }
}

fn change(before: State, after: State) -> Result<Transition, ContactsError> {
    Transition::new(ada().organization, before, after, moment())
}

fn email() -> Address {
    Address::parse(Channel::Email, "ada@example.com").unwrap()
}

#[test]
fn a_suppressed_address_excludes_and_its_contact_knows_it() {
    let before = stored(ada());
    let mut after = before.clone();
    after.addresses.get_mut(&email()).unwrap().suppress(Suppression::new(SuppressionReason::HardBounce, moment()));

    let change = change(before, after).unwrap();

    let contact = change.after.contact.clone().unwrap();
    assert_eq!(contact.standing(Channel::Email, Purpose::Marketing), Standing::Suppressed(SuppressionReason::HardBounce));
    assert_eq!(contact.version, 2);
    let [(_, exclusion)] = change.exclusions().try_into().unwrap();
    assert!(exclusion.marketing && exclusion.transactional);
}

#[test]
fn suppressing_for_the_same_reason_again_changes_nothing() {
    let before = stored(ada());
    let mut once = before.clone();
    once.addresses.get_mut(&email()).unwrap().suppress(Suppression::new(SuppressionReason::Manual, moment()));
    let once = change(before, once).unwrap().after;

    let mut again = once.clone();
    again.addresses.get_mut(&email()).unwrap().suppress(Suppression::new(SuppressionReason::Manual, Timestamp::MAX));
    let change = change(once.clone(), again).unwrap();

    assert_eq!(change.after, once);
    assert_eq!(change.records().count(), 0);
    assert!(change.exclusions().is_empty());
}

#[test]
fn a_withdrawn_consent_excludes_from_marketing_only() {
    let before = stored(ada());
    let mut after = before.clone();
    after.contact.as_mut().unwrap().consent.email.status = ConsentStatus::Unsubscribed;

    let [(_, exclusion)] = change(before, after).unwrap().exclusions().try_into().unwrap();

    assert!(exclusion.marketing && !exclusion.transactional);
}

#[test]
fn a_departed_contact_is_excluded_and_its_address_is_free_again() {
    let before = stored(ada());
    let after = State { contact: None, addresses: before.addresses.clone() };

    let change = change(before, after).unwrap();

    assert_eq!(change.records().collect::<Vec<_>>(), [RecordChange::Delete(&email(), 7)]);
    assert!(change.exclusions().iter().all(|(_, exclusion)| exclusion.marketing));
}

#[test]
fn a_departed_contact_leaves_the_suppression_of_its_address() {
    let mut before = stored(ada());
    before.addresses.get_mut(&email()).unwrap().suppress(Suppression::new(SuppressionReason::Complaint, moment()));
    let after = State { contact: None, addresses: before.addresses.clone() };

    let change = change(before, after).unwrap();

    let kept = change.after.addresses.get(&email()).unwrap();
    assert_eq!(kept.contact, None);
    assert_eq!(kept.suppressions.len(), 1);
}

#[test]
fn an_address_of_somebody_else_is_taken() {
    let other = ContactId::from_bytes([9; 16]);
    let record = AddressRecord { contact: Some(other), suppressions: Vec::new(), version: 3 };
    let before = State { contact: None, addresses: BTreeMap::from([(email(), record)]) };
    let after = State { contact: Some(ada()), ..before.clone() };

    assert!(matches!(change(before, after), Err(ContactsError::AddressTaken { contact, .. }) if contact == other));
}

#[test]
fn a_new_contact_takes_over_what_suppresses_its_address_and_excludes_nobody() {
    let record = AddressRecord { contact: None, suppressions: vec![Suppression::new(SuppressionReason::Stop, moment())], version: 3 };
    let before = State { contact: None, addresses: BTreeMap::from([(email(), record)]) };
    let after = State { contact: Some(ada()), ..before.clone() };

    let change = change(before, after).unwrap();

    assert!(change.after.contact.as_ref().unwrap().suppressed.email.contains(&SuppressionReason::Stop));
    assert!(change.exclusions().is_empty());
}

#[test]
fn a_changed_address_excludes_the_old_one() {
    let before = stored(ada());
    let mut after = before.clone();
    after.contact.as_mut().unwrap().email = Some("new@example.com".parse().unwrap());
    let new = Address::parse(Channel::Email, "new@example.com").unwrap();
    let mut before_with_new = before;
    before_with_new.addresses.insert(new.clone(), AddressRecord::default());
    after.addresses.insert(new.clone(), AddressRecord::default());

    let change = change(before_with_new, after).unwrap();

    let excluded: Vec<Address> = change.exclusions().into_iter().map(|(address, _)| address).collect();
    assert_eq!(excluded, [email()]);
    assert_eq!(change.after.addresses.get(&new).unwrap().contact, Some(ada().id));
}

#[test]
fn a_contact_without_any_address_is_refused() {
    let before = stored(ada());
    let mut after = before.clone();
    after.contact.as_mut().unwrap().email = None;

    assert!(matches!(change(before, after), Err(ContactsError::AddressMissing)));
}

#[test]
fn an_entry_of_the_log_is_later_than_the_change_before_even_when_clocks_differ() {
    let mut contact = ada();
    contact.updated_at = Timestamp::from_second(1_900_000_000).unwrap();
    let last = contact.updated_at;
    let before = stored(contact);
    let mut after = before.clone();
    after.contact.as_mut().unwrap().consent.email.status = ConsentStatus::Unsubscribed;

    let [(_, exclusion)] = change(before, after).unwrap().exclusions().try_into().unwrap();

    assert!(exclusion.at > last);
}
