//! An invitation: the offer of a role to an address, and the link that takes it.

use std::time::Duration;

use carillon_contracts::{InvitationId, OrganizationId, Role, UserId};
use carillon_kernel::secret::Signer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::user::EmailAddress;

/// How long an invitation may be taken.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many invitations of an organization may be open at the same time.
pub const MOST_OPEN: usize = 200;
/// What the signature in a link is for.
const PURPOSE: &str = "invitation";

/// An open invitation as stored: one that was taken or withdrawn is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The organization.
    pub organization: OrganizationId,
    /// To whom it was mailed.
    pub email: EmailAddress,
    /// The role that it offers.
    pub role: Role,
    /// Who invites; nobody when a program or the operator does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a new invitation is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// To whom it is mailed.
    pub email: EmailAddress,
    /// The role that it offers.
    pub role: Role,
    /// Who invites.
    pub invited_by: Option<UserId>,
}

/// What the audit trail says of an invitation: not the address, because what is sealed cannot be erased.
#[derive(Debug, Serialize)]
pub(crate) struct AuditedInvitation {
    role: Role,
    expires_at: Timestamp,
}

impl Invitation {
    /// Makes an invitation that is open for a week.
    #[must_use]
    pub fn new(id: InvitationId, new: NewInvitation, moment: Timestamp) -> Self {
        let NewInvitation { organization, email, role, invited_by } = new;
        let expires_at = moment.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        Self { id, organization, email, role, invited_by, created_at: moment, expires_at }
    }

    /// Tells whether the invitation may still be taken.
    #[must_use]
    pub fn is_open(&self, moment: Timestamp) -> bool {
        moment < self.expires_at
    }

    pub(crate) fn audited(&self) -> AuditedInvitation {
        AuditedInvitation { role: self.role, expires_at: self.expires_at }
    }
}

/// Writes the token of an invitation's link: organization, invitation, and a signature over both.
///
/// The stored invitation makes it single use, the signature makes it unguessable, and nothing secret is stored or queued.
#[must_use]
pub fn link_token(signer: &Signer, organization: OrganizationId, invitation: InvitationId) -> String {
    let payload = format!("{organization}.{invitation}");
    let signature = signer.sign(PURPOSE, &payload);
    format!("{payload}.{signature}")
}

/// Reads the token of a link; nothing when it is not one that was mailed.
pub(crate) fn read_token(signer: &Signer, token: &str) -> Option<(OrganizationId, InvitationId)> {
    let (payload, signature) = token.rsplit_once('.')?;
    if !signer.verify(PURPOSE, payload, signature) {
        return None;
    }
    let (organization, invitation) = payload.split_once('.')?;
    Some((organization.parse().ok()?, invitation.parse().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::Secret;
    use proptest::prelude::*;

    use super::*;

    fn ids() -> (OrganizationId, InvitationId) {
        (OrganizationId::from_bytes([1; 16]), InvitationId::from_bytes([2; 16]))
    }

    #[test]
    fn an_invitation_is_open_for_a_week() {
        let (organization, id) = ids();
        let email = EmailAddress::try_from("new@bells.example".to_owned()).unwrap();
        let new = NewInvitation { organization, email, role: Role::Agent, invited_by: None };
        let invitation = Invitation::new(id, new, Timestamp::UNIX_EPOCH);

        let week = 7 * 24 * 60 * 60;
        assert!(invitation.is_open(Timestamp::from_second(week - 1).unwrap()));
        assert!(!invitation.is_open(Timestamp::from_second(week).unwrap()));
    }

    #[test]
    fn a_link_reads_back_with_its_own_key_only() {
        let (organization, invitation) = ids();
        let signer = Signer::new(&Secret::new("key"));

        let token = link_token(&signer, organization, invitation);

        assert_eq!(read_token(&signer, &token), Some((organization, invitation)));
        assert_eq!(read_token(&Signer::new(&Secret::new("other key")), &token), None);
    }

    proptest! {
        #[test]
        fn a_link_that_was_changed_in_one_character_is_none(place in 0_usize..80, letter in "[a-z0-9._]") {
            let (organization, invitation) = ids();
            let signer = Signer::new(&Secret::new("key"));
            let token = link_token(&signer, organization, invitation);
            let mut changed = token.clone();
            let place = place % token.len();
            changed.replace_range(place..=place, &letter);

            prop_assume!(changed != token);
            prop_assert_eq!(read_token(&signer, &changed), None);
        }

        #[test]
        fn no_text_is_a_link_by_chance(text in ".{0,120}") {
            prop_assert_eq!(read_token(&Signer::new(&Secret::new("key")), &text), None);
        }
    }
}
