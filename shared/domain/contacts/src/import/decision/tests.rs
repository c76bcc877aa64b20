use carillon_contracts::ImportId;

use super::*;
use crate::contact::tests::ada;
use crate::import::ImportOptions;

fn new_id() -> ContactId {
    ContactId::from_bytes([8; 16])
}

fn moment() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn import(options: &str) -> Import {
    let options: ImportOptions = serde_json::from_str(options).unwrap();
    Import { options: Some(options), ..Import::new(ada().organization, ImportId::from_bytes([5; 16]), moment()) }
}

fn row(number: u64, email: &str, phone: &str) -> Reading {
    let candidate = Candidate { email: email.parse().ok(), phone: phone.parse().ok(), ..Candidate::default() };
    Reading { number, candidate }
}

/// What is known when these contacts are stored, and the row's addresses were looked up.
fn known(contacts: &[&Contact], row: &Reading) -> Known {
    let mut known = Known::default();
    for address in row.candidate.addresses() {
        known.records.insert(address, AddressRecord::default());
    }
    for contact in contacts {
        for address in contact.addresses() {
            known.records.insert(address, AddressRecord { contact: Some(contact.id), suppressions: Vec::new(), version: 1 });
        }
        known.contacts.insert(contact.id, (*contact).clone());
    }
    known
}

fn decided(import: &Import, row: &Reading, contacts: &[&Contact]) -> Decision {
    decide(import, row, &known(contacts, row), (new_id(), moment()))
}

fn changed(decision: Decision) -> (Contact, RowOutcome) {
    let Decision::Change(change, outcome) = decision else { panic!("{decision:?}") };
    (change.after.contact.unwrap(), outcome)
}

#[test]
fn a_new_address_makes_a_contact_and_the_same_row_again_finds_it() {
    let import = import(r#"{"consent":{"email":"shop"},"tags":["a"]}"#);
    let row = row(3, "grace@example.com", "");

    let (contact, outcome) = changed(decided(&import, &row, &[]));

    assert_eq!((contact.id, outcome), (new_id(), RowOutcome::Created));
    assert_eq!(contact.consent.email.status, ConsentStatus::Subscribed);
    assert_eq!(contact.consent.sms.status, ConsentStatus::Unknown);
    assert!(matches!(decided(&import, &row, &[&contact]), Decision::Nothing(RowOutcome::Created)));
}

#[test]
fn another_row_of_the_same_file_fills_gaps_only_and_counts_as_duplicate_again_and_again() {
    let import = import(r#"{"update_existing":true}"#);
    let (mut first, _) = changed(decided(&import, &row(3, "grace@example.com", ""), &[]));
    first.first_name = Some("Grace".parse().unwrap());
    let mut second = row(9, "GRACE@example.com", "+15017122661");
    second.candidate.first_name = Some("Other".parse().unwrap());

    let (merged, outcome) = changed(decided(&import, &second, &[&first]));

    assert_eq!(outcome, RowOutcome::Duplicate);
    assert_eq!(merged.first_name, first.first_name);
    assert_eq!(merged.phone.as_ref().unwrap().as_str(), "+15017122661");
    assert!(matches!(decided(&import, &second, &[&merged]), Decision::Nothing(RowOutcome::Duplicate)));
}

#[test]
fn an_existing_contact_changes_only_when_that_is_wanted() {
    let mut row = row(1, "ada@example.com", "");
    row.candidate.first_name = Some("Ada".parse().unwrap());

    let (kept, unchanged) = changed(decided(&import("{}"), &row, &[&ada()]));
    let (set, updated) = changed(decided(&import(r#"{"update_existing":true}"#), &row, &[&ada()]));

    assert_eq!((kept.first_name, unchanged), (None, RowOutcome::Unchanged));
    assert_eq!((set.first_name, updated), (row.candidate.first_name, RowOutcome::Updated));
}

#[test]
fn a_row_counts_the_same_when_it_runs_again() {
    let import = import(r#"{"update_existing":true}"#);
    let row = row(1, "ada@example.com", "");

    let (marked, outcome) = changed(decided(&import, &row, &[&ada()]));

    assert_eq!(outcome, RowOutcome::Unchanged);
    assert_eq!(marked.updated_at, ada().updated_at);
    assert!(matches!(decided(&import, &row, &[&marked]), Decision::Nothing(RowOutcome::Unchanged)));
}

#[test]
fn an_import_never_brings_back_somebody_who_unsubscribed() {
    let mut contact = ada();
    contact.consent.email.status = ConsentStatus::Unsubscribed;

    let (after, _) =
        changed(decided(&import(r#"{"consent":{"email":"shop"},"update_existing":true}"#), &row(1, "ada@example.com", ""), &[&contact]));

    assert_eq!(after.consent.email.status, ConsentStatus::Unsubscribed);
}

#[test]
fn addresses_of_two_contacts_and_a_phone_with_another_email_are_conflicts() {
    let mut other = ada();
    other.id = ContactId::from_bytes([9; 16]);
    other.email = Some("grace@example.com".parse().unwrap());
    other.phone = Some("+15017122661".parse().unwrap());
    for row in [row(1, "ada@example.com", "+15017122661"), row(2, "new@example.com", "+15017122661")] {
        let Decision::Reject(rejection) = decided(&import("{}"), &row, &[&ada(), &other]) else { panic!("{row:?}") };
        assert_eq!(rejection.code, "conflict");
    }
}
