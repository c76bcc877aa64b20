//! The use cases of suppression: addresses that must not be written to, and unsubscribing.
//!
//! What is decided here:
//! - An address may be suppressed for several reasons at once; each is lifted for itself.
//! - Unsubscribing withdraws the consent *and* suppresses the address for marketing; transactional messages are still allowed. Every other
//!   reason keeps everything away.
//! - STOP suppresses the number and leaves the consent alone, so that START restores what was before. Only START lifts it: the carrier
//!   blocks, too.
//! - Lifting never gives consent: whoever unsubscribed is written to again only after a new consent.

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::{Channel, ContactId, OrganizationId};
use carillon_dynamo::{Cursor, Page, Query, StoreError, Table, Trail};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::Serialize;

use crate::address::Address;
use crate::contact::{Consent, ConsentStatus, Contact, Proof};
use crate::error::ContactsError;
use crate::keys;
use crate::state::{AddressRecord, State};
use crate::store::{AddressItem, ContactStore};
use crate::suppression::{Purpose, Standing, Suppression, SuppressionReason};

/// The reasons that an organization may lift by hand: all but STOP.
pub const LIFTED_BY_HAND: &[SuppressionReason] = &[
    SuppressionReason::Complaint,
    SuppressionReason::HardBounce,
    SuppressionReason::Invalid,
    SuppressionReason::Manual,
    SuppressionReason::Unsubscribe,
];

/// The reasons that a recipient lifts by answering START.
pub const LIFTED_BY_START: &[SuppressionReason] = &[SuppressionReason::Stop];

/// An address that is suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuppressedAddress {
    /// The channel.
    pub channel: Channel,
    /// The address: an email address in lower case, or a number in E.164.
    pub address: String,
    /// The contact that has it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// Why, the weightiest reason first.
    pub reasons: Vec<Suppression>,
}

/// Somebody who unsubscribes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscription {
    /// The organization.
    pub organization: OrganizationId,
    /// The contact.
    pub contact: ContactId,
    /// The channel.
    pub channel: Channel,
    /// Where it was said, such as `unsubscribe_link`.
    pub source: String,
    /// From where the request came.
    pub proof: Proof,
}

/// The suppressed addresses of all organizations.
#[derive(Debug, Clone)]
pub struct Suppressions {
    store: ContactStore,
}

impl Suppressions {
    /// Opens the suppressions.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: ContactStore { table: Table::from_setup(setup, "ENTITIES_TABLE")? } })
    }

    /// Gives the suppressions for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Suppresses an address, whether a contact has it or not. Safe to repeat: a reason that stands keeps its first moment.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn suppress(
        &self,
        organization: OrganizationId,
        address: &Address,
        suppression: Suppression,
    ) -> Result<SuppressedAddress, ContactsError> {
        let load = || self.store.load_address(organization, address);
        let edit = |state: &mut State| {
            state.addresses.entry(address.clone()).or_default().suppress(suppression.clone());
            Ok(())
        };
        let state = self.store.change((organization, suppression.at), load, edit).await?;
        Ok(shown(address, state.addresses.get(address).cloned().unwrap_or_default()))
    }

    /// Lifts some reasons of an address; tells whether any of them stood.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn lift(
        &self,
        organization: OrganizationId,
        address: &Address,
        reasons: &[SuppressionReason],
        moment: Timestamp,
    ) -> Result<bool, ContactsError> {
        let load = || self.store.load_address(organization, address);
        let edit = |state: &mut State| {
            if let Some(record) = state.addresses.get_mut(address) {
                record.suppressions.retain(|suppression| !reasons.contains(&suppression.reason));
            }
            Ok(())
        };
        let stood =
            self.find(organization, address).await?.is_some_and(|known| known.reasons.iter().any(|one| reasons.contains(&one.reason)));
        self.store.change((organization, moment), load, edit).await?;
        Ok(stood)
    }

    /// Lifts what an organization may lift by hand.
    ///
    /// # Errors
    /// [`ContactsError::SuppressionAbsent`] when the address is not suppressed, [`ContactsError::StopStands`] when only STOP is left.
    pub async fn lift_by_hand(&self, organization: OrganizationId, address: &Address, moment: Timestamp) -> Result<(), ContactsError> {
        let known = self.find(organization, address).await?.ok_or(ContactsError::SuppressionAbsent)?;
        if known.reasons.iter().all(|suppression| !LIFTED_BY_HAND.contains(&suppression.reason)) {
            return Err(ContactsError::StopStands);
        }
        self.lift(organization, address, LIFTED_BY_HAND, moment).await.map(|_| ())
    }

    /// Finds why an address is suppressed.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn find(&self, organization: OrganizationId, address: &Address) -> Result<Option<SuppressedAddress>, ContactsError> {
        let records = self.store.records(organization, BTreeSet::from([address.clone()])).await?;
        let record = records.into_values().next().unwrap_or_default();
        Ok((!record.suppressions.is_empty()).then(|| shown(address, record)))
    }

    /// Tells whether an address may be written to that need not be a contact's: without a contact there is no consent to marketing.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn standing(&self, organization: OrganizationId, address: &Address, purpose: Purpose) -> Result<Standing, ContactsError> {
        let state = self.store.load_address(organization, address).await?;
        if let Some(contact) = state.contact {
            return Ok(contact.standing(address.channel(), purpose));
        }
        let record = state.addresses.into_values().next().unwrap_or_default();
        let blocking = record.suppressions.iter().map(|suppression| suppression.reason).find(|reason| reason.blocks(purpose));
        Ok(match (blocking, purpose) {
            (Some(SuppressionReason::Unsubscribe), _) => Standing::Unsubscribed,
            (Some(reason), _) => Standing::Suppressed(reason),
            (None, Purpose::Marketing) => Standing::Unconsented,
            (None, Purpose::Transactional) => Standing::Eligible,
        })
    }

    /// Gives a page of the suppressed addresses, the latest first.
    ///
    /// # Errors
    /// [`ContactsError`] when the cursor is another listing's, or the table does not answer.
    pub async fn page(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<SuppressedAddress>, ContactsError> {
        let partition = keys::suppressed(organization);
        if cursor.as_ref().is_some_and(|cursor| cursor.attribute("gsi1pk") != Some(&partition)) {
            return Err(StoreError::Cursor.into());
        }
        let query = Query::index(partition).backwards().limit(limit).start(cursor);
        let page = self.store.table.query::<AddressItem>(query).await?;
        Ok(page.map(|item| SuppressedAddress {
            channel: item.channel,
            address: item.address,
            contact_id: item.contact,
            reasons: item.suppressions,
        }))
    }

    /// Unsubscribes a contact from a channel: withdraws the consent and suppresses the address for marketing. Safe to repeat.
    ///
    /// A contact that was deleted lately is still heard: the addresses that it had are suppressed.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn unsubscribe(&self, who: &Unsubscription, moment: Timestamp) -> Result<(), ContactsError> {
        let load = || self.store.load(who.organization, who.contact, BTreeSet::new());
        let edit = |state: &mut State| {
            if let Some(contact) = &mut state.contact {
                withdraw(contact, who, moment);
                if let Some(record) = contact.address(who.channel).and_then(|address| state.addresses.get_mut(&address)) {
                    record.suppress(Suppression::new(SuppressionReason::Unsubscribe, moment));
                }
            }
            Ok(())
        };
        match self.store.change((who.organization, moment), load, edit).await {
            Err(ContactsError::ContactAbsent) => {}
            other => return other.map(|_| ()),
        }
        for address in self.store.departed(who.organization, who.contact).await? {
            if address.channel() == who.channel {
                self.suppress(who.organization, &address, Suppression::new(SuppressionReason::Unsubscribe, moment)).await?;
            }
        }
        Ok(())
    }
}

fn withdraw(contact: &mut Contact, who: &Unsubscription, moment: Timestamp) {
    let consent = contact.consent.of_mut(who.channel);
    if consent.status != ConsentStatus::Unsubscribed {
        let (source, proof) = (Some(who.source.clone()), Some(who.proof.clone()));
        *consent = Consent { status: ConsentStatus::Unsubscribed, source, at: Some(moment), proof };
    }
}

fn shown(address: &Address, record: AddressRecord) -> SuppressedAddress {
    SuppressedAddress { channel: address.channel(), address: address.to_string(), contact_id: record.contact, reasons: record.suppressions }
}
