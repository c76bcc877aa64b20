//! An API key: which permissions it may be given, how long it holds, and how its text is changed for a new one.

use std::collections::BTreeSet;

use carillon_contracts::{ApiKeyId, Caller, Credential, IpRange, OrganizationId, Permission, PreviousText};
use carillon_kernel::{IdSource, KeyedHash, Secret};
use carillon_tokens::ApiKeyText;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::IdentityError;
use crate::organization::one_line;

/// How many address ranges a key may name.
pub const MOST_IP_RANGES: usize = 50;
/// The longest time for which the text before a rotation holds: a week.
pub const LONGEST_OVERLAP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The name of a key: 1 to 120 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// The name of the key that an organization is made with.
    #[must_use]
    pub fn first() -> Self {
        Self("First key".to_owned())
    }
}

impl TryFrom<String> for ApiKeyName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        one_line(&text).map(Self)
    }
}

impl From<ApiKeyName> for String {
    fn from(name: ApiKeyName) -> Self {
        name.0
    }
}

/// What a new key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its name.
    pub name: ApiKeyName,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// From where it may be used; empty means from everywhere.
    pub ip_ranges: Vec<IpRange>,
}

/// A key that was just made, or got a new text: the only time that its text is known.
#[derive(Debug, Clone)]
pub struct IssuedApiKey {
    /// The key as it is stored.
    pub credential: Credential,
    /// The text that callers send, to be shown once.
    pub secret: Secret,
}

/// A key as it is shown, without what would let anybody check a guess at its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// The id.
    pub id: ApiKeyId,
    /// The organization that the key acts for.
    pub organization: OrganizationId,
    /// The name given by its maker.
    pub name: String,
    /// What the key may do.
    pub permissions: BTreeSet<Permission>,
    /// The first characters of the key, to recognise it by.
    pub hint: String,
    /// From where it may be used; empty means from everywhere.
    pub ip_ranges: Vec<IpRange>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it got the text that it has, unless that is its first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Until when the text before the last rotation holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_until: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// About when it was used last; an hour may pass before a use is seen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl From<Credential> for ApiKey {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id,
            organization: credential.organization,
            name: credential.name,
            permissions: credential.permissions,
            hint: credential.hint,
            ip_ranges: credential.ip_ranges,
            created_at: credential.created_at,
            expires_at: credential.expires_at,
            rotated_at: credential.rotated_at,
            overlap_until: credential.previous.map(|previous| previous.until),
            revoked_at: credential.revoked_at,
            last_used_at: credential.last_used_at,
        }
    }
}

impl NewApiKey {
    /// The key that an organization is made with.
    #[must_use]
    pub fn first(permissions: BTreeSet<Permission>) -> Self {
        Self { name: ApiKeyName::first(), permissions, expires_at: None, ip_ranges: Vec::new() }
    }

    /// Checks that nobody gives away what they do not have, and that the key is not over before it begins.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`] with the permissions in question, or [`IdentityError::ApiKeyOver`].
    pub fn granted_by(self, maker: &Caller, moment: Timestamp) -> Result<Self, IdentityError> {
        if self.expires_at.is_some_and(|end| end <= moment) {
            return Err(IdentityError::ApiKeyOver);
        }
        let may_give = |permission: &Permission| maker.may(*permission) && permission.is_for_keys();
        let refused: Vec<Permission> = self.permissions.iter().copied().filter(|permission| !may_give(permission)).collect();
        if refused.is_empty() { Ok(self) } else { Err(IdentityError::PermissionsNotHeld(refused)) }
    }
}

impl IssuedApiKey {
    /// Makes a key with a new text.
    #[must_use]
    pub fn issue(organization: OrganizationId, new: NewApiKey, key: &KeyedHash, (moment, ids): (Timestamp, &IdSource)) -> Self {
        let text = ApiKeyText::draw(ids.id(moment), ids);
        let credential = Credential {
            id: text.id,
            organization,
            name: new.name.into(),
            permissions: new.permissions,
            hint: text.hint(),
            credential_hash: text.hash(key),
            previous: None,
            ip_ranges: new.ip_ranges,
            created_at: moment,
            expires_at: new.expires_at,
            rotated_at: None,
            revoked_at: None,
            last_used_at: None,
            networks: Vec::new(),
            version: 1,
        };
        Self { credential, secret: text.text().clone() }
    }

    /// Gives a key a new text; the one that it has holds until the overlap ends, an older one no more.
    ///
    /// Only who may do all that the key may gets to see its new text.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`], or [`IdentityError::ApiKeyOver`] when the key was revoked or has expired.
    pub fn rotate(
        before: Credential,
        (caller, overlap): (&Caller, SignedDuration),
        key: &KeyedHash,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<Self, IdentityError> {
        if !before.holds_at(moment) {
            return Err(IdentityError::ApiKeyOver);
        }
        let refused: Vec<Permission> = before.permissions.iter().copied().filter(|permission| !caller.may(*permission)).collect();
        if !refused.is_empty() {
            return Err(IdentityError::PermissionsNotHeld(refused));
        }
        let text = ApiKeyText::draw(before.id, ids);
        let until = moment + overlap.clamp(SignedDuration::ZERO, LONGEST_OVERLAP);
        let previous = (until > moment).then(|| PreviousText { credential_hash: before.credential_hash.clone(), until });
        let credential = Credential {
            credential_hash: text.hash(key),
            hint: text.hint(),
            previous,
            rotated_at: Some(moment),
            version: before.version + 1,
            ..before
        };
        Ok(Self { credential, secret: text.text().clone() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::Principal;
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn caller(permissions: &[Permission]) -> Caller {
        Caller {
            organization: OrganizationId::from_bytes([1; 16]),
            principal: Principal::ApiKey(ApiKeyId::from_bytes([2; 16])),
            permissions: permissions.iter().copied().collect(),
        }
    }

    fn new(permissions: &[Permission]) -> NewApiKey {
        let name = ApiKeyName::try_from("import".to_owned()).unwrap();
        NewApiKey { name, permissions: permissions.iter().copied().collect(), expires_at: None, ip_ranges: Vec::new() }
    }

    fn keyed() -> KeyedHash {
        KeyedHash::new(&Secret::new("key"))
    }

    fn issued(seed: u64) -> IssuedApiKey {
        let organization = OrganizationId::from_bytes([1; 16]);
        IssuedApiKey::issue(organization, new(&[Permission::ContactsRead]), &keyed(), (at(0), &IdSource::seeded(seed)))
    }

    fn is_text_of(credential: &Credential, secret: &Secret, moment: Timestamp) -> bool {
        let text = ApiKeyText::parse(secret.expose()).unwrap();
        credential.id == text.id && credential.hashes_at(moment).any(|stored| text.is(&keyed(), stored))
    }

    #[test]
    fn a_key_is_known_by_its_text_and_stored_without_it() {
        let issued = issued(1);

        let stored = serde_json::to_string(&issued.credential).unwrap();

        assert!(is_text_of(&issued.credential, &issued.secret, at(0)));
        assert!(!stored.contains(&issued.secret.expose()[26..]));
        assert!(!format!("{issued:?}").contains(&issued.secret.expose()[26..]));
    }

    #[test]
    fn a_key_that_is_shown_has_no_hash() {
        let IssuedApiKey { credential, .. } = issued(1);
        let hash = credential.credential_hash.clone();

        assert!(!serde_json::to_string(&ApiKey::from(credential)).unwrap().contains(&hash));
    }

    #[test]
    fn a_key_that_would_be_over_at_once_is_refused() {
        let over = NewApiKey { expires_at: Some(at(5)), ..new(&[]) };

        assert!(matches!(over.clone().granted_by(&caller(&[]), at(5)), Err(IdentityError::ApiKeyOver)));
        assert!(over.granted_by(&caller(&[]), at(4)).is_ok());
    }

    #[test]
    fn after_a_rotation_both_texts_hold_until_the_overlap_ends() {
        let before = issued(1);

        let may = caller(&[Permission::ContactsRead]);
        let hour = SignedDuration::from_hours(1);
        let rotated = IssuedApiKey::rotate(before.credential, (&may, hour), &keyed(), (at(100), &IdSource::seeded(2))).unwrap();

        for (second, old_holds) in [(100, true), (3699, true), (3700, false)] {
            assert!(is_text_of(&rotated.credential, &rotated.secret, at(second)));
            assert_eq!(is_text_of(&rotated.credential, &before.secret, at(second)), old_holds, "{second}");
        }
        let again = IssuedApiKey::rotate(rotated.credential, (&may, hour), &keyed(), (at(200), &IdSource::seeded(3))).unwrap();
        assert!(!is_text_of(&again.credential, &before.secret, at(200)), "only one older text ever holds");
    }

    #[test]
    fn a_rotation_without_an_overlap_ends_the_old_text_at_once() {
        let before = issued(1);

        let may = caller(&[Permission::ContactsRead]);
        let ids = IdSource::seeded(2);
        let rotated = IssuedApiKey::rotate(before.credential, (&may, SignedDuration::ZERO), &keyed(), (at(100), &ids)).unwrap();

        assert!(!is_text_of(&rotated.credential, &before.secret, at(100)));
        assert_eq!(rotated.credential.previous, None);
    }

    #[test]
    fn nobody_gets_the_text_of_a_key_that_may_more_than_they_do() {
        let rotated = IssuedApiKey::rotate(
            issued(1).credential,
            (&caller(&[Permission::ApiKeysWrite]), SignedDuration::ZERO),
            &keyed(),
            (at(1), &IdSource::seeded(2)),
        );

        assert!(matches!(rotated, Err(IdentityError::PermissionsNotHeld(list)) if list == [Permission::ContactsRead]));
    }

    #[test]
    fn a_key_that_is_over_gets_no_new_text() {
        let revoked = Credential { revoked_at: Some(at(1)), ..issued(1).credential };
        let may = caller(&[Permission::ContactsRead]);

        let rotated = IssuedApiKey::rotate(revoked, (&may, SignedDuration::ZERO), &keyed(), (at(2), &IdSource::seeded(2)));

        assert!(matches!(rotated, Err(IdentityError::ApiKeyOver)));
    }

    fn some_permissions() -> impl Strategy<Value = Vec<Permission>> {
        proptest::sample::subsequence(Permission::ALL.to_vec(), 0..=Permission::ALL.len())
    }

    proptest! {
        #[test]
        fn a_key_never_gets_what_its_maker_lacks_or_what_is_for_people(wanted in some_permissions(), held in some_permissions()) {
            let granted = new(&wanted).granted_by(&caller(&held), at(0));

            let fitting = wanted.iter().all(|permission| held.contains(permission) && permission.is_for_keys());
            prop_assert_eq!(granted.is_ok(), fitting);
            if let Err(IdentityError::PermissionsNotHeld(refused)) = granted {
                prop_assert!(refused.iter().all(|permission| !held.contains(permission) || !permission.is_for_keys()));
            }
        }
    }
}
