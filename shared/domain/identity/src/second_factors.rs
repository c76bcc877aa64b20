//! The use cases of the second factor: enrol a device, confirm it by a code, recovery codes, disable.

use std::sync::Arc;

use carillon_contracts::{AuthenticationMethod, Caller, Origin, UserId};
use carillon_dynamo::Trail;
use carillon_kernel::{IdSource, Secret, Setup, SetupError};
use carillon_outbox::Outbox;
use carillon_vault::{Purpose, Scope, Vault};
use jiff::Timestamp;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::accounts::changed;
use crate::attempts::Subject;
use crate::guard::Guard;
use crate::logins::{step_of, subject};
use crate::password::Hasher;
use crate::recovery_code::RecoveryCodes;
use crate::security::{SecurityEventKind, SecurityEvents, Suspicion};
use crate::session::Session;
use crate::totp::{SecondFactor, Seed, qr_code};

/// A device that is being enrolled: shown once.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The address that the device reads.
    pub uri: Secret,
    /// The seed, for who types it.
    pub seed: Secret,
    /// The address as a QR code, an SVG document.
    pub qr_code: Secret,
}

/// The second factors.
#[derive(Debug, Clone)]
pub struct SecondFactors {
    store: AccountStore,
    hasher: Hasher,
    guard: Guard,
    vault: Vault,
    outbox: Outbox,
    security: SecurityEvents,
}

impl SecondFactors {
    /// Opens the second factors; needs the settings `ENTITIES_TABLE`, `PASSWORD_HASH_COST`, `CLIENT_ATTEMPTS` and those of the vault.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            guard: Guard::from_setup(setup)?,
            vault: Vault::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
        })
    }

    /// Gives the second factors for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Makes a seed for a device, in the place of one that was never confirmed.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorPresent`], or what the table or the vault fails with.
    pub async fn enrol(&self, user: UserId, (moment, ids): (Timestamp, &IdSource)) -> Result<Enrolment, AccountError> {
        let account = self.store.find_user(user).await?.ok_or(AccountError::UserAbsent)?.email;
        let seed = Seed::draw(ids);
        let sealed = self.vault.seal(&Scope::new(user, Purpose::TotpSeed), seed.bytes()).await?;
        let write = self.store.enrol(&SecondFactor::new(user, sealed, moment))?;
        match self.store.commit(vec![write]).await.map_err(AccountError::from) {
            Err(AccountError::Raced) => return Err(AccountError::SecondFactorPresent),
            outcome => outcome?,
        }
        let uri = seed.uri(&account);
        let qr_code = Secret::new(qr_code(&uri).unwrap_or_default());
        Ok(Enrolment { seed: seed.text(), qr_code, uri })
    }

    /// Confirms a device by its first code: from now on logins ask for it. Gives the recovery codes, this once.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorAbsent`], [`AccountError::SecondFactorPresent`], [`AccountError::CodeRefused`], [`AccountError::TooManyAttempts`], or what
    /// the table or the vault fails with.
    pub async fn confirm(
        &self,
        session: Session,
        (code, origin): (&Secret, &Origin),
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<Vec<Secret>, AccountError> {
        let user = session.user;
        let factor = self.store.find_second_factor(user).await?.ok_or(AccountError::SecondFactorAbsent)?;
        if factor.is_confirmed() {
            return Err(AccountError::SecondFactorPresent);
        }
        let pass = self.guard.enter(Subject::SecondFactor(user), origin, moment).await?;
        let step = step_of(&self.vault, &factor, (code, moment)).await?.ok_or(AccountError::CodeRefused)?;
        self.guard.leave(pass).await?;
        let (codes, shown) = RecoveryCodes::draw(&self.hasher, ids)?;
        let mut amr = session.amr.clone();
        amr.insert(AuthenticationMethod::Otp);
        let session = Session { amr, authenticated_at: moment, ..session };
        let (notice, ticket) = changed(&self.outbox, (user, "second factor"), (moment, ids))?;
        let writes = vec![
            self.store.confirm_second_factor(user, step, moment),
            self.store.put_recovery_codes(user, &codes)?,
            self.store.prove_session(&session),
            notice,
        ];
        self.store.commit(writes).await?;
        self.outbox.dispatch(ticket).await;
        Ok(shown)
    }

    /// Draws new recovery codes; the old ones are worth nothing from now on.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorAbsent`], or what the table fails with.
    pub async fn renew_codes(&self, user: UserId, (moment, ids): (Timestamp, &IdSource)) -> Result<Vec<Secret>, AccountError> {
        self.store.find_second_factor(user).await?.filter(SecondFactor::is_confirmed).ok_or(AccountError::SecondFactorAbsent)?;
        let (codes, shown) = RecoveryCodes::draw(&self.hasher, ids)?;
        let (notice, ticket) = changed(&self.outbox, (user, "set of recovery codes"), (moment, ids))?;
        self.store.commit(vec![self.store.put_recovery_codes(user, &codes)?, notice]).await?;
        self.outbox.dispatch(ticket).await;
        Ok(shown)
    }

    /// Disables the second factor, and forgets the recovery codes.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorAbsent`], or what the table fails with.
    pub async fn disable(
        &self,
        (caller, user): (&Caller, UserId),
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(), AccountError> {
        match self.store.commit(self.store.delete_second_factor(user).into()).await.map_err(AccountError::from) {
            Err(AccountError::Raced) => return Err(AccountError::SecondFactorAbsent),
            outcome => outcome?,
        }
        // The event's notice tells the user.
        let suspicion = Suspicion::of(SecurityEventKind::SecondFactorDisabled);
        Ok(self.security.record(&subject(caller.organization, user, origin), &[suspicion], (moment, ids)).await?)
    }
}
