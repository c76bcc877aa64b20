//! Schedules that call functions: rates and cron expressions, in UTC.
//!
//! A rate fires at the start, too: after a crash the sweeps find at once what was left. One schedule never overlaps
//! itself here, where EventBridge would let it; a failed call waits for the next time.

use std::sync::Arc;

use carillon_kernel::{Clock, IdSource};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::embedded::{ACCOUNT_ID, REGION};
use crate::functions::{Functions, InvokeError, LocalFunction};
use crate::template::model::{Schedule, ScheduleExpression, Source};

/// All running schedules; they end when this is dropped.
#[derive(Debug)]
pub struct Schedules {
    _tasks: JoinSet<()>,
}

impl Schedules {
    /// Starts every schedule that is on.
    #[must_use]
    pub fn start(functions: &Functions, clock: &Clock, ids: &IdSource) -> Self {
        let mut tasks = JoinSet::new();
        for function in functions.all() {
            for source in &function.description.sources {
                let Source::Schedule(schedule) = source else { continue };
                if schedule.enabled {
                    let caller = Caller { clock: clock.clone(), ids: ids.clone() };
                    tasks.spawn(run(Arc::clone(function), schedule.clone(), caller));
                }
            }
        }
        Self { _tasks: tasks }
    }
}

/// Calls scheduled functions at once, whatever their schedules say.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Tells the time of the event.
    pub clock: Clock,
    /// Makes the ids of the event and of the request.
    pub ids: IdSource,
}

impl Caller {
    /// Calls `function` as `schedule` would.
    ///
    /// # Errors
    /// [`InvokeError`] when the function fails.
    pub async fn fire(&self, function: &LocalFunction, schedule: &Schedule) -> Result<(), InvokeError> {
        let now = self.clock.now();
        let event = match &schedule.input {
            Some(input) => serde_json::from_str(input).unwrap_or_else(|_| Value::from(input.as_str())),
            None => event(self.ids.uuid(now).to_string(), now, &schedule.name),
        };
        function.call(event, self.ids.uuid(now).to_string()).await.map(|_| ())
    }
}

/// The event of a rule. Source: Amazon EventBridge user guide, "Events from AWS services", scheduled events.
fn event(id: String, now: Timestamp, rule: &str) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": format!("{now:.0}"),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{rule}")],
        "detail": {},
    })
}

async fn run(function: Arc<LocalFunction>, schedule: Schedule, caller: Caller) {
    let period = match &schedule.expression {
        ScheduleExpression::Rate(period) => *period,
        ScheduleExpression::Cron(_) => std::time::Duration::from_secs(60),
    };
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checked = caller.clock.now();
    loop {
        ticks.tick().await;
        let now = caller.clock.now();
        if is_due(&schedule.expression, checked, now)
            && let Err(error) = caller.fire(&function, &schedule).await
        {
            tracing::error!(%error, function = function.description.name, schedule = schedule.name, "scheduled work failed");
        }
        checked = now;
    }
}

/// Whether a schedule must fire at a tick: a rate always, a cron expression when one of its minutes began since the last.
fn is_due(expression: &ScheduleExpression, checked: Timestamp, now: Timestamp) -> bool {
    let ScheduleExpression::Cron(cron) = expression else { return true };
    let minute_of = |moment: Timestamp| moment.as_second().div_euclid(60);
    let (from, to) = (minute_of(checked) + 1, minute_of(now));
    // After a long sleep of the machine only the last hour counts.
    (from.max(to - 59)..=to).any(|minute| {
        let began = Timestamp::UNIX_EPOCH.checked_add(minute.minutes());
        began.is_ok_and(|moment| cron.matches(moment.to_zoned(TimeZone::UTC).datetime()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::model::Cron;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_cron_expression_is_due_once_its_minute_began_since_the_last_tick() {
        let nightly = ScheduleExpression::Cron(Cron::parse("0 3 * * ? *").unwrap());

        assert!(is_due(&nightly, at("2026-11-21T02:59:31Z"), at("2026-11-21T03:00:31Z")));
        assert!(!is_due(&nightly, at("2026-11-21T03:00:31Z"), at("2026-11-21T03:01:31Z")));
        assert!(is_due(&nightly, at("2026-11-21T02:58:00Z"), at("2026-11-21T03:02:00Z")), "a late tick skips nothing");
    }

    #[test]
    fn the_event_of_a_rule_has_the_time_in_whole_seconds() {
        let event = event("id".to_owned(), at("2026-11-21T03:00:31.5Z"), "Nightly");

        assert_eq!(event["time"], "2026-11-21T03:00:31Z");
        assert_eq!(event["detail-type"], "Scheduled Event");
    }
}
