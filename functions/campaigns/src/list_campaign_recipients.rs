//! GET /v1/campaigns/{campaign_id}/recipients: lists recipients with their states, all of them or those in one state.

use std::str::FromStr;

use carillon_campaigns::Campaigns;
use carillon_contracts::fact::FactKind;
use carillon_contracts::{ContactId, Permission, Run};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_sending::keys::RunKey;
use carillon_sending::ledger::Listed;
use carillon_sending::{Ledger, RecipientStatus, RunRecord};
use serde::{Deserialize, Serialize};

/// How many plans one answer looks through at the most: a page may be shorter than its limit, even empty, and still have a next one.
const MOST_PLANS: u32 = 20;

/// Lists recipients.
#[derive(Debug)]
pub struct CampaignsListRecipients {
    campaigns: Campaigns,
    ledger: Ledger,
}

/// Which recipients, how many, and from where.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    state: Option<RecipientStatus>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// The entry to go on with: a plan and the place in it, written `12-7`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    plan: u32,
    index: usize,
}

#[derive(Serialize)]
struct Page {
    data: Vec<Shown>,
    next_cursor: Option<String>,
}

/// A recipient.
#[derive(Debug, Serialize)]
struct Shown {
    contact_id: Option<ContactId>,
    address: String,
    state: RecipientStatus,
    /// Why it failed or was left out, as a code.
    reason: Option<String>,
    /// What was reported of it since it was sent.
    events: Vec<FactKind>,
}

impl Input for Query {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.limit.is_some_and(|limit| !(1..=100).contains(&limit)) {
            problems.push(Problem::new("?limit", "request.limit", "the limit must be 1 to 100"));
        }
        if self.place().is_none() {
            problems.push(Problem::new("?cursor", "request.cursor", "the cursor is not one that a page gave"));
        }
        problems
    }
}

impl Query {
    fn place(&self) -> Option<Place> {
        self.cursor.as_deref().map_or(Some(Place::default()), |text| text.parse().ok())
    }
}

impl HttpFunction for CampaignsListRecipients {
    const NAME: &'static str = "campaigns-list-recipients";
    const PERMISSION: Permission = Permission::CampaignsRead;
    type Query = Query;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)?, ledger: Ledger::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Query, Nothing>) -> Result<Reply, Failure> {
        let campaign = self.campaigns.get(call.organization(), call.path("campaign_id")?).await?;
        if campaign.started_at.is_none() {
            return Ok(Reply::ok(&Page { data: Vec::new(), next_cursor: None }));
        }
        let run = self.ledger.run(RunKey::new(campaign.organization, Run::Campaign(campaign.id))).await?;

        Ok(Reply::ok(&self.page(&run, &call.query).await?))
    }
}

impl CampaignsListRecipients {
    async fn page(&self, run: &RunRecord, query: &Query) -> Result<Page, Failure> {
        let limit = query.limit.unwrap_or(50);
        let start = query.place().unwrap_or_default();
        let mut data = Vec::new();
        let end = start.plan.saturating_add(MOST_PLANS).min(run.planned);
        for plan in start.plan..end {
            let listed = self.ledger.recipients(run, plan..plan + 1).await?;
            let first = if plan == start.plan { start.index } else { 0 };
            for recipient in listed.into_iter().filter(|recipient| recipient.index >= first) {
                if query.state.is_some_and(|state| state != recipient.status) {
                    continue;
                }
                if data.len() == limit {
                    let next = Place { plan, index: recipient.index };
                    return Ok(Page { data, next_cursor: Some(next.to_string()) });
                }
                data.push(Shown::from(recipient));
            }
        }
        let next_cursor = (end < run.planned).then(|| Place { plan: end, index: 0 }.to_string());
        Ok(Page { data, next_cursor })
    }
}

impl From<Listed> for Shown {
    fn from(listed: Listed) -> Self {
        Self {
            contact_id: listed.recipient.contact,
            address: listed.recipient.address,
            state: listed.status,
            reason: listed.reason,
            events: listed.facts,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.plan, self.index)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (plan, index) = text.split_once('-').ok_or(())?;
        Ok(Self { plan: plan.parse().map_err(|_| ())?, index: index.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_another_text_is_refused() {
        let place = Place { plan: 12, index: 7 };

        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        for refused in ["", "12", "-", "12-", "-7", "a-b", "12-7-3", "-1-2"] {
            let query = Query { cursor: Some(refused.to_owned()), ..Query::default() };
            assert_eq!(query.problems().len(), 1, "{refused:?}");
        }
    }

    #[test]
    fn a_first_page_needs_nothing() {
        assert!(Query::default().problems().is_empty());
        assert_eq!(Query::default().place().unwrap(), Place::default());
    }
}
