//! Contacts in any number, written straight into the table, because importing them is not what is measured.

use std::ops::Range;

use carillon_contacts::change::ConsentChange;
use carillon_contacts::{Address, ConsentStatus, Contact, NewContact};
use carillon_contracts::{Channel, ContactId, ListId, OrganizationId};
use carillon_dynamo::{Condition, Key, Table, Write, number, text};
use carillon_kernel::{IdSource, Setup};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::json;

use crate::Failure;

/// Three items each, at most a hundred in one transaction.
const CONTACTS_OF_COMMIT: u64 = 33;
/// How many transactions are under way at once.
const COMMITS_AT_ONCE: usize = 4;
/// Over how many partitions contacts spread, as in the contacts domain.
const SHARDS: u8 = 16;

const NAMES: [&str; 8] = ["Ada", "Grace", "Alexandra", "Zoë", "Mohammed", "Li", "Siobhán", "O'Neill"];

/// Writes contacts in the form of the contacts domain: the contact, its address's record, its membership of a list.
///
/// `told` hears how many are written.
pub async fn write(setup: &Setup, of: (OrganizationId, ListId), count: u64, told: impl Fn(u64)) -> Result<(), Failure> {
    let table = Table::from_setup(setup, "ENTITIES_TABLE")?;
    let (ids, moment) = (setup.ids(), setup.clock().now());
    let starts = (0..count).step_by(usize::try_from(CONTACTS_OF_COMMIT)?);
    let commits = stream::iter(starts).map(|start| {
        let writes = writes((&table, of), (&ids, moment), start..count.min(start + CONTACTS_OF_COMMIT));
        let table = &table;
        async move {
            table.commit(writes?).await?;
            Ok::<u64, Failure>(start)
        }
    });
    commits
        .buffer_unordered(COMMITS_AT_ONCE)
        .try_for_each(|start| {
            futures::future::ready({
                told(start);
                Ok(())
            })
        })
        .await?;
    Ok(())
}

fn writes(
    (table, of): (&Table, (OrganizationId, ListId)),
    (ids, moment): (&IdSource, Timestamp),
    numbers: Range<u64>,
) -> Result<Vec<Write>, Failure> {
    let mut writes = Vec::new();
    for number in numbers {
        writes.extend(of_contact(table, of, (number, ids.id(moment)), moment)?);
    }
    Ok(writes)
}

fn of_contact(
    table: &Table,
    (organization, list): (OrganizationId, ListId),
    (place, id): (u64, ContactId),
    moment: Timestamp,
) -> Result<[Write; 3], Failure> {
    let contact = contact((organization, list), (place, id), moment)?;
    let email = contact.email.as_ref().map(Address::from).ok_or("a contact without an address")?;
    let shard = id.shard(SHARDS);
    let kept = Key::new(format!("ORG#{organization}#CON#{shard:02}"), id.to_string());
    let member = Key::new(format!("ORG#{organization}#LIST#{list}#{shard:02}"), id.to_string());
    let record = Key::new(format!("ORG#{organization}#ADDR#{}#{email}", Channel::Email), "ADDR");
    let address = json!({
        "entity": "address", "schema": 1, "channel": Channel::Email, "address": email.to_string(), "contact": id,
        "suppressions": [], "version": moment.as_millisecond(),
    });
    Ok([
        table.put(kept, &contact, Condition::Always)?.with("entity", text("contact")).with("schema", number(1)),
        table.put(member, &json!({ "entity": "member", "schema": 1 }), Condition::Always)?,
        table.put(record, &address, Condition::Always)?,
    ])
}

fn contact((organization, list): (OrganizationId, ListId), (place, id): (u64, ContactId), moment: Timestamp) -> Result<Contact, Failure> {
    let name = NAMES.get(usize::try_from(place)? % NAMES.len()).copied().unwrap_or_default();
    let new = NewContact {
        email: Some(format!("first.lastname{place}@example.com").parse()?),
        first_name: Some(name.parse()?),
        last_name: Some("Lastname".parse()?),
        consent: [(Channel::Email, ConsentChange { status: ConsentStatus::Subscribed, source: Some("bench".to_owned()) })].into(),
        ..NewContact::default()
    };
    let mut contact = new.into_contact(organization, id, moment);
    contact.lists.insert(list);
    Ok(contact)
}
