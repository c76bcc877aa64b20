//! The use cases of invitations.

use std::sync::Arc;

use carillon_contracts::message::{Notice, NoticeRequested};
use carillon_contracts::{Caller, InvitationId, OrganizationId, Principal, Role};
use carillon_dynamo::{Cursor, Page, Trail, Write};
use carillon_kernel::secret::Signer;
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::{Outbox, Ticket};
use jiff::Timestamp;
use serde::Serialize;

use crate::account_store::AccountStore;
use crate::attempts::{Policy, Subject, Turn};
use crate::error::IdentityError;
use crate::invitation::{Invitation, MOST_OPEN, NewInvitation, read_token};
use crate::member::Member;
use crate::member_store::MemberStore;
use crate::organization::Organization;
use crate::organization_store::OrganizationStore;
use crate::role::ResolvedRole;
use crate::user::{EmailAddress, User};

/// An invitation as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedInvitation {
    /// Its id.
    pub id: InvitationId,
    /// To whom it was mailed.
    pub email: EmailAddress,
    /// The role that it offers.
    pub role: Role,
    /// Who invites; absent when a program or the operator does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<carillon_contracts::UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An invitation whose link was shown, and the organization that it leads into.
#[derive(Debug, Clone)]
pub struct ShownInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The organization.
    pub organization: Organization,
}

/// The invitations of organizations.
#[derive(Debug, Clone)]
pub struct Invitations {
    store: MemberStore,
    organizations: OrganizationStore,
    attempts: AccountStore,
    outbox: Outbox,
}

impl Invitations {
    /// Opens the invitations; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let (store, organizations) = (MemberStore::from_setup(setup)?, OrganizationStore::from_setup(setup)?);
        Ok(Self { store, organizations, attempts: AccountStore::from_setup(setup)?, outbox: Outbox::from_setup(setup)? })
    }

    /// Gives the invitations for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), organizations: self.organizations.by(trail), ..self.clone() }
    }

    /// Invites an address, and has it written to; an invitation that was open for it ends, its link too.
    ///
    /// # Errors
    /// [`IdentityError::RoleUnknown`], [`IdentityError::RoleNotHeld`], [`IdentityError::OwnershipIsTransferred`],
    /// [`IdentityError::AlreadyMember`], [`IdentityError::TooManyInvitations`], [`IdentityError::TooManyMails`], [`IdentityError::Raced`].
    pub async fn create(
        &self,
        caller: &Caller,
        (email, role): (EmailAddress, Role),
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<ListedInvitation, IdentityError> {
        let organization = caller.organization;
        let _may_be_given = self.store.resolve(organization, role).await?.ok_or(IdentityError::RoleUnknown)?.given_by(caller)?;
        if let Some(user) = self.store.find_user_of(&email).await?
            && self.store.find_member(organization, user).await?.is_some()
        {
            return Err(IdentityError::AlreadyMember);
        }
        let replaced = self.store.find_invited(organization, &email).await?;
        if replaced.is_none() && self.store.count_invitations(organization, moment).await? >= MOST_OPEN {
            return Err(IdentityError::TooManyInvitations);
        }
        let invited_by = match caller.principal {
            Principal::User(user, _) => Some(user),
            Principal::ApiKey(_) => None,
        };
        let invitation = Invitation::new(ids.id(moment), NewInvitation { organization, email, role, invited_by }, moment);
        let mut writes = self.store.insert_invitation(&invitation, replaced.as_ref())?;
        let (write, ticket) = self.notice(&invitation, (moment, ids))?;
        writes.extend([write, self.turn(&invitation, moment).await?]);
        self.store.commit(writes).await?;
        self.outbox.dispatch(ticket).await;
        Ok(invitation.into())
    }

    /// Makes the write of a mail's turn: an address is not written to again and again.
    async fn turn(&self, invitation: &Invitation, moment: Timestamp) -> Result<Write, IdentityError> {
        let subject = Subject::Invitation(invitation.organization, invitation.email.clone());
        let before = self.attempts.find_attempts(std::slice::from_ref(&subject)).await?.into_iter().flatten().next();
        match before.unwrap_or_default().take(&Policy::OF_MAILS, moment) {
            (_, Turn::Wait(wait)) => Err(IdentityError::TooManyMails(wait)),
            (taken, Turn::Taken { .. }) => Ok(self.attempts.take_turn(&subject, &taken, &Policy::OF_MAILS)?),
        }
    }

    /// Makes the writes that invite the owner of an organization, for the transaction that makes it; the ticket is for [`Invitations::tell`].
    ///
    /// # Errors
    /// [`IdentityError::Store`] or [`IdentityError::Outbox`] when something cannot be written as an item.
    pub fn owner_writes(
        &self,
        organization: OrganizationId,
        email: EmailAddress,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(Vec<Write>, Ticket), IdentityError> {
        let new = NewInvitation { organization, email, role: Role::Owner, invited_by: None };
        let invitation = Invitation::new(ids.id(moment), new, moment);
        let mut writes = self.store.insert_invitation(&invitation, None)?;
        let (write, ticket) = self.notice(&invitation, (moment, ids))?;
        writes.push(write);
        Ok((writes, ticket))
    }

    /// Sends what was left in the outbox by a transaction that is done.
    pub async fn tell(&self, ticket: Ticket) {
        self.outbox.dispatch(ticket).await;
    }

    /// Gives an open invitation, for the mail that is written about it.
    ///
    /// # Errors
    /// [`IdentityError::InvitationAbsent`], or [`IdentityError::Store`] when the table fails.
    pub async fn get(&self, organization: OrganizationId, id: InvitationId) -> Result<Invitation, IdentityError> {
        self.store.find_invitation(organization, id).await?.ok_or(IdentityError::InvitationAbsent)
    }

    /// Lists an organization's open invitations, oldest first.
    ///
    /// # Errors
    /// [`IdentityError::Cursor`], or [`IdentityError::Store`] when the table fails.
    pub async fn page(
        &self,
        organization: OrganizationId,
        (cursor, limit): (Option<Cursor>, u32),
        moment: Timestamp,
    ) -> Result<Page<ListedInvitation>, IdentityError> {
        let mut page = self.store.page_invitations(organization, cursor, limit).await?;
        page.items.retain(|invitation| invitation.is_open(moment));
        Ok(page.map(ListedInvitation::from))
    }

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// [`IdentityError::InvitationAbsent`], [`IdentityError::Raced`] when it was taken at the same moment.
    pub async fn withdraw(&self, organization: OrganizationId, id: InvitationId) -> Result<(), IdentityError> {
        let invitation = self.get(organization, id).await?;
        Ok(self.store.commit(self.store.delete_invitation(&invitation).into()).await?)
    }

    /// Finds the invitation of a link that was mailed.
    ///
    /// # Errors
    /// [`IdentityError::InvitationNotValid`], whatever is wrong with it: nobody learns which organizations or invitations there are.
    pub async fn shown(&self, signer: &Signer, (token, moment): (&str, Timestamp)) -> Result<ShownInvitation, IdentityError> {
        let (organization, id) = read_token(signer, token).ok_or(IdentityError::InvitationNotValid)?;
        let invitation = self.store.find_invitation(organization, id).await?.filter(|invitation| invitation.is_open(moment));
        let invitation = invitation.ok_or(IdentityError::InvitationNotValid)?;
        let organization = self.organizations.find(organization).await?.filter(|found| found.suspended.is_none());
        Ok(ShownInvitation { invitation, organization: organization.ok_or(IdentityError::InvitationNotValid)? })
    }

    /// Makes a user a member, as the invitation that was shown offers it; `with` are the writes that make the user, if it is new.
    ///
    /// # Errors
    /// [`IdentityError::AlreadyMember`], [`IdentityError::InvitationNotValid`] when the role is no more, [`IdentityError::Raced`] when the
    /// invitation was taken or withdrawn at the same moment.
    pub async fn accept(
        &self,
        shown: &ShownInvitation,
        user: &User,
        (with, moment): (Vec<Write>, Timestamp),
    ) -> Result<Member, IdentityError> {
        let ShownInvitation { invitation, organization } = shown;
        if self.store.find_member(organization.id, user.id).await?.is_some() {
            return Err(IdentityError::AlreadyMember);
        }
        let role = self.store.resolve(organization.id, invitation.role).await?.ok_or(IdentityError::InvitationNotValid)?;
        let mut writes: Vec<Write> = self.store.delete_invitation(invitation).into();
        writes.push(self.admission(organization, (user, &role), moment)?);
        writes.extend(self.store.give_role(organization.id, &role));
        let member = Member::new((organization.id, user.id), role, moment).invited_by(invitation.invited_by);
        writes.extend(self.store.insert_member(&member)?);
        writes.extend(with);
        self.store.commit(writes).await?;
        Ok(member)
    }

    /// Makes the part of a commit that demands that an invitation is still there.
    #[must_use]
    pub fn check_open(&self, invitation: &Invitation) -> Write {
        self.store.check_invitation(invitation)
    }

    /// Makes the writes that withdraw all invitations of an address, for the transaction that erases its user.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn erasure_writes(&self, email: &EmailAddress) -> Result<Vec<(OrganizationId, [Write; 2])>, IdentityError> {
        let invitations = self.store.invitations_of(email).await?;
        Ok(invitations.iter().map(|invitation| (invitation.organization, self.store.delete_invitation(invitation))).collect())
    }

    /// Makes the write that lets somebody into an organization: it must not be suspended, and who becomes its owner is noted.
    fn admission(
        &self,
        organization: &Organization,
        (user, role): (&User, &ResolvedRole),
        moment: Timestamp,
    ) -> Result<Write, IdentityError> {
        if role.role != Role::Owner {
            return Ok(self.organizations.check_open(organization.id));
        }
        // The operator invites the first owner only: one who came meanwhile stays.
        if organization.owner.is_some() {
            return Err(IdentityError::InvitationNotValid);
        }
        let owned = organization.clone().transferred(user.id, moment);
        Ok(self.organizations.replace(organization, &owned)?)
    }

    fn notice(&self, invitation: &Invitation, (moment, ids): (Timestamp, &IdSource)) -> Result<(Write, Ticket), IdentityError> {
        let notice = Notice::Invitation { organization: invitation.organization, invitation: invitation.id };
        let request = NoticeRequested { id: format!("invitation:{}", invitation.id), notice };
        Ok(self.outbox.write(&request, moment, ids)?)
    }
}

impl From<Invitation> for ListedInvitation {
    fn from(invitation: Invitation) -> Self {
        let Invitation { id, email, role, invited_by, created_at, expires_at, .. } = invitation;
        Self { id, email, role, invited_by, created_at, expires_at }
    }
}
