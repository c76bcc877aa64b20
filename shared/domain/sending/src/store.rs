//! Reads and writes the ledger's items. The keys are in [`crate::keys`].

use std::collections::BTreeMap;

use carillon_contracts::RetentionRecord;
use carillon_dynamo::{Condition, Key, Query, StoreError, Table, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::Deserialize;

use crate::SendingError;
use crate::facts::Facts;
use crate::figures::Sums;
use crate::keys::{self, RunKey};
use crate::plan::{Plan, StoredPlan};
use crate::run::{Definition, RunRecord};
use crate::state::State;

const DAY_SECONDS: i64 = 24 * 60 * 60;

#[derive(Debug, Clone)]
pub(crate) struct LedgerStore {
    pub(crate) table: Table,
}

/// What is stored of one plan, and its run.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) run: Option<RunRecord>,
    pub(crate) plan: Option<Plan>,
    pub(crate) state: Option<State>,
}

impl LedgerStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "LEDGER_TABLE")? })
    }

    pub(crate) async fn find_run(&self, of: RunKey) -> Result<Option<RunRecord>, SendingError> {
        Ok(self.table.find(keys::run(of)).await?)
    }

    pub(crate) async fn get_definition(&self, of: RunKey) -> Result<Definition, SendingError> {
        #[derive(Deserialize)]
        struct Packed {
            definition: String,
        }
        let packed: Option<Packed> = self.table.find(keys::definition(of)).await?;
        let packed = packed.ok_or(SendingError::Absent("definition"))?;
        serde_json::from_str(&packed.definition).map_err(|error| SendingError::Corrupt("definition", error))
    }

    pub(crate) fn put_definition(&self, of: RunKey, definition: &Definition) -> Result<Write, SendingError> {
        let packed = serde_json::to_string(definition).map_err(|error| SendingError::Corrupt("definition", error))?;
        let body = BTreeMap::from([("definition", packed)]);
        let write = self.table.put(keys::definition(of), &body, Condition::Absent)?;
        Ok(expiring(write, definition.created_at, definition.kept_days))
    }

    pub(crate) async fn find_plan(&self, of: RunKey, number: u32) -> Result<Option<Plan>, SendingError> {
        let stored: Option<StoredPlan> = self.table.find(keys::plan(of, number)).await?;
        stored.map(StoredPlan::unpack).transpose()
    }

    pub(crate) fn insert_plan(&self, of: RunKey, plan: &Plan) -> Result<Write, SendingError> {
        let write = self.table.put(keys::plan(of, plan.number), &StoredPlan::pack(plan)?, Condition::Absent)?;
        Ok(expiring(write, plan.created_at, plan.kept_days))
    }

    /// Reads a run's record, a plan and its state in one request, seeing all that was acknowledged before.
    pub(crate) async fn load(&self, of: RunKey, plan: u32) -> Result<Stored, SendingError> {
        let wanted = [keys::run(of), keys::plan(of, plan), keys::state(of, plan)];
        let mut stored = Stored { run: None, plan: None, state: None };
        for item in self.table.find_items(&wanted).await? {
            match item.sk() {
                "RUN" => stored.run = Some(item.parse()?),
                sk if sk.starts_with("PLAN#") => stored.plan = Some(item.parse::<StoredPlan>()?.unpack()?),
                _ => stored.state = Some(item.parse()?),
            }
        }
        Ok(stored)
    }

    /// Puts a state that follows the stored one: version 1 where there is none.
    pub(crate) fn put_state(&self, of: RunKey, state: &State, moment: Timestamp) -> Result<Write, SendingError> {
        let condition = match state.version {
            0 | 1 => Condition::Absent,
            version => Condition::version(version - 1),
        };
        Ok(expiring(self.table.put(keys::state(of, state.number), state, condition)?, moment, state.kept_days))
    }

    pub(crate) async fn find_state(&self, of: RunKey, number: u32) -> Result<Option<State>, SendingError> {
        Ok(self.table.find(keys::state(of, number)).await?)
    }

    pub(crate) async fn find_facts(&self, of: RunKey, number: u32) -> Result<Facts, SendingError> {
        let item = self.table.find_item(keys::facts(of, number)).await?;
        Ok(item.as_ref().map(Facts::read).unwrap_or_default())
    }

    /// Merges facts into the stored ones, without reading them.
    pub(crate) async fn merge_facts(&self, (of, number): (RunKey, u32), facts: &Facts, moment: Timestamp) -> Result<(), SendingError> {
        // Who reports does not know the plan, so that what was reported is kept as long as any plan may be.
        let change = facts.change().set_once("ttl", carillon_dynamo::number(ends_second(moment, longest_days())));
        Ok(self.table.commit(vec![self.table.update(keys::facts(of, number), change, Condition::Always)]).await?)
    }

    /// Reads all states and facts of a page, by plan.
    pub(crate) async fn page(&self, of: RunKey, page: u32) -> Result<BTreeMap<u32, (Option<State>, Facts)>, SendingError> {
        let query = Query::partition(keys::page_partition(of, page)).prefix("STATE#").strong();
        let mut plans: BTreeMap<u32, (Option<State>, Facts)> = BTreeMap::new();
        for item in self.table.query_all_items(query).await? {
            let plan = item.sk().split('#').nth(1).and_then(|digits| digits.parse().ok()).unwrap_or_default();
            let entry = plans.entry(plan).or_default();
            if item.sk().ends_with("#FACTS") {
                entry.1 = Facts::read(&item);
            } else {
                entry.0 = Some(item.parse()?);
            }
        }
        Ok(plans)
    }

    pub(crate) async fn find_sums(&self, of: RunKey, page: u32) -> Result<Option<Sums>, SendingError> {
        Ok(self.table.find(keys::sums(of, page)).await?)
    }

    pub(crate) async fn replace_sums(&self, of: RunKey, page: u32, sums: &Sums) -> Result<(), StoreError> {
        let condition = match sums.version {
            0 | 1 => Condition::Absent,
            version => Condition::version(version - 1),
        };
        self.table.commit(vec![self.table.put(keys::sums(of, page), sums, condition)?]).await
    }

    pub(crate) async fn all_sums(&self, of: RunKey) -> Result<Vec<Sums>, SendingError> {
        Ok(self.table.query_all(Query::partition(keys::run_partition(of)).prefix("SUMS#").strong()).await?)
    }
}

/// Makes a put expire so many days after a moment.
pub(crate) fn expiring(write: Write, moment: Timestamp, kept_days: u16) -> Write {
    write.with("ttl", number(ends_second(moment, kept_days)))
}

/// The second that ends so many days.
pub(crate) fn ends_second(moment: Timestamp, kept_days: u16) -> i64 {
    moment.as_second() + i64::from(kept_days) * DAY_SECONDS
}

/// How long something is kept of which nobody said it: what was written before that could be said.
pub(crate) const fn longest_days() -> u16 {
    RetentionRecord::LONGEST_DAYS
}

/// Makes the write that only lists a run as under way.
pub(crate) fn list_active(table: &Table, run: &RunRecord) -> Result<Write, SendingError> {
    let body = BTreeMap::from([("organization", run.organization.to_string()), ("run", run.run.to_string())]);
    Ok(table.put(keys::active(run.key(), run.channel), &body, Condition::Always)?)
}

/// Makes the write that changes a run's record from its present epoch.
pub(crate) fn change_run(table: &Table, run: &RunRecord, change: carillon_dynamo::Change) -> Write {
    let key: Key = keys::run(run.key());
    table.update(key, change.set("epoch", number(run.epoch + 1)), Condition::Equals("epoch", number(run.epoch)))
}

/// Gives the text of a status, as it is stored.
pub(crate) fn status_text(status: crate::RunStatus) -> carillon_dynamo::Value {
    text(match status {
        crate::RunStatus::Sending => "sending",
        crate::RunStatus::Paused => "paused",
        crate::RunStatus::Cancelled => "cancelled",
        crate::RunStatus::Finished => "finished",
    })
}
