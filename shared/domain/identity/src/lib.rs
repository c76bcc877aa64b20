//! Identity: people and their sessions, organizations with their members, and the programs that act for them.
//!
//! What the harness reads to know a caller is written here, in the shapes of `carillon_contracts`: sessions, members with the permissions
//! of their roles, what an organization demands, API keys as keyed hashes. Rules stand in modules named after one thing
//! ([`organization`], [`member`], [`session`]), use cases in plurals ([`organizations`], [`members`], [`sessions`]), keys in stores.
//!
//! Reading order: [`user`], [`accounts`], [`logins`], [`sessions`]; [`organization`], [`role`], [`member`], [`invitation`], [`api_key`] with
//! their plurals; [`security`], [`audit`]; [`person`], [`export`], [`erasure`].

pub mod account_error;
pub mod accounts;
pub mod api_key;
pub mod api_keys;
pub mod attempts;
pub mod audit;
pub mod branding;
pub mod challenge;
pub mod erasure;
pub mod error;
pub mod export;
pub mod invitation;
pub mod invitations;
pub mod link;
pub mod link_error;
pub mod links;
pub mod logins;
pub mod member;
pub mod members;
pub mod openings;
pub mod operator;
pub mod organization;
pub mod organizations;
pub mod password;
pub mod passwords;
pub mod person;
pub mod person_error;
pub mod plan;
pub mod policy;
pub mod recovery_code;
pub mod role;
pub mod roles;
pub mod second_factors;
pub mod security;
pub mod session;
pub mod sessions;
pub mod totp;
pub mod user;
pub mod users;

mod account_store;
mod api_key_store;
mod guard;
mod link_store;
mod member_store;
mod organization_store;

pub use account_error::AccountError;
pub use accounts::{Accounts, SignUp};
pub use api_key::{ApiKey, ApiKeyName, IssuedApiKey, NewApiKey};
pub use api_keys::ApiKeys;
pub use branding::{Branding, BrandingPatch};
pub use erasure::{ErasureUnderWay, Erasures};
pub use error::IdentityError;
pub use export::{ExportStatus, ExportView, Exports};
pub use invitation::Invitation;
pub use invitations::{Invitations, ListedInvitation, ShownInvitation};
pub use link::{AttemptPurpose, AttemptSecrets, BegunAttempt, LinkedLogin};
pub use link_error::LinkError;
pub use links::Links;
pub use logins::{Admission, Demand, LoginOutcome, Logins, Proof, ProofMethod};
pub use member::{Member, Membership};
pub use members::{ListedMember, Members};
pub use openings::{OpenSession, Visit};
pub use operator::{OrganizationFigures, OverseenOrganization, Oversight};
pub use organization::{
    IpRanges, Locale, NewOrganization, Organization, OrganizationName, OrganizationPatch, Standing, Steering, SuspensionReason,
    TimeZoneName,
};
pub use organizations::{FoundedOrganization, Organizations};
pub use password::{Hasher, NewPassword, Password, PasswordHash, PasswordRefusal};
pub use passwords::Passwords;
pub use person::SentMails;
pub use person_error::PersonError;
pub use plan::{Plan, SessionLimits};
pub use policy::{Retention, RetentionPatch, SecurityPolicy, SecurityPolicyPatch};
pub use role::{CustomRole, NewRole, RoleDescription, RoleName, RolePatch, RolePermissions};
pub use roles::{ListedRole, Roles};
pub use second_factors::{Enrolment, SecondFactors};
pub use session::{RefreshToken, Session, SessionView};
pub use sessions::{Refreshes, Reproof, Sessions, StepUps};
pub use user::{EmailAddress, PersonName, User, UserPatch, UserSeed};
pub use users::{SecondFactorState, Users};
