//! Where members, roles and invitations are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the members of an organization, one of them | `ORG#{org}#MEMBERS` / `{user}` |
//! | the organizations of a user | `USER#{user}` / `MEMBER#{org}` |
//! | the user of an address (of the accounts) | `EMAIL#{address}` / `EMAIL` |
//! | name and address of a user (of the accounts) | `USER#{user}` / `USER` |
//! | the sessions of a user, to end those of an organization (of the accounts) | `USER#{user}` / `SESSION#{session}` |
//! | the roles of an organization, one of them | `ORG#{org}#ROLES` / `{role}` |
//! | the open invitations of an organization, one of them | `ORG#{org}#INVITATIONS` / `{invitation}` |
//! | the one open invitation of an address | `ORG#{org}#INVITED` / `{address}` |
//! | the invitations of an address, in whatever organization | index: `INVITED#{address}` / `{org}#{invitation}` |
//!
//! A member is two items, written in one transaction. The items of invitations end with them (`ttl`); a reader looks at the moment
//! itself, because DynamoDB deletes late.

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_contracts::{InvitationId, MemberRecord, OrganizationId, Role, RoleId, SessionId, SessionRecord, UserId};
use carillon_dynamo::{Audited, Change, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::invitation::Invitation;
use crate::member::{Member, Membership};
use crate::role::{CustomRole, ResolvedRole};
use crate::user::{EmailAddress, PersonName};

const SCHEMA: u32 = 1;
/// How many members are looked at with one read.
const PAGE: u32 = 500;

#[derive(Debug, Clone)]
pub(crate) struct MemberStore {
    entities: Table,
}

/// What lists of members show of a user.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Profile {
    id: UserId,
    pub(crate) name: PersonName,
    pub(crate) email: EmailAddress,
}

/// Whose an address is.
#[derive(Debug, Clone, Deserialize)]
struct AddressOwner {
    user: UserId,
}

/// Which invitation of an address is the open one.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub(crate) struct Invited {
    pub(crate) invitation: InvitationId,
}

/// What is needed of a session to end it.
#[derive(Debug, Clone, Deserialize)]
struct OpenSession {
    sk: String,
    organization: OrganizationId,
    revoked_at: Option<Timestamp>,
}

impl MemberStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    /// Carries out writes of this store and others as one transaction.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.entities.commit(writes).await
    }

    pub(crate) async fn find_member(&self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.entities.find(member_key(organization, user)).await
    }

    pub(crate) async fn page_members(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Member>, StoreError> {
        let query = page_of(members_partition(organization), cursor)?;
        self.entities.query(query.limit(limit)).await
    }

    pub(crate) async fn count_members(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.entities.count(Query::partition(members_partition(organization))).await
    }

    pub(crate) async fn count_roles(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.entities.count(Query::partition(roles_partition(organization))).await
    }

    /// Lists members whose copy of a role is older than a version, at most so many.
    pub(crate) async fn members_behind(
        &self,
        organization: OrganizationId,
        (role, version): (RoleId, u64),
        most: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let mut behind = Vec::new();
        let mut start = None;
        loop {
            let query = Query::partition(members_partition(organization)).strong().limit(PAGE).start(start);
            let page: Page<Member> = self.entities.query(query).await?;
            let is_behind = |member: &Member| member.role == Role::Custom(role) && member.role_version.is_none_or(|seen| seen < version);
            behind.extend(page.items.into_iter().filter(is_behind));
            start = page.next;
            if start.is_none() || behind.len() >= most {
                behind.truncate(most);
                return Ok(behind);
            }
        }
    }

    pub(crate) async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.entities.query_all(Query::partition(user_partition(user)).prefix("MEMBER#").strong()).await
    }

    pub(crate) async fn profiles(&self, users: &[UserId]) -> Result<BTreeMap<UserId, Profile>, StoreError> {
        let keys: Vec<Key> = users.iter().map(|user| Key::new(user_partition(*user), "USER")).collect();
        let found: Vec<Profile> = self.entities.find_many(&keys).await?;
        Ok(found.into_iter().map(|profile| (profile.id, profile)).collect())
    }

    pub(crate) async fn find_user_of(&self, email: &EmailAddress) -> Result<Option<UserId>, StoreError> {
        let owner: Option<AddressOwner> = self.entities.find(Key::new(format!("EMAIL#{}", email.key()), "EMAIL")).await?;
        Ok(owner.map(|owner| owner.user))
    }

    /// Makes the writes of a new member, on both sides.
    pub(crate) fn insert_member(&self, member: &Member) -> Result<[Write; 2], StoreError> {
        let key = member_key(member.organization, member.user);
        let put = self.entities.put(key, member, Condition::Absent)?.with("entity", text("member")).with("schema", number(SCHEMA));
        let other_key = membership_key(member.user, member.organization);
        let other = self.entities.put(other_key, &member.membership(), Condition::Absent)?;
        Ok([
            put.audited(Audited::created("member", member.user, &member.audited())),
            other.with("entity", text("membership")).with("schema", number(SCHEMA)),
        ])
    }

    /// Makes the write of a member's next version.
    pub(crate) fn replace_member(&self, before: &Member, after: &Member) -> Result<Write, StoreError> {
        let key = member_key(after.organization, after.user);
        let put = self.entities.put(key, after, Condition::version(before.version))?;
        let put = put.with("entity", text("member")).with("schema", number(SCHEMA));
        Ok(put.audited(Audited::changed("member", after.user, (&before.audited(), &after.audited()))))
    }

    /// Makes the writes that remove a member on both sides.
    pub(crate) fn delete_member(&self, member: &Member) -> [Write; 2] {
        let key = member_key(member.organization, member.user);
        let delete = self.entities.delete(key, Condition::version(member.version));
        let other = self.entities.delete(membership_key(member.user, member.organization), Condition::Always);
        [delete.audited(Audited::deleted("member", member.user, &member.audited())), other]
    }

    /// Makes the writes that end a user's sessions of one organization, the newest first, at most so many.
    pub(crate) async fn end_sessions(
        &self,
        (organization, user): (OrganizationId, UserId),
        most: usize,
        moment: Timestamp,
    ) -> Result<Vec<Write>, StoreError> {
        let query = Query::partition(user_partition(user)).prefix(SessionRecord::SORT_KEY).strong().backwards();
        let sessions: Vec<OpenSession> = self.entities.query_all(query).await?;
        let open = sessions.into_iter().filter(|session| session.organization == organization && session.revoked_at.is_none());
        let end = |session: OpenSession| {
            let change = Change::new().set("revoked_at", text(moment));
            let id = session.sk.strip_prefix(SessionRecord::SORT_KEY).unwrap_or_default().to_owned();
            let ended = Audited::deleted("session", id, &json!({ "user": user }));
            self.entities.update(Key::new(user_partition(user), session.sk), change, Condition::Present).audited(ended)
        };
        Ok(open.take(most).map(end).collect())
    }

    pub(crate) async fn find_session(&self, user: UserId, session: SessionId) -> Result<Option<Authenticated>, StoreError> {
        let (partition, sort) = SessionRecord::key(user, session);
        self.entities.find(Key::new(partition, sort)).await
    }

    /// Gives a role with the permissions that it stands for now.
    pub(crate) async fn resolve(&self, organization: OrganizationId, role: Role) -> Result<Option<ResolvedRole>, StoreError> {
        match role {
            Role::Custom(id) => Ok(self.find_role(organization, id).await?.map(|role| role.resolved())),
            built_in => Ok(ResolvedRole::built_in(built_in)),
        }
    }

    pub(crate) async fn find_role(&self, organization: OrganizationId, role: RoleId) -> Result<Option<CustomRole>, StoreError> {
        self.entities.find(role_key(organization, role)).await
    }

    pub(crate) async fn roles(&self, organization: OrganizationId) -> Result<Vec<CustomRole>, StoreError> {
        self.entities.query_all(Query::partition(roles_partition(organization)).strong()).await
    }

    pub(crate) fn insert_role(&self, organization: OrganizationId, role: &CustomRole) -> Result<Write, StoreError> {
        let put = self.entities.put(role_key(organization, role.id), role, Condition::Absent)?;
        Ok(put.with("entity", text("role")).with("schema", number(SCHEMA)).audited(Audited::created("role", role.id, role)))
    }

    /// Makes the write of a role's next version: it holds when nobody changed, got or lost the role meanwhile.
    pub(crate) fn replace_role(&self, organization: OrganizationId, before: &CustomRole, after: &CustomRole) -> Result<Write, StoreError> {
        let put = self.entities.put(role_key(organization, after.id), after, unchanged(before))?;
        let put = put.with("entity", text("role")).with("schema", number(SCHEMA));
        Ok(put.audited(Audited::changed("role", after.id, (before, after))))
    }

    /// Makes the write that deletes a role which nobody has.
    pub(crate) fn delete_role(&self, organization: OrganizationId, role: &CustomRole) -> Write {
        let delete = self.entities.delete(role_key(organization, role.id), unchanged(role));
        delete.audited(Audited::deleted("role", role.id, role))
    }

    /// Makes the write that counts a member who gets a role, if the role is still at the version whose permissions the member gets.
    ///
    /// Built-in roles are not counted.
    pub(crate) fn give_role(&self, organization: OrganizationId, role: &ResolvedRole) -> Option<Write> {
        let (Role::Custom(id), Some(version)) = (role.role, role.version) else { return None };
        Some(self.entities.update(role_key(organization, id), Change::new().add("members", 1), Condition::version(version)))
    }

    /// Makes the write that counts a member who loses a role.
    pub(crate) fn take_role(&self, organization: OrganizationId, role: Role) -> Option<Write> {
        let Role::Custom(id) = role else { return None };
        Some(self.entities.update(role_key(organization, id), Change::new().add("members", -1), Condition::Present))
    }

    /// Makes the part of a commit that demands that a role is still at a version.
    pub(crate) fn check_role(&self, organization: OrganizationId, role: &CustomRole) -> Write {
        self.entities.check(role_key(organization, role.id), Condition::version(role.version))
    }

    pub(crate) async fn find_invitation(
        &self,
        organization: OrganizationId,
        invitation: InvitationId,
    ) -> Result<Option<Invitation>, StoreError> {
        self.entities.find(invitation_key(organization, invitation)).await
    }

    pub(crate) async fn page_invitations(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Invitation>, StoreError> {
        let query = page_of(invitations_partition(organization), cursor)?;
        self.entities.query(query.limit(limit)).await
    }

    pub(crate) async fn count_invitations(&self, organization: OrganizationId, moment: Timestamp) -> Result<usize, StoreError> {
        let all: Vec<Invitation> = self.entities.query_all(Query::partition(invitations_partition(organization)).strong()).await?;
        Ok(all.iter().filter(|invitation| invitation.is_open(moment)).count())
    }

    pub(crate) async fn invitations_of(&self, email: &EmailAddress) -> Result<Vec<Invitation>, StoreError> {
        self.entities.query_all(Query::index(invited_index(email))).await
    }

    pub(crate) async fn find_invited(&self, organization: OrganizationId, email: &EmailAddress) -> Result<Option<Invited>, StoreError> {
        self.entities.find(invited_key(organization, email)).await
    }

    /// Makes the writes of an invitation that takes the place of the one that was open for its address.
    pub(crate) fn insert_invitation(&self, invitation: &Invitation, replaced: Option<&Invited>) -> Result<Vec<Write>, StoreError> {
        let organization = invitation.organization;
        let ttl = || number(invitation.expires_at.as_second());
        let put = self.entities.put(invitation_key(organization, invitation.id), invitation, Condition::Absent)?;
        let put = put.with("entity", text("invitation")).with("schema", number(SCHEMA)).with("ttl", ttl());
        let put = put.with("gsi1pk", text(invited_index(&invitation.email)));
        let put = put.with("gsi1sk", text(format!("{organization}#{}", invitation.id)));
        let unchanged = replaced.map_or(Condition::Absent, |replaced| Condition::Equals("invitation", text(replaced.invitation)));
        let marker = self.entities.put(invited_key(organization, &invitation.email), &Invited { invitation: invitation.id }, unchanged)?;
        let mut writes = vec![
            put.audited(Audited::created("invitation", invitation.id, &invitation.audited())),
            marker.with("entity", text("invited")).with("schema", number(SCHEMA)).with("ttl", ttl()),
        ];
        if let Some(replaced) = replaced {
            writes.push(self.entities.delete(invitation_key(organization, replaced.invitation), Condition::Always));
        }
        Ok(writes)
    }

    pub(crate) fn check_invitation(&self, invitation: &Invitation) -> Write {
        self.entities.check(invitation_key(invitation.organization, invitation.id), Condition::Present)
    }

    /// Makes the writes that end an invitation: one who ends it at the same moment is refused.
    pub(crate) fn delete_invitation(&self, invitation: &Invitation) -> [Write; 2] {
        let delete = self.entities.delete(invitation_key(invitation.organization, invitation.id), Condition::Present);
        let of_this = Condition::Any(vec![Condition::Absent, Condition::Equals("invitation", text(invitation.id))]);
        let marker = self.entities.delete(invited_key(invitation.organization, &invitation.email), of_this);
        [delete.audited(Audited::deleted("invitation", invitation.id, &invitation.audited())), marker]
    }
}

/// When a session's user proved who they are.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Authenticated {
    pub(crate) authenticated_at: Timestamp,
}

/// The role is as it was read, its number of members included.
fn unchanged(role: &CustomRole) -> Condition {
    Condition::All(vec![Condition::version(role.version), Condition::Equals("members", number(role.members))])
}

fn page_of(partition: String, cursor: Option<Cursor>) -> Result<Query, StoreError> {
    if cursor.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
        return Err(StoreError::Cursor);
    }
    Ok(Query::partition(partition).strong().start(cursor))
}

fn members_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#MEMBERS")
}

fn member_key(organization: OrganizationId, user: UserId) -> Key {
    let (partition, sort) = MemberRecord::key(organization, user);
    Key::new(partition, sort)
}

fn user_partition(user: UserId) -> String {
    format!("USER#{user}")
}

fn membership_key(user: UserId, organization: OrganizationId) -> Key {
    Key::new(user_partition(user), format!("MEMBER#{organization}"))
}

fn roles_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#ROLES")
}

fn role_key(organization: OrganizationId, role: RoleId) -> Key {
    Key::new(roles_partition(organization), role.to_string())
}

fn invitations_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#INVITATIONS")
}

fn invitation_key(organization: OrganizationId, invitation: InvitationId) -> Key {
    Key::new(invitations_partition(organization), invitation.to_string())
}

fn invited_key(organization: OrganizationId, email: &EmailAddress) -> Key {
    Key::new(format!("ORG#{organization}#INVITED"), email.key())
}

fn invited_index(email: &EmailAddress) -> String {
    format!("INVITED#{}", email.key())
}
