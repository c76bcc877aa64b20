//! POST /v1/campaigns: makes a draft, as far as it is written.

use carillon_campaigns::{Campaign, Campaigns, Composition, Content, DoubtPolicy};
use carillon_contracts::{Audience, Channel, Permission, SenderId, TemplateId};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

/// Makes campaigns.
#[derive(Debug)]
pub struct CampaignsCreate {
    campaigns: Campaigns,
}

/// The draft: name and channel are needed, the rest can come later.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<String>,
    channel: Option<Channel>,
    audience: Audience,
    template_id: Option<TemplateId>,
    content: Option<Content>,
    sender_id: Option<SenderId>,
    doubt_policy: DoubtPolicy,
}

impl Body {
    /// Reads the composition, or says that the channel is missing.
    fn composition(self) -> Result<Composition, Problem> {
        let channel =
            self.channel.ok_or_else(|| Problem::new("/channel", "campaigns.channel", "a campaign needs a channel: email or sms"))?;
        Ok(Composition {
            name: self.name.unwrap_or_default(),
            channel,
            audience: self.audience,
            template_id: self.template_id,
            content: self.content,
            sender_id: self.sender_id,
            doubt_policy: self.doubt_policy,
        })
    }
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        match self.clone().composition() {
            Ok(composition) => composition.problems(),
            Err(no_channel) => {
                // Whatever the channel: only the content cannot be judged without it.
                let rest = Self { channel: Some(Channel::Email), content: None, ..self.clone() }.composition();
                let rest = rest.map(|composition| composition.problems()).unwrap_or_default();
                std::iter::once(no_channel).chain(rest).collect()
            }
        }
    }
}

impl HttpFunction for CampaignsCreate {
    const NAME: &'static str = "campaigns-create";
    const PERMISSION: Permission = Permission::CampaignsWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let ids = (call.organization(), call.new_id());
        let (moment, campaigns) = (call.moment, self.campaigns.by(&call.trail()));
        let composition = call.body.composition().map_err(|problem| Failure::invalid(vec![problem]))?;

        let campaign = campaigns.create(Campaign::draft(ids, composition, moment)?).await?;

        Ok(Reply::created(&campaign).version(campaign.version))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(body: serde_json::Value) -> Vec<String> {
        serde_json::from_value::<Body>(body).unwrap().problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_name_and_a_channel_are_enough() {
        assert!(pointers(json!({ "name": "Spring", "channel": "sms" })).is_empty());
    }

    #[test]
    fn everything_that_is_missing_or_wrong_is_told_at_once() {
        assert_eq!(pointers(json!({})), ["/channel", "/name"]);
        let body = json!({ "channel": "email", "audience": { "tags": [""] }, "content": { "body": "hello" } });
        assert_eq!(pointers(body), ["/name", "/audience/tags/0", "/content/body"]);
    }
}
