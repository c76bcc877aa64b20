//! The tags that our mails carry, so that SES's events name the attempt that they speak of.
//!
//! SES allows letters, digits, underscores and hyphens in names and values, up to 256 of them
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html>), and gives every value back as a list.

use std::borrow::Cow;

use carillon_contracts::{EntryRef, OrganizationId};
use serde::Deserialize;

/// The tag of the organization.
pub const ORGANIZATION: &str = "carillon_org";
/// The tag of the run; also the query parameter of callback addresses, for people who look at a provider's console.
pub const RUN: &str = "carillon_run";
/// The tag of the plan.
pub const PLAN: &str = "carillon_plan";
/// The tag of the entry in the plan.
pub const ENTRY: &str = "carillon_entry";
/// The tag of the attempt.
pub const ATTEMPT: &str = "carillon_attempt";

/// Gives the tags of one mail, names and values.
#[must_use]
pub fn tags(organization: OrganizationId, entry: &EntryRef) -> Vec<(String, String)> {
    let values = [
        (ORGANIZATION, organization.to_string()),
        (RUN, entry.run.to_string()),
        (PLAN, entry.plan.to_string()),
        (ENTRY, entry.index.to_string()),
        (ATTEMPT, entry.attempt.to_string()),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The tags of an event, as far as they are ours.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EventTags<'a> {
    #[serde(borrow, rename = "carillon_org")]
    organization: Vec<Value<'a>>,
    #[serde(borrow, rename = "carillon_run")]
    run: Vec<Value<'a>>,
    #[serde(borrow, rename = "carillon_plan")]
    plan: Vec<Value<'a>>,
    #[serde(borrow, rename = "carillon_entry")]
    entry: Vec<Value<'a>>,
    #[serde(borrow, rename = "carillon_attempt")]
    attempt: Vec<Value<'a>>,
}

#[derive(Debug, Deserialize)]
struct Value<'a>(#[serde(borrow)] Cow<'a, str>);

impl EventTags<'_> {
    /// Reads which attempt the mail was; nothing when it was not ours.
    pub(crate) fn read(&self) -> Option<(OrganizationId, EntryRef)> {
        let entry =
            EntryRef { run: first(&self.run)?, plan: first(&self.plan)?, index: first(&self.entry)?, attempt: first(&self.attempt)? };
        Some((first(&self.organization)?, entry))
    }
}

fn first<T: std::str::FromStr>(values: &[Value<'_>]) -> Option<T> {
    values.first()?.0.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use carillon_contracts::{CampaignId, Run};

    use super::*;

    #[test]
    fn what_goes_out_comes_back() {
        let organization = OrganizationId::from_bytes([1; 16]);
        let entry = EntryRef { run: Run::Campaign(CampaignId::from_bytes([2; 16])), plan: 4_294_967_295, index: 49, attempt: 255 };

        let out = tags(organization, &entry);
        let back: BTreeMap<String, [String; 1]> = out.iter().map(|(name, value)| (name.clone(), [value.clone()])).collect();
        let text = serde_json::to_string(&back).unwrap();

        assert_eq!(serde_json::from_str::<EventTags<'_>>(&text).unwrap().read(), Some((organization, entry)));
        let legal = |text: &str| text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        assert!(out.iter().all(|(name, value)| legal(name) && legal(value)));
    }
}
