//! GET /v1/imports/{import_id}/rejected: gives the rejected rows as a CSV, with the reason for each.

use carillon_contacts::import::Imports;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

/// Gives the report of an import, in parts of at most 2.5 MB, each with its header; `Link` names the next part.
#[derive(Debug)]
pub struct ImportsGetRejected {
    imports: Imports,
}

/// Which part of the report, from 1.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartQuery {
    part: Option<String>,
}

impl PartQuery {
    fn number(&self) -> Option<u32> {
        self.part.as_ref().map_or(Some(1), |text| text.parse().ok().filter(|number| *number > 0))
    }
}

impl Input for PartQuery {
    fn problems(&self) -> Vec<Problem> {
        let refused = || Problem::new("?part", "imports.part", "the part must be a number from 1");
        self.number().is_none().then(refused).into_iter().collect()
    }
}

impl HttpFunction for ImportsGetRejected {
    const NAME: &'static str = "imports-get-rejected";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = PartQuery;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { imports: Imports::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<PartQuery, Nothing>) -> Result<Reply, Failure> {
        let id = call.path("import_id")?;
        let number = call.query.number().unwrap_or(1);

        let part = self.imports.rejected(call.organization(), id, number).await?;

        let name = format!("attachment; filename=\"{id}-rejected-{number}.csv\"");
        let reply = Reply::text(200, "text/csv; charset=utf-8", part.csv).header("content-disposition", name);
        Ok(match part.next {
            Some(next) => reply.header("link", format!("</v1/imports/{id}/rejected?part={next}>; rel=\"next\"")),
            None => reply,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        let number = |part: Option<&str>| PartQuery { part: part.map(str::to_owned) }.number();

        assert_eq!((number(None), number(Some("3"))), (Some(1), Some(3)));
        assert_eq!((number(Some("0")), number(Some("x"))), (None, None));
    }
}
