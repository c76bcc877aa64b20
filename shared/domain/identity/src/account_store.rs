//! Where users, sessions and what belongs to them are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | a user | `USER#{user}` · `USER` |
//! | the user of an address, once | `EMAIL#{address}` · `EMAIL` |
//! | the second factor of a user (listed by its sealing key, for rotation) | `USER#{user}` · `TOTP` |
//! | the recovery codes of a user | `USER#{user}` · `RECOVERY` |
//! | the sessions of a user, one of them (ttl) | `USER#{user}` · `SESSION#{session}` |
//! | a challenge (ttl) | `CHALLENGE#{challenge}` · `CHALLENGE` |
//! | the attempts at a subject (ttl) | `ATTEMPTS#{kind}#{hash}` · `ATTEMPTS` |
//!
//! Names and addresses of people never stand in the audit trail, which cannot be changed when they ask to be forgotten.

use std::sync::Arc;

use carillon_contracts::{AuthenticationMethod, ChallengeId, SessionId, SessionRecord, UserId};
use carillon_dynamo::{Audited, Change, Condition, Item, Key, Query, StoreError, Table, Trail, Value, Write, number, text};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::attempts::{Attempts, Policy, Subject};
use crate::challenge::Challenge;
use crate::recovery_code::RecoveryCodes;
use crate::session::Session;
use crate::totp::SecondFactor;
use crate::user::{EmailAddress, User};

const SCHEMA: u32 = 1;

#[derive(Debug, Clone)]
pub(crate) struct AccountStore {
    table: Table,
}

/// Who has an address.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    user: UserId,
}

/// Attempts as stored: with their subject, because several are read together.
#[derive(Debug, Serialize, Deserialize)]
struct StoredAttempts {
    subject: String,
    #[serde(flatten)]
    attempts: Attempts,
}

impl AccountStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { table: self.table.by(trail) }
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.table.commit(writes).await
    }

    pub(crate) async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.table.find(user_key(id)).await
    }

    /// Finds the user of an address. Where there is none it reads as much, so that the time tells nothing.
    pub(crate) async fn find_user_by_address(&self, address: &EmailAddress) -> Result<Option<User>, StoreError> {
        let owner: Option<Owner> = self.table.find(address_key(address)).await?;
        let user = owner.map_or(UserId::from_bytes([0; 16]), |owner| owner.user);
        self.find_user(user).await
    }

    /// The writes of a new user: the user, and the address, which nobody else may have.
    pub(crate) fn insert_user(&self, user: &User) -> Result<[Write; 2], StoreError> {
        let owner = self.table.put(address_key(&user.email), &Owner { user: user.id }, Condition::Absent)?;
        let put = self.put_user(user, Condition::Absent)?.audited(Audited::created("user", user.id, &told(user)));
        Ok([put, owner.with("entity", text("email")).with("schema", number(SCHEMA))])
    }

    pub(crate) fn replace_user(&self, (before, after): (&User, &User)) -> Result<Write, StoreError> {
        let put = self.put_user(after, Condition::version(before.version))?;
        Ok(put.audited(Audited::changed("user", after.id, (&told(before), &told(after)))))
    }

    fn put_user(&self, user: &User, condition: Condition) -> Result<Write, StoreError> {
        let put = self.table.put(user_key(user.id), user, condition)?;
        Ok(put.with("entity", text("user")).with("schema", number(SCHEMA)))
    }

    pub(crate) async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        self.table.find(second_factor_key(user)).await
    }

    /// Enrols a device, in the place of one that was never confirmed.
    pub(crate) fn enrol(&self, enrolled: &SecondFactor) -> Result<Write, StoreError> {
        let key = second_factor_key(enrolled.user);
        let put = self.table.put(key.clone(), enrolled, Condition::Without("confirmed_at"))?;
        Ok(enrolled.sealed.list(put.with("entity", text("second_factor")).with("schema", number(SCHEMA)), &key))
    }

    /// Accepts the code of a step: no step counts twice.
    pub(crate) fn accept_step(&self, user: UserId, step: u64) -> Write {
        let change = Change::new().set("last_step", number(step));
        self.table.update(second_factor_key(user), change, Condition::Below("last_step", number(step)))
    }

    pub(crate) fn confirm_second_factor(&self, user: UserId, step: u64, moment: Timestamp) -> Write {
        let change = Change::new().set("last_step", number(step)).set("confirmed_at", text(moment));
        let unconfirmed = Condition::All(vec![Condition::Present, Condition::Without("confirmed_at")]);
        let update = self.table.update(second_factor_key(user), change, unconfirmed);
        update.audited(Audited::created("second_factor", user, &json!({ "confirmed_at": moment })))
    }

    pub(crate) fn delete_second_factor(&self, user: UserId) -> [Write; 2] {
        let delete = self.table.delete(second_factor_key(user), Condition::Has("confirmed_at"));
        [
            delete.audited(Audited::deleted("second_factor", user, &json!({ "confirmed": true }))),
            self.table.delete(recovery_key(user), Condition::Always),
        ]
    }

    pub(crate) async fn find_recovery_codes(&self, user: UserId) -> Result<Option<RecoveryCodes>, StoreError> {
        self.table.find(recovery_key(user)).await
    }

    /// Puts a whole new set, whatever was left of the one before.
    pub(crate) fn put_recovery_codes(&self, user: UserId, codes: &RecoveryCodes) -> Result<Write, StoreError> {
        let put = self.table.put(recovery_key(user), codes, Condition::Always)?;
        let put = put.with("entity", text("recovery_codes")).with("schema", number(SCHEMA));
        Ok(put.audited(Audited::created("recovery_codes", user, &json!({ "left": codes.left() }))))
    }

    /// Uses a code of a set that nobody else used one of at the same moment.
    pub(crate) fn use_recovery_code(&self, user: UserId, left: &RecoveryCodes) -> Result<Write, StoreError> {
        let unchanged = Condition::version(left.version.saturating_sub(1));
        let put = self.table.put(recovery_key(user), left, unchanged)?;
        let put = put.with("entity", text("recovery_codes")).with("schema", number(SCHEMA));
        Ok(put.audited(Audited::done("recovery_codes", user, &json!({ "left": left.left() }))))
    }

    pub(crate) async fn find_challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        self.table.find(challenge_key(id)).await
    }

    pub(crate) fn insert_challenge(&self, challenge: &Challenge) -> Result<Write, StoreError> {
        let put = self.table.put(challenge_key(challenge.id), challenge, Condition::Absent)?;
        Ok(put.with("entity", text("challenge")).with("schema", number(SCHEMA)).with("ttl", number(challenge.expires_at.as_second())))
    }

    /// Meets a challenge: of two who do at the same moment, one does.
    pub(crate) fn meet(&self, challenge: ChallengeId) -> Write {
        self.table.delete(challenge_key(challenge), Condition::Present)
    }

    pub(crate) async fn find_session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.table.find(session_key(user, session)).await
    }

    /// Lists the sessions of a user that hold, the one that was used longest ago first.
    pub(crate) async fn sessions_of(&self, user: UserId, moment: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = Query::partition(user_key(user).pk).prefix(SessionRecord::SORT_KEY).strong();
        let mut sessions: Vec<Session> = self.table.query_all(query).await?;
        sessions.retain(|session| session.holds_at(moment));
        sessions.sort_by_key(|session| (session.last_used_at, session.id));
        Ok(sessions)
    }

    pub(crate) fn insert_session(&self, session: &Session) -> Result<Write, StoreError> {
        let put = self.table.put(session_key(session.user, session.id), session, Condition::Absent)?;
        let put = put.with("entity", text("session")).with("schema", number(SCHEMA)).with("ttl", number(session.expires_at.as_second()));
        Ok(put.audited(Audited::created("session", session.id, &told_session(session))))
    }

    /// Writes the refresh of a session, if nobody refreshed or revoked it meanwhile.
    pub(crate) fn refresh_session(&self, (before, after): (&Session, &Session)) -> Write {
        let mut change = Change::new()
            .set("refresh_number", number(after.refresh_number))
            .set("last_used_at", text(after.last_used_at))
            .set("organization", text(after.organization))
            .set("expires_at", text(after.expires_at))
            .set("ttl", number(after.expires_at.as_second()));
        for (name, value) in [("ip", &after.ip), ("user_agent", &after.user_agent), ("place", &after.place)] {
            change = match value {
                Some(value) => change.set(name, text(value)),
                None => change.remove(name),
            };
        }
        if let Some(at) = after.rotated_at {
            change = change.set("rotated_at", text(at));
        }
        let newest = Condition::Equals("refresh_number", number(before.refresh_number));
        let unchanged = Condition::All(vec![newest, Condition::Without("revoked_at")]);
        let switch =
            Audited::changed("session", after.id, (&json!({ "acts_in": before.organization }), &json!({ "acts_in": after.organization })));
        self.table.update(session_key(after.user, after.id), change, unchanged).audited(switch)
    }

    /// Notes that the user proved once more who they are.
    pub(crate) fn prove_session(&self, session: &Session) -> Write {
        let amr = session.amr.iter().map(|method| Value::S(name_of(*method))).collect();
        let change = Change::new().set("amr", Value::L(amr)).set("authenticated_at", text(session.authenticated_at));
        let holds = Condition::All(vec![Condition::Present, Condition::Without("revoked_at")]);
        let proven = json!({ "amr": session.amr, "authenticated_at": session.authenticated_at });
        self.table.update(session_key(session.user, session.id), change, holds).audited(Audited::done("session", session.id, &proven))
    }

    /// Revokes a session from now on.
    pub(crate) fn revoke_session(&self, session: &Session, moment: Timestamp) -> Write {
        let change = Change::new().set("revoked_at", text(moment));
        let update = self.table.update(session_key(session.user, session.id), change, Condition::Present);
        update.audited(Audited::deleted("session", session.id, &told_session(session)))
    }

    /// Gives the attempts at each subject, in their order.
    pub(crate) async fn find_attempts(&self, subjects: &[Subject]) -> Result<Vec<Option<Attempts>>, StoreError> {
        let keys: Vec<Key> = subjects.iter().map(attempts_key).collect();
        let stored: Vec<StoredAttempts> = self.table.find_items(&keys).await?.into_iter().map(Item::parse).collect::<Result<_, _>>()?;
        let of = |subject: &Subject| {
            let hash = subject_text(subject);
            stored.iter().find(|stored| stored.subject == hash).map(|stored| stored.attempts.clone())
        };
        Ok(subjects.iter().map(of).collect())
    }

    /// Writes a turn, if nobody else took it.
    pub(crate) fn take_turn(&self, subject: &Subject, attempts: &Attempts, policy: &Policy) -> Result<Write, StoreError> {
        let before = attempts.version.saturating_sub(1);
        let condition = if before == 0 { Condition::Absent } else { Condition::version(before) };
        let stored = StoredAttempts { subject: subject_text(subject), attempts: attempts.clone() };
        let put = self.table.put(attempts_key(subject), &stored, condition)?;
        Ok(put.with("entity", text("attempts")).with("ttl", number(attempts.forgotten_at(policy).as_second())))
    }

    /// Counts a turn, whoever else takes one at the same moment.
    pub(crate) fn count_turn(&self, subject: &Subject, attempts: &Attempts, policy: &Policy) -> Write {
        let change = Change::new()
            .set("subject", text(subject_text(subject)))
            .set("entity", text("attempts"))
            .set("last_at", text(attempts.last_at))
            .set("blocked_until", text(attempts.blocked_until))
            .set("ttl", number(attempts.forgotten_at(policy).as_second()))
            .add("version", 1);
        let change = if attempts.count == 1 { change.set("count", number(1)) } else { change.add("count", 1) };
        self.table.update(attempts_key(subject), change, Condition::Always)
    }

    pub(crate) fn forget_attempts(&self, subject: &Subject) -> Write {
        self.table.delete(attempts_key(subject), Condition::Always)
    }

    pub(crate) fn give_turn_back(&self, subject: &Subject) -> Write {
        let change = Change::new().add("count", -1).add("version", 1).set("blocked_until", text(Timestamp::UNIX_EPOCH));
        self.table.update(attempts_key(subject), change, Condition::Has("version"))
    }
}

/// What the audit trail says of a session: not from where nor with what, which the record itself holds, and an erasure takes away there.
fn told_session(session: &Session) -> serde_json::Value {
    let Session { organization, amr, created_at, expires_at, .. } = session;
    json!({ "organization_id": organization, "amr": amr, "created_at": created_at, "expires_at": expires_at })
}

/// What the audit trail says of a user: that the name or the address changed, not to what.
fn told(user: &User) -> serde_json::Value {
    json!({
        "name_hash": sha256_hex(user.name.as_str().as_bytes()),
        "email_hash": sha256_hex(user.email.key().as_bytes()),
        "email_verified_at": user.email_verified_at,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "password_hash": user.password_hash,
    })
}

fn name_of(method: AuthenticationMethod) -> String {
    serde_json::to_value(method).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn user_key(user: UserId) -> Key {
    Key::new(format!("USER#{user}"), "USER")
}

fn address_key(address: &EmailAddress) -> Key {
    Key::new(format!("EMAIL#{}", address.key()), "EMAIL")
}

fn second_factor_key(user: UserId) -> Key {
    Key::new(format!("USER#{user}"), "TOTP")
}

fn recovery_key(user: UserId) -> Key {
    Key::new(format!("USER#{user}"), "RECOVERY")
}

fn session_key(user: UserId, session: SessionId) -> Key {
    let (pk, sk) = SessionRecord::key(user, session);
    Key::new(pk, sk)
}

fn challenge_key(challenge: ChallengeId) -> Key {
    Key::new(format!("CHALLENGE#{challenge}"), "CHALLENGE")
}

fn subject_text(subject: &Subject) -> String {
    format!("{}#{}", subject.kind(), subject.hash())
}

fn attempts_key(subject: &Subject) -> Key {
    Key::new(format!("ATTEMPTS#{}", subject_text(subject)), "ATTEMPTS")
}
