//! A run's frozen definition with its content loaded for rendering, kept for the plans that follow.

use std::sync::{Arc, Mutex, PoisonError};

use carillon_contracts::Channel;
use carillon_harness::{Failure, Kind};
use carillon_sending::keys::RunKey;
use carillon_sending::{Definition, Ledger};
use carillon_templates::{CompiledEmail, CompiledSms, EmailRenderer, SesTemplate, SmsRenderer};

/// How many definitions a worker keeps: those of the campaigns that run at the same time.
const KEPT: usize = 16;

/// A definition and its loaded content.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) definition: Definition,
    pub(crate) content: LoadedContent,
}

/// Content that is ready to be rendered.
#[derive(Debug)]
pub(crate) enum LoadedContent {
    /// A mail, and what SES gets of it once for all recipients.
    Email(Box<EmailRenderer>, SesTemplate),
    /// A text message.
    Sms(Box<SmsRenderer>),
}

impl Frozen {
    /// Loads a definition's content.
    pub(crate) fn load(definition: Definition) -> Result<Self, Failure> {
        let unreadable = |_| Failure::new(Kind::Internal, "sending.content", "the frozen content cannot be read");
        let content = match definition.channel {
            Channel::Email => {
                let compiled: CompiledEmail = serde_json::from_str(&definition.content).map_err(unreadable)?;
                let template = compiled.ses_template();
                LoadedContent::Email(Box::new(EmailRenderer::new(compiled)?), template)
            }
            Channel::Sms => {
                let compiled: CompiledSms = serde_json::from_str(&definition.content).map_err(unreadable)?;
                LoadedContent::Sms(Box::new(SmsRenderer::new(&compiled)?))
            }
        };
        Ok(Self { definition, content })
    }
}

/// The definitions that a worker met last; they never change, so that they need not be read again.
#[derive(Debug, Default)]
pub(crate) struct FrozenRuns(Mutex<Vec<(RunKey, Arc<Frozen>)>>);

impl FrozenRuns {
    /// Gives a campaign's definition, read from the ledger the first time.
    pub(crate) async fn get(&self, ledger: &Ledger, of: RunKey) -> Result<Arc<Frozen>, Failure> {
        if let Some(found) = self.lock().iter().find(|(known, _)| *known == of).map(|(_, frozen)| Arc::clone(frozen)) {
            return Ok(found);
        }
        let frozen = Arc::new(Frozen::load(ledger.definition(of).await?)?);
        let mut kept = self.lock();
        kept.truncate(KEPT - 1);
        kept.insert(0, (of, Arc::clone(&frozen)));
        Ok(frozen)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(RunKey, Arc<Frozen>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
