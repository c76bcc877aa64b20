//! The erasure of a person: everything that is kept about them goes, and what must stay keeps their id only.
//!
//! | goes | stays, and why |
//! | --- | --- |
//! | the account: name, address, password, second factor, recovery codes, sessions, linked logins, exports and their files | |
//! | memberships and invitations of the address | that an organization had a member of this id: its records name it |
//! | | for a day: the hash of the address in counters of attempts, so that who makes an account anew gets no new tries |
//! | mails that were sent to them, with content and address | counts |
//! | address, program, place and details of security events | that something happened to an account of this id: the organization must be able to account for it |
//! | address and program of audit records | who (the id) did what, when: the trail would prove nothing if it could be emptied; it never held names or addresses, and its seals do not cover what goes |
//! | files of exports of the trail, of all organizations where they did something: whoever needs one asks again | |
//!
//! The id is a pseudonym: once the account is gone nothing that is kept leads from it to a person (GDPR articles 4(5), 17(1), 17(3)(b) and (e)).
//! What an organization keeps about the same person as a contact is the organization's, and its own duty.
//!
//! Safe to run twice and to die at any await: the account's item, which leads to all the rest, goes last, and only if nobody changed it
//! since the beginning. The doors close first: the address, the logins and the sessions lead nowhere as soon as they are gone, and no mail
//! is written any more once the erasure is asked for, so that the list of mails is complete when they are forgotten.
//!
//! The places that may hold the id of somebody who was erased are [`KEEPS_ID`].

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_blob::Bucket;
use carillon_contracts::message::UserErasureRequested;
use carillon_contracts::{MessageId, PLATFORM_ORGANIZATION, UserId};
use carillon_dynamo::{Audited, Change, Condition, Key, StoreError, Table, Trail, Trails, Write, number, text};
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::Timestamp;
use serde_json::json;

use crate::account_error::AccountError;
use crate::error::IdentityError;
use crate::export::object_prefix;
use crate::invitations::Invitations;
use crate::members::Members;
use crate::person::{ACCOUNT, ERASURE, PersonStore, PersonalItem, partition};
use crate::person_error::PersonError;
use crate::user::User;
use crate::users::Users;

/// How many writes one transaction takes, and some that go with them.
const AT_ONCE: usize = 90;
/// The kinds of items, by their `entity`, that may hold the id of a user who was erased, and why.
pub const KEEPS_ID: &[(&str, &str)] = &[
    ("audit_record", "who did what, and to whose account"),
    ("security_event", "that something happened to an account, or who took note of it"),
    ("member", "who invited a member that is still there"),
    ("invitation", "who invites somebody"),
    ("trail_export", "who asked for an export of the trail; ends within days"),
    ("verification", "who asked for a verification of the trail; ends within days"),
    ("challenge", "a link or a login that was under way; leads nowhere, and ends within a day"),
];

/// An erasure whose doors are closed: nobody logs in any more, and no mail is written.
#[derive(Debug)]
pub struct ErasureUnderWay {
    account: User,
    /// The mails that were sent to the person, which the area that keeps them forgets before the erasure goes on.
    pub mails: Vec<MessageId>,
}

/// The erasures of people.
#[derive(Debug, Clone)]
pub struct Erasures {
    people: PersonStore,
    users: Users,
    members: Members,
    invitations: Invitations,
    bucket: Bucket,
    outbox: Outbox,
    trails: Trails,
}

impl Erasures {
    /// Opens the erasures for a function; needs the settings `ENTITIES_TABLE` and `BUCKET`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            people: PersonStore::from_setup(setup)?,
            users: Users::from_setup(setup)?,
            members: Members::from_setup(setup)?,
            invitations: Invitations::from_setup(setup)?,
            bucket: Bucket::from_setup(setup, "BUCKET")?,
            outbox: Outbox::from_setup(setup)?,
            trails: Trails::from_setup(setup, function)?,
        })
    }

    /// Takes a request for an erasure, which the trail tells of, ends all sessions, and leaves the rest to a consumer; who owns an
    /// organization must transfer it first.
    ///
    /// # Errors
    /// [`IdentityError::OwnerStays`] in [`PersonError::Organization`], or what the table fails with.
    pub async fn request(&self, user: UserId, trail: &Arc<Trail>, (moment, ids): (Timestamp, &IdSource)) -> Result<(), PersonError> {
        self.must_own_nothing(user, moment).await?;
        let message = UserErasureRequested { user };
        let (message, ticket) = self.outbox.write(&message, moment, ids).map_err(AccountError::from)?;
        let request =
            self.table().put(Key::new(partition(user), ERASURE), &json!({ "user": user, "requested_at": moment }), Condition::Always)?;
        let request = request.with("entity", text("erasure")).with("schema", number(1));
        let request = request.audited(Audited::created("erasure", user, &json!({ "requested_at": moment })));
        let own = self.people.own(user).await?;
        let sessions =
            own.into_iter().filter(|item| item.entity == "session").map(|session| self.table().delete(session.key, Condition::Always));
        let writes = [request, message].into_iter().chain(sessions.take(AT_ONCE)).collect();
        self.table().by(trail).commit(writes).await?;
        self.outbox.dispatch(ticket).await;
        Ok(())
    }

    /// Tells whether a user asked to be erased and is not yet.
    ///
    /// # Errors
    /// What the table fails with.
    pub async fn is_requested(&self, user: UserId) -> Result<bool, PersonError> {
        Ok(self.table().find_item(Key::new(partition(user), ERASURE)).await?.is_some())
    }

    /// Lists the mails that were sent to a person, for the area that keeps them.
    ///
    /// # Errors
    /// What the table fails with.
    pub async fn mails(&self, user: UserId) -> Result<Vec<MessageId>, PersonError> {
        let mut pointers = self.people.own(user).await?;
        if let Some(account) = self.users.find(user).await? {
            pointers.extend(self.people.mailed(&account.email).await?);
        }
        Ok(pointers.iter().filter(|item| item.entity == "notice").filter_map(|item| item.text("message")?.parse().ok()).collect())
    }

    /// Closes the doors of an account whose user asked for it; nothing when nobody did, or it is done.
    ///
    /// A person who came to own an organization since the request is not erased: the request is dropped, and can be made again.
    ///
    /// # Errors
    /// What the table fails with; another run goes on.
    pub async fn begin(&self, user: UserId, moment: Timestamp) -> Result<Option<ErasureUnderWay>, PersonError> {
        if !self.is_requested(user).await? {
            return Ok(None);
        }
        let Some(account) = self.users.find(user).await? else { return Ok(None) };
        match self.must_own_nothing(user, moment).await {
            Err(PersonError::Organization(IdentityError::OwnerStays)) => {
                let request = Key::new(partition(user), ERASURE);
                self.table().commit(vec![self.table().delete(request, Condition::Always)]).await?;
                return Ok(None);
            }
            outcome => outcome?,
        }
        self.close_doors(&account).await?;
        self.leave_organizations(&account, moment).await?;
        let mails = self.mails(user).await?;
        Ok(Some(ErasureUnderWay { account, mails }))
    }

    /// Erases a person whose mails are forgotten.
    ///
    /// # Errors
    /// [`PersonError::Raced`] when the account was changed meanwhile, which another run mends, or what table and bucket fail with.
    pub async fn finish(&self, under_way: ErasureUnderWay, moment: Timestamp) -> Result<(), PersonError> {
        let account = under_way.account;
        self.pseudonymise_events(account.id).await?;
        self.pseudonymise_records(account.id).await?;
        self.delete_objects(&object_prefix(account.id)).await?;
        // What a request under way left meanwhile.
        self.close_doors(&account).await?;
        let own = self.people.own(account.id).await?.into_iter().filter(|item| ![ACCOUNT, ERASURE].contains(&item.key.sk.as_str()));
        let mailed = self.people.mailed(&account.email).await?;
        self.delete_all(own.chain(mailed).map(|item| item.key).collect()).await?;
        self.delete_account(&account, moment).await
    }

    async fn must_own_nothing(&self, user: UserId, moment: Timestamp) -> Result<(), PersonError> {
        self.members.erasure_writes(user, moment).await?;
        Ok(())
    }

    /// Takes away all by which somebody could log in: address, linked logins, sessions.
    async fn close_doors(&self, account: &User) -> Result<(), PersonError> {
        let own = self.people.own(account.id).await?;
        let logins = own
            .iter()
            .filter(|item| item.entity == "login")
            .filter_map(|login| Some(Key::new(format!("LOGIN#{}#{}", login.text("provider")?, login.text("subject")?), "LOGIN")));
        let logins: Vec<Key> = logins.collect();
        let sessions = own.iter().filter(|item| item.entity == "session").map(|item| item.key.clone()).collect();
        match self.table().commit(vec![self.people.free_address(account)]).await {
            // Somebody else has the address by now: it is not this person's any more.
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.delete_all(logins).await?;
        self.delete_all(sessions).await
    }

    async fn leave_organizations(&self, account: &User, moment: Timestamp) -> Result<(), PersonError> {
        for membership in self.members.of_user(account.id).await? {
            let trail = self.trails.of(membership.organization, request_id(account.id), moment).actor(account.id);
            self.members.by(&Arc::new(trail)).erase((membership.organization, account.id), moment).await?;
        }
        for (organization, writes) in self.invitations.erasure_writes(&account.email).await? {
            let trail = self.trails.of(organization, request_id(account.id), moment).actor(account.id);
            self.table().by(&Arc::new(trail)).commit(writes.into()).await?;
        }
        Ok(())
    }

    async fn pseudonymise_events(&self, user: UserId) -> Result<(), PersonError> {
        let mut start = None;
        loop {
            let page = self.people.events(user, start).await?;
            self.forget_members(&page.items, &["ip", "user_agent", "details", "place"]).await?;
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn pseudonymise_records(&self, user: UserId) -> Result<(), PersonError> {
        const MEMBERS: [&str; 2] = ["ip", "user_agent"];
        let unsealed = self.people.unsealed_records(user).await?;
        let mut organizations: BTreeSet<String> = organizations_of(&unsealed).collect();
        self.forget_members(&unsealed, &MEMBERS).await?;
        let mut start = None;
        loop {
            let page = self.people.records(user, start).await?;
            organizations.extend(organizations_of(&page.items));
            self.forget_members(&page.items, &MEMBERS).await?;
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        for organization in organizations {
            self.delete_objects(&format!("exports/audit/{organization}/")).await?;
        }
        Ok(())
    }

    async fn delete_objects(&self, prefix: &str) -> Result<(), PersonError> {
        for object in self.bucket.list(prefix).await? {
            self.bucket.delete(&object).await?;
        }
        Ok(())
    }

    /// Takes members out of items, many at once; what lacks them already costs nothing, so that a run that begins anew soon is where the
    /// last one ended.
    async fn forget_members(&self, items: &[PersonalItem], members: &[&'static str]) -> Result<(), PersonError> {
        let forget = |item: &PersonalItem| {
            let change = members.iter().fold(Change::new(), |change, member| change.remove(member));
            self.table().update(item.key.clone(), change, Condition::Present)
        };
        let holding = items.iter().filter(|item| members.iter().any(|member| item.has(member)));
        let writes: Vec<Write> = holding.map(forget).collect();
        for several in writes.chunks(AT_ONCE) {
            match self.table().commit(several.to_vec()).await {
                // One of them ended by itself meanwhile: each for itself, then.
                Err(StoreError::Refused(_)) => self.commit_each(several).await?,
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn commit_each(&self, writes: &[Write]) -> Result<(), PersonError> {
        for write in writes {
            match self.table().commit(vec![write.clone()]).await {
                Ok(()) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn delete_all(&self, keys: Vec<Key>) -> Result<(), PersonError> {
        let writes: Vec<Write> = keys.into_iter().map(|key| self.table().delete(key, Condition::Always)).collect();
        for several in writes.chunks(AT_ONCE) {
            self.table().commit(several.to_vec()).await?;
        }
        Ok(())
    }

    /// Takes away the account itself, if nobody changed it since: a login under way has changed it, and left a session.
    async fn delete_account(&self, account: &User, moment: Timestamp) -> Result<(), PersonError> {
        let trail = self.trails.of(PLATFORM_ORGANIZATION, request_id(account.id), moment).actor(account.id);
        let gone = self.table().delete(Key::new(partition(account.id), ACCOUNT), Condition::version(account.version));
        let gone = gone.audited(Audited::deleted("user", account.id, &json!({ "erased": true })));
        let request = self.table().delete(Key::new(partition(account.id), ERASURE), Condition::Always);
        Ok(self.table().by(&Arc::new(trail)).commit(vec![gone, request]).await?)
    }

    const fn table(&self) -> &Table {
        self.people.table()
    }
}

/// The organizations whose records these are.
fn organizations_of(records: &[PersonalItem]) -> impl Iterator<Item = String> {
    records.iter().filter_map(|record| record.text("organization").map(str::to_owned))
}

/// What the audit trail says an erasure follows from.
fn request_id(user: UserId) -> String {
    format!("erasure:{user}")
}
