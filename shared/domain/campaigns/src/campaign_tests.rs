#![allow(clippy::unwrap_used, reason = "tests")]

use carillon_contracts::Channel;
use proptest::prelude::*;

use super::*;

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn draft() -> Campaign {
    let ids = (OrganizationId::from_bytes([1; 16]), CampaignId::from_bytes([2; 16]));
    Campaign::draft(ids, Composition::new(" Spring ", Channel::Email), moment(1)).unwrap()
}

fn code(result: Result<Campaign, CampaignError>) -> &'static str {
    carillon_kernel::Fault::code(&result.unwrap_err())
}

#[test]
fn a_sent_campaign_cannot_be_sent_again() {
    let sent = draft().start(moment(2)).unwrap().finish(Totals { sent: 1, ..Totals::default() }, moment(3)).unwrap();

    assert_eq!(sent.status, CampaignStatus::Sent);
    assert_eq!(code(sent.clone().start(moment(4))), "campaigns.not_draft");
    assert_eq!(code(sent.edit(CompositionPatch::default(), moment(4))), "campaigns.not_draft");
}

#[test]
fn a_campaign_whose_every_attempt_failed_has_failed() {
    let started = draft().start(moment(2)).unwrap();

    let failed = started.clone().finish(Totals { recipients: 2, failed: 2, ..Totals::default() }, moment(3)).unwrap();
    let nobody = started.clone().finish(Totals { recipients: 2, suppressed: 2, ..Totals::default() }, moment(3)).unwrap();
    let doubtful = started.finish(Totals { recipients: 2, failed: 1, in_doubt: 1, ..Totals::default() }, moment(3)).unwrap();

    assert_eq!(failed.status, CampaignStatus::Failed);
    assert_eq!(nobody.status, CampaignStatus::Sent);
    assert_eq!(doubtful.status, CampaignStatus::Sent);
}

#[test]
fn only_a_campaign_that_is_being_sent_comes_to_its_end() {
    let paused = draft().start(moment(2)).unwrap().pause(moment(3)).unwrap();

    assert_eq!(code(draft().finish(Totals::default(), moment(9))), "campaigns.not_sending");
    assert_eq!(code(paused.clone().finish(Totals::default(), moment(9))), "campaigns.not_sending");
    assert_eq!(code(paused.cancel(moment(4)).unwrap().finish(Totals::default(), moment(9))), "campaigns.not_sending");
}

#[test]
fn a_retry_opens_an_ended_campaign_but_no_cancelled_one() {
    let started = draft().start(moment(2)).unwrap();
    let again = started.clone().finish(Totals::default(), moment(3)).unwrap().retry(moment(4)).unwrap();

    assert_eq!((again.status, again.finished_at, again.totals), (CampaignStatus::Sending, None, None));
    assert_eq!(again.started_at, Some(moment(2)));
    assert_eq!(code(started.cancel(moment(3)).unwrap().retry(moment(4))), "campaigns.not_ended");
}

#[test]
fn a_campaign_under_way_cannot_be_deleted() {
    let started = draft().start(moment(2)).unwrap();

    assert!(draft().deletable().is_ok());
    assert_eq!(code(started.clone().deletable()), "campaigns.under_way");
    assert_eq!(code(started.clone().pause(moment(3)).unwrap().deletable()), "campaigns.under_way");
    assert!(started.cancel(moment(3)).unwrap().deletable().is_ok());
}

#[test]
fn a_caller_that_saw_another_version_is_told() {
    assert!(draft().unchanged_since(None).is_ok());
    assert!(draft().unchanged_since(Some(1)).is_ok());
    assert_eq!(code(draft().unchanged_since(Some(2))), "campaigns.changed_meanwhile");
}

#[test]
fn a_draft_keeps_its_name_without_the_white_space_around_it() {
    assert_eq!(draft().composition.name, "Spring");
}

#[test]
fn a_campaign_reads_back_from_its_json() {
    let campaign = draft().start(moment(2)).unwrap();

    let text = serde_json::to_string(&campaign).unwrap();

    assert_eq!(serde_json::from_str::<Campaign>(&text).unwrap(), campaign);
    assert!(text.contains(r#""status":"sending""#) && text.contains(r#""name":"Spring""#));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Edit,
    Start,
    Pause,
    Resume,
    Cancel,
    Finish,
    Retry,
}

fn take(campaign: Campaign, step: Step, at: Timestamp) -> Result<Campaign, CampaignError> {
    match step {
        Step::Edit => campaign.edit(CompositionPatch::default(), at),
        Step::Start => campaign.start(at),
        Step::Pause => campaign.pause(at),
        Step::Resume => campaign.resume(at),
        Step::Cancel => campaign.cancel(at),
        Step::Finish => campaign.finish(Totals::default(), at),
        Step::Retry => campaign.retry(at),
    }
}

proptest! {
    #[test]
    fn every_transition_is_a_new_version_and_nothing_leads_back_to_a_draft(
        steps in prop::collection::vec(
            prop::sample::select(vec![Step::Edit, Step::Start, Step::Pause, Step::Resume, Step::Cancel, Step::Finish, Step::Retry]),
            0..12,
        ),
    ) {
        let mut campaign = draft();
        for (step, second) in steps.into_iter().zip(2..) {
            let Ok(next) = take(campaign.clone(), step, moment(second)) else { continue };
            prop_assert_eq!(next.version, campaign.version + 1);
            prop_assert_eq!(next.started_at.is_some(), next.status != CampaignStatus::Draft);
            prop_assert_eq!(next.finished_at.is_some(), next.status.has_ended());
            prop_assert!(campaign.status == CampaignStatus::Draft || next.status != CampaignStatus::Draft);
            prop_assert!(campaign.status != CampaignStatus::Cancelled || next.status == CampaignStatus::Cancelled);
            campaign = next;
        }
    }
}
