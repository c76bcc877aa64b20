//! What becomes of an accepted mail: a rule, an address of the mailbox simulator, or the knobs' shares decide.

use tokio::time::Duration;

use super::{
    check::{address, domain},
    event::EventKind,
};
use crate::{
    dice::Dice,
    faults::{EmailFate, Reader, SesFaults},
    glob,
    record::Email,
};

/// The domain of the mailbox simulator (SES developer guide, "Using the mailbox simulator").
pub(super) const SIMULATOR: &str = "simulator.amazonses.com";
/// Links that a scanner clicks, at most.
const SCANNED_LINKS_MAX: usize = 20;

/// What becomes of a mail to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fate {
    course: Course,
    is_delayed: bool,
    complains: bool,
    opens: bool,
    clicks: bool,
    reader: Reader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Delivered,
    Bounced,
    SoftBounced,
    Suppressed,
    Rejected,
}

/// An event that will happen.
pub(super) struct Planned {
    pub(super) after: Duration,
    pub(super) kind: EventKind,
    /// The recipient's place among all of the mail's recipients.
    pub(super) recipient: usize,
}

/// What decides.
#[derive(Clone, Copy)]
pub(super) struct Oracle<'a> {
    pub(super) dice: &'a Dice,
    pub(super) faults: &'a SesFaults,
    pub(super) campaign_tag: &'a str,
}

impl Oracle<'_> {
    /// The fate of a mail at each of its recipients.
    pub(super) fn fates(self, email: &Email) -> Vec<Fate> {
        let campaign = email.tag(self.campaign_tag).unwrap_or_default();
        email.recipients().map(|recipient| self.fate(campaign, address(recipient))).collect()
    }

    fn fate(self, campaign: &str, recipient: &str) -> Fate {
        let rule = self.faults.rules.iter().find(|rule| glob::matches(&rule.pattern, recipient));
        if let Some(fate) = rule.map(|rule| rule.fate).or_else(|| simulated(recipient)) {
            return Fate::certain(fate);
        }
        let (faults, subject) = (self.faults, format!("{campaign} {recipient}"));
        let chooses = |share, question| self.dice.chooses(share, question, &subject);
        let course = if chooses(faults.reject_share, "reject") {
            Course::Rejected
        } else if chooses(faults.bounce_share, "bounce") {
            Course::Bounced
        } else if chooses(faults.soft_bounce_share, "soft bounce") {
            Course::SoftBounced
        } else {
            Course::Delivered
        };
        let clicks = chooses(faults.click_share, "click");
        Fate {
            course,
            is_delayed: course == Course::SoftBounced || chooses(faults.delivery_delay_share, "delay"),
            complains: chooses(faults.complain_share, "complain"),
            opens: clicks || chooses(faults.open_share, "open"),
            clicks,
            reader: faults.reader,
        }
    }

    /// The events of a mail, in the order in which they happen.
    pub(super) fn plan(self, email: &Email, fates: &[Fate], links: &[String]) -> Vec<Planned> {
        let after = Duration::from_millis(self.faults.calls.event_delay_ms);
        let first = |kind| Planned { after, kind, recipient: 0 };
        let mut plan = match &email.rendering_failure {
            Some(reason) => vec![first(EventKind::RenderingFailure(reason.clone()))],
            None if fates.iter().any(|fate| fate.course == Course::Rejected) => vec![first(EventKind::Reject)],
            None => {
                let mut plan = vec![first(EventKind::Send)];
                for (recipient, fate) in fates.iter().enumerate() {
                    let events = fate.events(self.faults, links);
                    plan.extend(events.into_iter().map(|(later, kind)| Planned { after: after + later, kind, recipient }));
                }
                plan
            }
        };
        let share = self.faults.calls.event_reorder_share;
        if share > 0.0 && self.dice.chooses(share, "reorder", &email.identity()) {
            let mut times: Vec<Duration> = plan.iter().map(|planned| planned.after).collect();
            times.sort_unstable();
            plan.reverse();
            plan.iter_mut().zip(times).for_each(|(planned, time)| planned.after = time);
        }
        plan
    }
}

impl Fate {
    /// Whether the mail's links must be known.
    pub(super) fn needs_links(&self) -> bool {
        self.course == Course::Delivered && self.clicks
    }

    /// Whether a scanner reads the mail.
    pub(super) fn is_scanned(&self) -> bool {
        self.needs_links() && self.reader == Reader::Scanner
    }

    fn certain(fate: EmailFate) -> Self {
        let course = match fate {
            EmailFate::Bounce => Course::Bounced,
            EmailFate::SoftBounce => Course::SoftBounced,
            EmailFate::Suppressed => Course::Suppressed,
            EmailFate::Reject => Course::Rejected,
            _ => Course::Delivered,
        };
        Self {
            course,
            is_delayed: matches!(fate, EmailFate::Delay | EmailFate::SoftBounce),
            complains: fate == EmailFate::Complain,
            opens: matches!(fate, EmailFate::Open | EmailFate::Click | EmailFate::Scan),
            clicks: matches!(fate, EmailFate::Click | EmailFate::Scan),
            reader: if fate == EmailFate::Scan { Reader::Scanner } else { Reader::Person },
        }
    }

    fn events(&self, faults: &SesFaults, links: &[String]) -> Vec<(Duration, EventKind)> {
        let mut events = Vec::new();
        if self.is_delayed && self.course != Course::Suppressed {
            events.push((Duration::ZERO, EventKind::DeliveryDelay));
        }
        match self.course {
            Course::Bounced => events.push((Duration::ZERO, EventKind::Bounce)),
            Course::SoftBounced => events.push((Duration::ZERO, EventKind::SoftBounce)),
            Course::Suppressed => events.push((Duration::ZERO, EventKind::SuppressedBounce)),
            Course::Rejected => {}
            Course::Delivered => {
                events.push((Duration::ZERO, EventKind::Delivery));
                if self.complains {
                    events.push((Duration::ZERO, EventKind::Complaint));
                }
                self.add_reading(&mut events, faults, links);
            }
        }
        events
    }

    fn add_reading(&self, events: &mut Vec<(Duration, EventKind)>, faults: &SesFaults, links: &[String]) {
        if !self.opens {
            return;
        }
        let click = |link: &String| EventKind::Click(self.reader, link.clone());
        match self.reader {
            Reader::Person => {
                let open = Duration::from_millis(faults.open_delay_ms);
                events.push((open, EventKind::Open(Reader::Person)));
                if let Some(link) = links.first().filter(|_| self.clicks) {
                    events.push((open + Duration::from_millis(faults.click_delay_ms), click(link)));
                }
            }
            Reader::Scanner => {
                events.push((Duration::from_millis(100), EventKind::Open(Reader::Scanner)));
                let mut later = Duration::from_millis(100);
                for link in links.iter().take(SCANNED_LINKS_MAX).filter(|_| self.clicks) {
                    later += Duration::from_millis(40);
                    events.push((later, click(link)));
                }
            }
        }
    }
}

/// The fates of the mailbox simulator's addresses, with labels such as `bounce+1@`.
fn simulated(recipient: &str) -> Option<EmailFate> {
    if !domain(recipient).eq_ignore_ascii_case(SIMULATOR) {
        return None;
    }
    let local = recipient.split(['@', '+']).next().unwrap_or_default();
    match local.to_ascii_lowercase().as_str() {
        "bounce" => Some(EmailFate::Bounce),
        "complaint" => Some(EmailFate::Complain),
        "suppressionlist" => Some(EmailFate::Suppressed),
        "success" | "ooto" => Some(EmailFate::Deliver),
        _ => None,
    }
}
