//! Contacts: people with addresses, consent, tags and lists; who must not be written to; audiences; imports from files.
//!
//! Reading order: [`limits`], [`address`], [`attribute`], [`tag`], [`suppression`] and [`contact`] (types and pure rules), `state` (one
//! change of a contact and of the records of its addresses, and what it excludes), `audit` (what is told of it), `keys` and `store` (how that is kept), then the use cases:
//! [`contacts`], [`tags`], [`lists`], [`suppressions`], [`exclusions`], [`audience`], [`unsubscribe`], [`import`].

pub mod address;
pub mod attribute;
pub mod audience;
mod audit;
pub mod change;
pub mod contact;
pub mod contacts;
pub mod error;
pub mod exclusions;
pub mod import;
mod keys;
pub mod limits;
pub mod lists;
mod state;
mod store;
pub mod suppression;
pub mod suppressions;
pub mod tag;
pub mod tags;
mod text;
pub mod unsubscribe;

pub use address::{Address, EmailAddress, Phone, Region};
pub use attribute::{AttributeName, AttributeValue};
pub use audience::{AudiencePage, AudienceReader, AudienceSize, Member, Position};
pub use change::{ContactChange, NewContact, Patch};
pub use contact::{Consent, ConsentStatus, Consents, Contact, Locale, PersonName, Proof, Suppressed, TimeZoneName};
pub use contacts::Contacts;
pub use error::ContactsError;
pub use exclusions::{Excluded, Exclusion, Exclusions};
pub use lists::{ContactList, ListName, Lists};
pub use suppression::{Purpose, Standing, Suppression, SuppressionReason};
pub use suppressions::{SuppressedAddress, Suppressions};
pub use tag::Tag;
pub use tags::Tags;
