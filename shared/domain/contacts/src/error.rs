//! What can go wrong with contacts.

use carillon_blob::BlobError;
use carillon_contracts::{Channel, ContactId};
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};

use crate::import::FileRefusal;

/// What can go wrong with contacts, tags, lists, suppressions and imports.
#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    /// There is no such contact.
    #[error("there is no such contact")]
    ContactAbsent,
    /// There is no such list.
    #[error("there is no such list")]
    ListAbsent,
    /// There is no such import.
    #[error("there is no such import")]
    ImportAbsent,
    /// The address is not suppressed.
    #[error("the address is not suppressed")]
    SuppressionAbsent,
    /// A contact needs an address.
    #[error("a contact needs an email address or a phone number")]
    AddressMissing,
    /// The address belongs to another contact.
    #[error("the {} belongs to the contact {contact} already: change that one", address_noun(*.channel))]
    AddressTaken {
        /// The channel of the address.
        channel: Channel,
        /// The contact that has it.
        contact: ContactId,
    },
    /// The contact was changed since the caller read it.
    #[error("the contact was changed meanwhile: its version is {0}")]
    VersionConflict(u64),
    /// The contact has more of something than a contact can have.
    #[error("{0}")]
    TooMany(&'static str),
    /// A suppression by STOP stands until START, because the carrier blocks, too.
    #[error("the recipient answered STOP: only their START lifts this suppression")]
    StopStands,
    /// Others change the same things all the time.
    #[error("too many changes of the same contact at once")]
    Busy,
    /// The import was started already, with other options.
    #[error("the import was started already")]
    ImportStarted,
    /// The import's file was not uploaded.
    #[error("the file was not uploaded yet: PUT it to the address that the import came with")]
    FileAbsent,
    /// The import's file cannot be read.
    #[error("the file cannot be imported")]
    File(FileRefusal),
    /// The options of an import do not fit its file.
    #[error("the options do not fit the file")]
    Options(Vec<Problem>),
    /// The table.
    #[error("the contacts cannot be read or written")]
    Store(#[from] StoreError),
    /// The bucket.
    #[error("the files of imports cannot be read or written")]
    Blob(#[from] BlobError),
}

const fn address_noun(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email address",
        Channel::Sms => "phone number",
    }
}

impl Fault for ContactsError {
    fn kind(&self) -> Kind {
        match self {
            Self::ContactAbsent | Self::ListAbsent | Self::ImportAbsent | Self::SuppressionAbsent => Kind::Absent,
            Self::AddressMissing | Self::TooMany(_) | Self::File(_) | Self::Options(_) => Kind::Invalid,
            Self::AddressTaken { .. } | Self::VersionConflict(_) | Self::StopStands | Self::ImportStarted | Self::FileAbsent => {
                Kind::Conflict
            }
            Self::Busy => Kind::Unavailable,
            Self::Store(error) => error.kind(),
            Self::Blob(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ContactAbsent => "contacts.absent",
            Self::ListAbsent => "lists.absent",
            Self::ImportAbsent => "imports.absent",
            Self::SuppressionAbsent => "suppressions.absent",
            Self::AddressMissing => "contacts.address_missing",
            Self::AddressTaken { channel: Channel::Email, .. } => "contacts.email_taken",
            Self::AddressTaken { channel: Channel::Sms, .. } => "contacts.phone_taken",
            Self::VersionConflict(_) => "contacts.version_conflict",
            Self::TooMany(_) => "contacts.too_many",
            Self::StopStands => "suppressions.stop_stands",
            Self::Busy => "contacts.busy",
            Self::ImportStarted => "imports.started",
            Self::FileAbsent => "imports.file_absent",
            Self::File(_) => "imports.file",
            Self::Options(_) => "imports.options",
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::AddressMissing => vec![Problem::new("/email", self.code(), self.to_string())],
            Self::File(refusal) => vec![Problem::new("", refusal.code(), refusal.to_string())],
            Self::Options(problems) => problems.clone(),
            _ => Vec::new(),
        }
    }
}
