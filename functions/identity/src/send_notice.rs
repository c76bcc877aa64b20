//! Queue: writes the mails of identity, and gives them to the platform's own transactional lane.
//!
//! Safe to run twice and to die at any await: the message's id follows from the notice's, so that a notice that comes again finds its
//! message. Links are made here, so that no queue holds one; a notice about somebody or something that is no more is dropped.

use carillon_contracts::message::{MessageDeliveryRequested, Notice, NoticeRequested};
use carillon_contracts::{Channel, MessageId, PLATFORM_ORGANIZATION, RetentionRecord, Run, SenderId, UserId};
use carillon_harness::{Delivery, Failure, Kind, QueueFunction, Setup, SetupError};
use carillon_identity::challenge::{self, ChallengePurpose};
use carillon_identity::invitation::link_token;
use carillon_identity::security::SecurityEvents;
use carillon_identity::{Invitation, Invitations, Organizations, SentMails, Users};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{IdSource, Signer};
use carillon_outbox::Outbox;
use carillon_sending::message::{Message, MessageParts, Messages};
use carillon_sending::{Ledger, Plan};
use jiff::Timestamp;
use serde_json::Value;

use crate::notices::{self, Mail};

/// Who the mails come from, by name.
const FROM_NAME: &str = "Carillon";

/// The function.
#[derive(Debug)]
pub struct IdentitySendNotice {
    users: Users,
    organizations: Organizations,
    invitations: Invitations,
    security: SecurityEvents,
    messages: Messages,
    sent_mails: SentMails,
    ledger: Ledger,
    outbox: Outbox,
    signer: Signer,
    app_url: String,
    from: String,
    ids: IdSource,
}

/// Who is written to.
enum Reader {
    /// Whose account it is about.
    User(UserId),
    /// Who is invited, whether there is an account or not.
    Invited(Box<Invitation>),
}

/// A mail with its address.
struct Letter {
    to: String,
    reader: Reader,
    mail: Mail,
}

impl QueueFunction for IdentitySendNotice {
    const NAME: &'static str = "identity-send-notice";
    type Message = NoticeRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            users: Users::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            invitations: Invitations::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            messages: Messages::from_setup(setup)?,
            sent_mails: SentMails::from_setup(setup)?,
            ledger: Ledger::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            app_url: setup.text("APP_URL")?.trim_end_matches('/').to_owned(),
            from: setup.text("NOTICE_FROM")?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, request: NoticeRequested, delivery: Delivery) -> Result<(), Failure> {
        match self.mail(request.notice, delivery.moment).await {
            Ok(Some(letter)) => self.send(message(&request.id, &letter.to, delivery.moment), &letter, delivery.moment).await,
            Ok(None) => Ok(()),
            Err(failure) if failure.kind == Kind::Absent => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

impl IdentitySendNotice {
    /// Writes the mail of a notice; nothing when nobody is there who should read it.
    async fn mail(&self, notice: Notice, moment: Timestamp) -> Result<Option<Letter>, Failure> {
        match notice {
            Notice::VerifyEmail { user, challenge } => {
                let link = self.challenge_link("verify-email", ChallengePurpose::VerifyEmail, &challenge)?;
                self.to_user(user, notices::verify_email(link)).await
            }
            Notice::ResetPassword { user, challenge } => {
                let link = self.challenge_link("reset-password", ChallengePurpose::ResetPassword, &challenge)?;
                self.to_user(user, notices::reset_password(link)).await
            }
            Notice::ConfirmLogin { user, challenge } => {
                let code = challenge::code(&self.signer, id_of(&challenge)?);
                self.to_user(user, notices::confirm_login(code.expose())).await
            }
            Notice::AlreadySignedUp { user } => self.to_user(user, notices::already_signed_up(self.page("login"))).await,
            Notice::AccountChanged { user, what } => {
                self.to_user(user, notices::account_changed(&what, self.page("forgot-password"))).await
            }
            Notice::Invitation { organization, invitation } => {
                let invited = self.invitations.get(organization, invitation).await?;
                let name = String::from(self.organizations.get(organization).await?.name);
                let token = link_token(&self.signer, organization, invitation);
                let mail = notices::invitation(name, format!("{}?token={token}", self.page("accept-invitation")));
                Ok((moment < invited.expires_at).then(|| Letter {
                    to: String::from(invited.email.clone()),
                    reader: Reader::Invited(Box::new(invited)),
                    mail: mail.greet(None),
                }))
            }
            Notice::SecurityEvent { organization, event, user } => {
                let event = self.security.get(organization, event).await?;
                self.to_user(user, notices::security_event(event.title(), event.sentence(), self.page("forgot-password"))).await
            }
        }
    }

    async fn to_user(&self, user: UserId, mail: Mail) -> Result<Option<Letter>, Failure> {
        let user = self.users.find(user).await?;
        Ok(user.map(|user| {
            let name = user.email_verified_at.map(|_| String::from(user.name));
            Letter { to: String::from(user.email), reader: Reader::User(user.id), mail: mail.greet(name) }
        }))
    }

    fn page(&self, name: &str) -> String {
        format!("{}/{name}", self.app_url)
    }

    fn challenge_link(&self, page: &str, purpose: ChallengePurpose, challenge: &str) -> Result<String, Failure> {
        let text = challenge::text(&self.signer, purpose, id_of(challenge)?);
        Ok(format!("{}?token={}", self.page(page), text.expose()))
    }

    /// Makes the message as any other single message is made, in one transaction, with a pointer by which its reader's data are found.
    async fn send(&self, message: Message, letter: &Letter, moment: Timestamp) -> Result<(), Failure> {
        let plan = self.plan(&message, &letter.mail)?;
        let request = MessageDeliveryRequested { organization: message.organization, run: Run::Message(message.id), plan: 0 };
        let (written, ticket) = self.outbox.write(&request, moment, &self.ids)?;
        let mut writes =
            vec![self.messages.insert(&message, RetentionRecord::LONGEST_DAYS)?, self.ledger.insert_plan(message.run(), &plan)?, written];
        match &letter.reader {
            Reader::User(user) => writes.extend(self.sent_mails.note(*user, message.id, moment)?),
            Reader::Invited(invitation) => {
                writes.push(self.sent_mails.note_to_address(&invitation.email, message.id, moment)?);
                writes.push(self.invitations.check_open(invitation));
            }
        }
        match self.ledger.table().commit(writes).await {
            Ok(()) => self.outbox.dispatch(ticket).await,
            // The notice came before, or its reader is gone.
            Err(error) if error.is_refused() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn plan(&self, message: &Message, mail: &Mail) -> Result<Plan, Failure> {
        let content = mail.content();
        let variables: Vec<String> = content.variables().into_iter().map(|variable| variable.name).collect();
        let values: Vec<Value> = variables.iter().map(|name| mail.values().get(name).cloned().unwrap_or(Value::Null)).collect();
        let parts = MessageParts {
            organization_name: FROM_NAME.to_owned(),
            from: self.from.clone(),
            from_name: Some(FROM_NAME.to_owned()),
            reply_to: None,
            content: content.compiled_json()?,
            variables,
            values,
        };
        Ok(message.plan(parts, RetentionRecord::LONGEST_DAYS)?)
    }
}

fn id_of(challenge: &str) -> Result<carillon_contracts::ChallengeId, Failure> {
    let none = |_| Failure::new(Kind::Unreadable, "queue.unreadable", "the notice names no challenge");
    challenge.parse().map_err(none)
}

/// The message of a notice, in the name of the platform: nobody is a member of that organization, so that nobody reads another's links.
fn message(notice: &str, to: &str, moment: Timestamp) -> Message {
    let hash = sha256_hex(format!("notice {notice}").as_bytes());
    let id = u128::from_str_radix(hash.get(..32).unwrap_or_default(), 16).unwrap_or_default();
    Message {
        id: MessageId::from_bytes(id.to_be_bytes()),
        organization: PLATFORM_ORGANIZATION,
        channel: Channel::Email,
        to: to.to_owned(),
        contact_id: None,
        sender_id: SenderId::from_bytes([0; 16]),
        template_id: None,
        created_at: moment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_message_however_often_it_comes() {
        let id = |notice: &str| message(notice, "ada@example.com", Timestamp::UNIX_EPOCH).id;

        assert_eq!(id("verify"), id("verify"));
        assert_ne!(id("verify"), id("reset"));
    }
}
