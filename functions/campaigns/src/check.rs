//! Asks everything that a campaign needs before it is sent, and tells all that is missing or wrong at once.

use carillon_campaigns::{Campaign, Composition};
use carillon_contacts::{AudienceReader, Lists};
use carillon_contracts::{Audience, OrganizationId, RetentionRecord};
use carillon_harness::{Failure, Kind, Problem, Setup, SetupError};
use carillon_identity::Organizations;
use carillon_kernel::Fault as _;
use carillon_sending::{Sender, Senders};
use carillon_templates::{Content, Templates};

use crate::content::{fields, freeze, needed_fields, with_way_out, written};
use crate::estimate::{Estimate, Surroundings};
use crate::sample::Sample;

/// Asks the areas that a campaign touches.
#[derive(Debug)]
pub(crate) struct Checker {
    organizations: Organizations,
    lists: Lists,
    audiences: AudienceReader,
    templates: Templates,
    senders: Senders,
    public_url: String,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What keeps the campaign from being sent.
    pub(crate) problems: Vec<Problem>,
    /// What one should know and does not keep it.
    pub(crate) notices: Vec<Problem>,
    pub(crate) estimate: Estimate,
    ready: Option<Ready>,
}

/// What a campaign without problems is sent with.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) organization_name: String,
    pub(crate) sender: Sender,
    /// The frozen content.
    pub(crate) content: String,
    /// The fields that it needs of each contact.
    pub(crate) variables: Vec<String>,
    /// How many days the recipients are kept, with what became of each.
    pub(crate) kept_days: u16,
}

#[derive(Debug, Default)]
struct Findings {
    problems: Vec<Problem>,
    notices: Vec<Problem>,
}

impl Verdict {
    /// Gives what the campaign is sent with.
    pub(crate) fn into_ready(self) -> Result<Ready, Failure> {
        self.ready.ok_or_else(|| Failure::invalid(self.problems))
    }
}

impl Findings {
    fn problem(&mut self, pointer: &str, code: &str, detail: impl Into<String>) {
        self.problems.push(Problem::new(pointer, code, detail));
    }

    fn notice(&mut self, pointer: &str, code: &str, detail: impl Into<String>) {
        self.notices.push(Problem::new(pointer, code, detail));
    }
}

impl Checker {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            organizations: Organizations::from_setup(setup)?,
            lists: Lists::from_setup(setup)?,
            audiences: AudienceReader::from_setup(setup)?,
            templates: Templates::from_setup(setup)?,
            senders: Senders::from_setup(setup)?,
            public_url: setup.text("PUBLIC_URL")?,
        })
    }

    /// Checks a campaign, and counts its audience up to `counted` for the estimate.
    pub(crate) async fn check(&self, campaign: &Campaign, counted: u64) -> Result<Verdict, Failure> {
        let (organization, composition) = (campaign.organization, &campaign.composition);
        let of = self.organizations.get(organization).await?;
        let (organization_name, kept_days) =
            (String::from(of.name), u16::try_from(of.retention.campaigns_days.get()).unwrap_or(RetentionRecord::LONGEST_DAYS));
        let mut findings = Findings { problems: composition.problems(), notices: Vec::new() };
        let content = self.content(organization, composition, &mut findings).await?;
        let frozen = content.as_ref().and_then(|content| frozen(content, composition, &mut findings));
        let sender = self.sender(organization, composition, &mut findings).await?;
        self.audience(organization, &composition.audience, &mut findings).await?;
        let wanted = content.as_ref().map(needed_fields).unwrap_or_default();
        let sample = Sample::take(&self.audiences, campaign, wanted, counted).await?;
        judge(&sample, (composition, content.as_ref()), &mut findings);

        let surroundings = Surroundings { organization_name, public_url: self.public_url.clone() };
        let estimate = Estimate::new(&sample, content.as_ref(), &surroundings);
        let ready = match (content, frozen, sender) {
            (Some(content), Some(frozen), Some(sender)) if findings.problems.is_empty() => Some(Ready {
                organization_name: surroundings.organization_name,
                sender,
                variables: fields(&content),
                content: frozen,
                kept_days,
            }),
            _ => None,
        };
        Ok(Verdict { problems: findings.problems, notices: findings.notices, estimate, ready })
    }

    /// Finds the content, of the campaign itself or its template's, and makes sure that it offers a way out.
    async fn content(
        &self,
        organization: OrganizationId,
        composition: &Composition,
        findings: &mut Findings,
    ) -> Result<Option<Content>, Failure> {
        let content = match (composition.template_id, &composition.content) {
            (Some(id), _) => match self.templates.get((organization, id)).await {
                Ok(template) => template.content,
                Err(error) if error.kind() == Kind::Absent => {
                    findings.problem("/template_id", "campaigns.template_absent", "there is no such template");
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            },
            (None, Some(content)) => written(content, composition.channel),
            (None, None) => {
                findings.problem("/content", "campaigns.content", "choose a template or write the content");
                return Ok(None);
            }
        };
        if content.channel() != composition.channel {
            let detail = format!("the template is for the channel {}, the campaign for {}", content.channel(), composition.channel);
            findings.problem("/template_id", "campaigns.other_channel", detail);
            return Ok(None);
        }
        let (content, was_added) = with_way_out(content);
        if was_added {
            let detail = "the content does not use unsubscribe_url everywhere: a footer with the link is added";
            findings.notice("/content", "campaigns.footer_added", detail);
        }
        Ok(Some(content))
    }

    async fn sender(
        &self,
        organization: OrganizationId,
        composition: &Composition,
        findings: &mut Findings,
    ) -> Result<Option<Sender>, Failure> {
        let Some(id) = composition.sender_id else {
            findings.problem("/sender_id", "campaigns.sender", "choose a sender");
            return Ok(None);
        };
        let sender = self.senders.find(organization, id).await?;
        match &sender {
            None => findings.problem("/sender_id", "campaigns.sender_absent", "there is no such sender"),
            Some(sender) if sender.channel != composition.channel => {
                findings.problem("/sender_id", "campaigns.other_channel", format!("the sender is for the channel {}", sender.channel));
            }
            Some(sender) if !sender.verified => {
                findings.problem("/sender_id", "campaigns.sender_unverified", "the provider has not verified the sender yet");
            }
            Some(_) => {}
        }
        Ok(sender)
    }

    async fn audience(&self, organization: OrganizationId, audience: &Audience, findings: &mut Findings) -> Result<(), Failure> {
        let absent = self.lists.absent(organization, &audience.lists).await?;
        for (place, _) in audience.lists.iter().enumerate().filter(|(_, list)| absent.contains(list)) {
            findings.problem(&format!("/audience/lists/{place}"), "campaigns.list_absent", "there is no such list");
        }
        Ok(())
    }
}

/// Freezes the content; problems of a template's content are the template's.
fn frozen(content: &Content, composition: &Composition, findings: &mut Findings) -> Option<String> {
    match freeze(content) {
        Ok(frozen) => Some(frozen),
        Err(problems) => {
            let of_template = composition.template_id.is_some();
            let told = |problem: Problem| if of_template { Problem { pointer: "/template_id".to_owned(), ..problem } } else { problem };
            findings.problems.extend(problems.into_iter().map(told));
            None
        }
    }
}

/// Judges what was seen of the audience: somebody must be there, and have what the content needs.
fn judge(sample: &Sample, (composition, content): (&Composition, Option<&Content>), findings: &mut Findings) {
    if composition.audience.is_empty() {
        return findings.problem("/audience", "campaigns.audience", "name lists or tags, or say all");
    }
    if sample.size.contacts == 0 {
        return findings.problem("/audience", "campaigns.audience_empty", "the audience has nobody in it");
    }
    if sample.recipients.is_empty() {
        let detail = format!("nobody of the first {} contacts may be written to: no address, no consent, or suppressed", sample.looked_at);
        return findings.notice("/audience", "campaigns.nobody_eligible", detail);
    }
    let place = if composition.template_id.is_some() { "/template_id" } else { "/content" };
    for field in content.map(needed_fields).unwrap_or_default() {
        if sample.unseen.contains(&field) {
            let looked_at = sample.looked_at;
            let detail = format!("nobody of the {looked_at} contacts looked at has `{field}`: give it a default, or correct the name");
            findings.problem(place, "campaigns.variable_unknown", detail);
        } else if sample.lacking(&field) > 0 {
            let (lacking, tried) = (sample.lacking(&field), sample.recipients.len());
            let detail = format!("{lacking} of the first {tried} recipients have no `{field}`: without a default it fails for them");
            findings.notice(place, "campaigns.variable_missing", detail);
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
