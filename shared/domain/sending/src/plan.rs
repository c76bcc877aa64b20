//! PLAN n: up to fifty recipients and the data that their content needs, written once.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::ContactId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SendingError;

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
}

/// A plan as it is stored: recipients packed into one text, because DynamoDB bills by the size of the whole item.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPlan {
    #[serde(rename = "n")]
    number: u32,
    #[serde(rename = "r")]
    recipients: String,
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
}

impl StoredPlan {
    pub(crate) fn pack(plan: &Plan) -> Result<Self, SendingError> {
        let packed: Vec<(Option<String>, &str, &[Value])> = plan
            .recipients
            .iter()
            .map(|recipient| {
                let contact = recipient.contact.map(|id| URL_SAFE_NO_PAD.encode(id.to_bytes()));
                (contact, recipient.address.as_str(), recipient.values.as_slice())
            })
            .collect();
        Ok(Self {
            number: plan.number,
            recipients: serde_json::to_string(&packed).map_err(|error| SendingError::Corrupt("plan", error))?,
            created_ms: plan.created_at.as_millisecond(),
            cursor: plan.cursor.clone(),
            recipients_so_far: plan.recipients_so_far,
            skipped_so_far: plan.skipped_so_far.clone(),
            definition: plan.definition.clone(),
        })
    }

    pub(crate) fn unpack(self) -> Result<Plan, SendingError> {
        let packed: Vec<(Option<String>, String, Vec<Value>)> =
            serde_json::from_str(&self.recipients).map_err(|error| SendingError::Corrupt("plan", error))?;
        let recipients = packed.into_iter().map(|(contact, address, values)| Recipient {
            contact: contact.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()).map(ContactId::from_bytes),
            address,
            values,
        });
        Ok(Plan {
            number: self.number,
            recipients: recipients.collect(),
            created_at: Timestamp::from_millisecond(self.created_ms).unwrap_or_default(),
            cursor: self.cursor,
            recipients_so_far: self.recipients_so_far,
            skipped_so_far: self.skipped_so_far,
            definition: self.definition,
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
        };

        assert_eq!(StoredPlan::pack(&plan).unwrap().unpack().unwrap(), plan);
    }

    #[test]
    fn a_plan_of_fifty_ordinary_recipients_is_four_write_units() {
        let recipients = (0..50_u8).map(|n| Recipient {
            contact: Some(ContactId::from_bytes([n; 16])),
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
        };

        let size = StoredPlan::pack(&plan).unwrap().recipients.len() + 200;

        assert!(size.div_ceil(1024) <= 4, "{size} bytes");
    }
}
