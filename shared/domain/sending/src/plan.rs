//! PLAN n: up to fifty recipients and the data that their content needs, written once.

use std::collections::BTreeMap;
use std::io::Read as _;

use carillon_contracts::ContactId;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;

use crate::SendingError;
use crate::store::longest_days;

/// The most recipients of a plan: SES's bulk call takes so many (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html>).
pub const MOST_RECIPIENTS: usize = 50;

/// One recipient of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// The contact; absent for a single message to an address that no contact has.
    pub contact: Option<ContactId>,
    /// The email address or the number in E.164.
    pub address: String,
    /// The values of the definition's variables, in their order; `null` for one that the contact lacks.
    pub values: Vec<Value>,
}

/// Recipients that were left out while plans were written, by reason.
pub type Skipped = BTreeMap<String, u64>;

/// A plan as it is worked with.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The number, from 0.
    pub number: u32,
    /// The recipients.
    pub recipients: Vec<Recipient>,
    /// When it was written: exclusions since then are looked up before it is sent.
    pub created_at: Timestamp,
    /// Where the audience stood after the last recipient, as the reader of audiences writes it.
    pub cursor: String,
    /// How many recipients all plans up to this one have.
    pub recipients_so_far: u64,
    /// How many contacts were left out up to this plan, by reason.
    pub skipped_so_far: Skipped,
    /// The definition of a single message; a campaign's stands under its own key.
    pub definition: Option<String>,
    /// How many days it is kept, with its state.
    pub kept_days: u16,
}

/// The bytes of a contact's id; zeros where there is no contact.
const ID_BYTES: usize = 16;

/// A plan as it is stored, packed, because DynamoDB bills by the size of the whole item: ids as bytes, and addresses and values, which
/// repeat domains and names, compressed (DEFLATE, RFC 1951).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPlan {
    #[serde(rename = "n")]
    number: u32,
    #[serde(rename = "i")]
    contacts: ByteBuf,
    #[serde(rename = "r")]
    recipients: ByteBuf,
    #[serde(rename = "at")]
    created_ms: i64,
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    cursor: String,
    #[serde(rename = "rs", default)]
    recipients_so_far: u64,
    #[serde(rename = "ss", default, skip_serializing_if = "Skipped::is_empty")]
    skipped_so_far: Skipped,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    #[serde(rename = "k", default = "longest_days")]
    kept_days: u16,
}

impl StoredPlan {
    pub(crate) fn pack(plan: &Plan) -> Result<Self, SendingError> {
        let ids = plan.recipients.iter().flat_map(|recipient| recipient.contact.map_or([0; ID_BYTES], ContactId::to_bytes));
        let rest: Vec<(&str, &[Value])> =
            plan.recipients.iter().map(|recipient| (recipient.address.as_str(), recipient.values.as_slice())).collect();
        let mut packed = DeflateEncoder::new(Vec::with_capacity(1024), Compression::fast());
        serde_json::to_writer(&mut packed, &rest).map_err(|error| SendingError::Corrupt("plan", error))?;
        let packed = packed.finish().map_err(|error| SendingError::Corrupt("plan", serde_json::Error::io(error)))?;
        Ok(Self {
            number: plan.number,
            contacts: ByteBuf::from(ids.collect::<Vec<u8>>()),
            recipients: ByteBuf::from(packed),
            created_ms: plan.created_at.as_millisecond(),
            cursor: plan.cursor.clone(),
            recipients_so_far: plan.recipients_so_far,
            skipped_so_far: plan.skipped_so_far.clone(),
            definition: plan.definition.clone(),
            kept_days: plan.kept_days,
        })
    }

    pub(crate) fn unpack(self) -> Result<Plan, SendingError> {
        let mut unpacked = Vec::with_capacity(4096);
        let read = DeflateDecoder::new(self.recipients.as_slice()).read_to_end(&mut unpacked);
        read.map_err(|error| SendingError::Corrupt("plan", serde_json::Error::io(error)))?;
        let rest: Vec<(String, Vec<Value>)> = serde_json::from_slice(&unpacked).map_err(|error| SendingError::Corrupt("plan", error))?;
        let contact = |bytes: &[u8]| bytes.try_into().ok().filter(|id| *id != [0; ID_BYTES]).map(ContactId::from_bytes);
        let contacts = self.contacts.chunks(ID_BYTES).map(contact);
        let recipients = rest.into_iter().zip(contacts).map(|((address, values), contact)| Recipient { contact, address, values });
        Ok(Plan {
            number: self.number,
            recipients: recipients.collect(),
            created_at: Timestamp::from_millisecond(self.created_ms).unwrap_or_default(),
            cursor: self.cursor,
            recipients_so_far: self.recipients_so_far,
            skipped_so_far: self.skipped_so_far,
            definition: self.definition,
            kept_days: self.kept_days,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_as_it_was_packed() {
        let plan = Plan {
            number: 7,
            recipients: vec![
                Recipient {
                    contact: Some(ContactId::from_bytes([9; 16])),
                    address: "ada@example.com".to_owned(),
                    values: vec!["Ada".into(), Value::Null],
                },
                Recipient { contact: None, address: "+15550100".to_owned(), values: Vec::new() },
            ],
            created_at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
            cursor: "3:con".to_owned(),
            recipients_so_far: 352,
            skipped_so_far: Skipped::from([("suppressed".to_owned(), 4)]),
            definition: None,
            kept_days: 30,
        };

        assert_eq!(StoredPlan::pack(&plan).unwrap().unpack().unwrap(), plan);
    }

    #[test]
    fn a_plan_of_fifty_ordinary_recipients_is_two_write_units() {
        let recipients = (0..50_u8).map(|n| Recipient {
            contact: Some(ContactId::from_bytes([n + 1; 16])),
            address: format!("first.lastname{n}@example.com"),
            values: vec!["Alexandra".into()],
        });
        let plan = Plan {
            number: 1,
            recipients: recipients.collect(),
            created_at: Timestamp::UNIX_EPOCH,
            cursor: "15:con_01jd0000000000000000000000".to_owned(),
            recipients_so_far: 100,
            skipped_so_far: Skipped::new(),
            definition: None,
            kept_days: 30,
        };

        let stored = StoredPlan::pack(&plan).unwrap();
        let size = stored.contacts.len() + stored.recipients.len() + 200;

        assert!(size.div_ceil(1024) <= 2, "{size} bytes");
    }
}
