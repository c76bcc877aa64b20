//! Counts per channel and campaign that find duplicates without keeping messages.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{dice::hash, outbox::OutboxCounts, record::Channel};

/// The fingerprint of a recipient in a campaign.
pub(crate) fn fingerprint(campaign: &str, recipient: &str) -> u64 {
    hash(&[campaign.as_bytes(), recipient.to_ascii_lowercase().as_bytes()])
}

/// Counts of all campaigns.
#[derive(Default)]
pub(crate) struct Tallies {
    email: ChannelTally,
    sms: ChannelTally,
}

#[derive(Default)]
struct ChannelTally {
    campaigns: HashMap<Arc<str>, CampaignTally>,
    outside_campaigns: u64,
}

#[derive(Default)]
struct CampaignTally {
    total: u64,
    recipients: HashSet<u64>,
}

impl Tallies {
    /// Counts a message, and gives the shared name of its campaign.
    pub(crate) fn count(&mut self, channel: Channel, campaign: Option<&str>, fingerprint: u64) -> Option<Arc<str>> {
        let tally = self.channel_mut(channel);
        let Some(campaign) = campaign else {
            tally.outside_campaigns += 1;
            return None;
        };
        let name = tally.campaigns.get_key_value(campaign).map_or_else(|| Arc::from(campaign), |(name, _)| Arc::clone(name));
        let counts = tally.campaigns.entry(Arc::clone(&name)).or_default();
        counts.total += 1;
        counts.recipients.insert(fingerprint);
        Some(name)
    }

    /// The counts of a channel or both, of a campaign or all. Mail outside campaigns has no duplicates: the same person may get a receipt twice.
    pub(crate) fn counts(&self, channel: Option<Channel>, campaign: Option<&str>) -> OutboxCounts {
        let mut counts = OutboxCounts::default();
        for one in [Channel::Email, Channel::Sms] {
            if channel.is_none_or(|wanted| wanted == one) {
                self.channel(one).add_to(&mut counts, campaign);
            }
        }
        counts
    }

    /// The names of all campaigns, with their channel and counts.
    pub(crate) fn campaigns(&self) -> Vec<(Channel, Arc<str>, OutboxCounts)> {
        let mut all = Vec::new();
        for channel in [Channel::Email, Channel::Sms] {
            for name in self.channel(channel).campaigns.keys() {
                all.push((channel, Arc::clone(name), self.counts(Some(channel), Some(name))));
            }
        }
        all.sort_by(|left, right| left.1.cmp(&right.1));
        all
    }

    fn channel(&self, channel: Channel) -> &ChannelTally {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    fn channel_mut(&mut self, channel: Channel) -> &mut ChannelTally {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }
}

impl ChannelTally {
    fn add_to(&self, counts: &mut OutboxCounts, campaign: Option<&str>) {
        for (name, tally) in &self.campaigns {
            if campaign.is_none_or(|wanted| wanted == &**name) {
                let distinct = u64::try_from(tally.recipients.len()).unwrap_or(u64::MAX);
                counts.total += tally.total;
                counts.distinct += distinct;
                counts.duplicates += tally.total - distinct;
            }
        }
        if campaign.is_none() {
            counts.total += self.outside_campaigns;
            counts.distinct += self.outside_campaigns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_mail_of_a_campaign_to_the_same_person_is_a_duplicate() {
        let mut tallies = Tallies::default();
        for to in ["a@example.com", "b@example.com", "A@example.com"] {
            tallies.count(Channel::Email, Some("cmp_1"), fingerprint("cmp_1", to));
        }
        tallies.count(Channel::Email, Some("cmp_2"), fingerprint("cmp_2", "a@example.com"));

        let counts = tallies.counts(Some(Channel::Email), None);

        assert_eq!((counts.total, counts.distinct, counts.duplicates), (4, 3, 1));
        assert_eq!(tallies.counts(Some(Channel::Sms), None).total, 0);
    }
}
