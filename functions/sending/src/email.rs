//! Hands a claimed plan to SES: one content for all, the rendered slots for each, one call.

use std::sync::Arc;

use carillon_contacts::unsubscribe::UnsubscribeLink;
use carillon_contracts::{EntryRef, PLATFORM_ORGANIZATION};
use carillon_feedback::tags::tags;
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::{Fault as _, Signer};
use carillon_sending::outcome::Outcome;
use carillon_sending::{Definition, Recipient, Settled};
use carillon_ses::{BulkEmail, BulkEntry, CallFailure, EntryOutcome, Ses};
use carillon_templates::{Context, EmailRenderer, SesTemplate, template_data};

use crate::delivery::{Job, Results, settled};
use crate::frozen::{Frozen, LoadedContent};

/// The largest request: at most 1 MB of JSON a call.
const LARGEST_CALL_BYTES: usize = 1_000_000;

/// Sends mail.
#[derive(Debug)]
pub(crate) struct EmailCourier {
    ses: Ses,
    configuration_set: Option<String>,
    public_url: String,
    signer: Signer,
}

impl EmailCourier {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            ses: Ses::from_setup(setup)?,
            configuration_set: setup.find("SES_CONFIGURATION_SET"),
            public_url: setup.text("PUBLIC_URL")?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
        })
    }

    /// Sends the entries of a plan: one call, more only where the request would become too large.
    pub(crate) async fn send(&self, job: &Job) -> Result<Results, Failure> {
        let mut results = Results::default();
        let frozen = Arc::clone(&job.frozen);
        let LoadedContent::Email(renderer, template) = &frozen.content else { return Ok(results) };
        let mut call: Vec<(usize, BulkEntry)> = Vec::with_capacity(job.entries.len());
        let mut size = 0;
        for index in job.entries.iter().copied() {
            let Some(recipient) = job.plan.recipients.get(index) else { continue };
            match self.entry(job, renderer, (index, recipient)) {
                Ok(entry) => {
                    let bytes = entry.estimate_size();
                    if !call.is_empty() && size + bytes + template.html.len() + template.text.len() > LARGEST_CALL_BYTES {
                        self.call(&frozen, template, (std::mem::take(&mut call), &mut results)).await;
                        size = 0;
                    }
                    size += bytes;
                    call.push((index, entry));
                }
                Err(failed) => results.settled.push(failed),
            }
        }
        self.call(&frozen, template, (call, &mut results)).await;
        Ok(results)
    }

    /// Renders what is the recipient's own; a recipient for whom the template cannot be rendered fails alone.
    fn entry(&self, job: &Job, renderer: &EmailRenderer, (index, recipient): (usize, &Recipient)) -> Result<BulkEntry, Settled> {
        let definition = &job.frozen.definition;
        let entry = EntryRef {
            run: job.of.run,
            plan: job.plan.number,
            index: u8::try_from(index).unwrap_or(u8::MAX),
            attempt: job.claim.state.attempt,
        };
        let mut context =
            Context::of_values(&definition.variables, &recipient.values).with_organization(definition.organization_name.clone());
        let mut headers = Vec::new();
        if let Some(url) = self.unsubscribe_url(definition, recipient, entry) {
            headers.push(("List-Unsubscribe".to_owned(), format!("<{url}>")));
            headers.push(("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()));
            context = context.with_unsubscribe_url(url);
        }
        let values = renderer.render_slots(&context).map_err(|error| settled(index, Outcome::Failed, Some(error.code())))?;
        Ok(BulkEntry { to: recipient.address.clone(), data: template_data(&values), headers, tags: tags(job.of.organization, &entry) })
    }

    fn unsubscribe_url(&self, definition: &Definition, recipient: &Recipient, entry: EntryRef) -> Option<String> {
        let contact = recipient.contact.filter(|_| definition.marketing)?;
        let link = UnsubscribeLink { organization: definition.organization, contact, channel: definition.channel, entry: Some(entry) };
        Some(link.url(&self.public_url, &self.signer))
    }

    async fn call(&self, frozen: &Frozen, template: &SesTemplate, (entries, results): (Vec<(usize, BulkEntry)>, &mut Results)) {
        if entries.is_empty() {
            return;
        }
        let (indices, entries): (Vec<usize>, Vec<BulkEntry>) = entries.into_iter().unzip();
        match self.ses.send_bulk(self.bulk(&frozen.definition, template, entries)).await {
            Ok(outcomes) => {
                for (index, outcome) in indices.into_iter().zip(outcomes) {
                    results.throttled |= matches!(outcome, EntryOutcome::Throttled | EntryOutcome::QuotaExceeded);
                    results.settled.push(of_entry(index, outcome));
                }
            }
            Err(failure) => {
                results.throttled |= matches!(failure, CallFailure::Throttled);
                results.settled.extend(indices.into_iter().map(|index| of_call(index, &failure)));
            }
        }
    }

    fn bulk(&self, definition: &Definition, template: &SesTemplate, entries: Vec<BulkEntry>) -> BulkEmail {
        let from = match &definition.from_name {
            Some(name) => format!("\"{}\" <{}>", name.replace(['"', '\\'], ""), definition.from),
            None => definition.from.clone(),
        };
        BulkEmail {
            from,
            reply_to: definition.reply_to.clone(),
            // Of the platform's own mails SES publishes nothing, so that no archive holds to whom it wrote, and an erasure leaves none.
            configuration_set: self.configuration_set.clone().filter(|_| definition.organization != PLATFORM_ORGANIZATION),
            subject: template.subject.clone(),
            html: Some(template.html.clone()),
            text: Some(template.text.clone()),
            default_data: template.data.to_owned(),
            headers: Vec::new(),
            tags: Vec::new(),
            entries,
        }
    }
}

fn of_entry(index: usize, outcome: EntryOutcome) -> Settled {
    match outcome {
        EntryOutcome::Accepted { message_id } => Settled { index, outcome: Outcome::Accepted, reason: None, provider_id: Some(message_id) },
        EntryOutcome::Rejected { code } => settled(index, Outcome::Failed, Some(code)),
        EntryOutcome::InDoubt => settled(index, Outcome::InDoubt, None),
        EntryOutcome::Throttled | EntryOutcome::QuotaExceeded | EntryOutcome::Paused { .. } | EntryOutcome::Transient => {
            settled(index, Outcome::Waiting, None)
        }
    }
}

fn of_call(index: usize, failure: &CallFailure) -> Settled {
    match failure {
        CallFailure::InDoubt { .. } => settled(index, Outcome::InDoubt, None),
        CallFailure::Refused { code, retryable: false } => settled(index, Outcome::Failed, Some(code)),
        CallFailure::Refused { .. } | CallFailure::Throttled => settled(index, Outcome::Waiting, None),
    }
}
