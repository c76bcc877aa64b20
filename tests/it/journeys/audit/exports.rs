//! Exports of the trail: they hold what their filter wants, and survive every death.

use carillon_dynamo::Value as AttributeValue;
use carillon_identity::audit::{Progress, TrailExports};
use carillon_testkit::{Stopped, stop_at};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::{journey, run};
use super::{Vandal, records, rename, text, without_consumers};

#[test]
fn an_export_downloads_and_holds_exactly_the_records_that_its_filter_wants() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let api = &login.api;
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        rename(api, contact, &["Grace", "=SUM(1)"]).await;
        let _ = api.create_list("Readers").await;
        let export = async |body: Value| {
            let asked = api.post("/v1/audit/exports", body).await.expect(202);
            let path = format!("/v1/audit/exports/{}", asked["id"].as_str().unwrap());
            world.until("the export is written", async || api.get(&path).await.expect(200)["status"] == "done").await;
            let done = api.get(&path).await.expect(200);
            assert_eq!(done["files"].as_array().unwrap().len(), 1, "{done}");
            let file = world.api.client().get(done["files"][0]["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(file.status(), 200);
            (done, file.text().await.unwrap())
        };
        let mut before = records(api, "").await;
        before.reverse();

        let (done, file) = export(json!({})).await;
        let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, before, "the oldest first");
        assert_eq!((&done["records"], &done["files"][0]["bytes"]), (&json!(before.len()), &json!(file.len())));

        let (_, file) = export(json!({ "format": "csv", "filter": { "kind": "contact", "id": contact } })).await;
        let rows: Vec<&str> = file.split_terminator("\r\n").collect();
        assert_eq!(rows[0], "id,at,actor,function,request_id,ip,user_agent,kind,thing,before,after");
        assert_eq!(rows.len(), 4, "{file}");
        assert!(rows[1..].iter().all(|row| row.contains(&format!(",contact,{contact},"))), "{file}");

        let later = (world.now() + SignedDuration::from_hours(1)).to_string();
        for filter in [json!({ "actor": "nobody" }), json!({ "from": later })] {
            let nothing = export(json!({ "filter": filter })).await;
            assert_eq!((nothing.0["records"].clone(), nothing.1.as_str()), (json!(0), ""));
        }
        let asked = records(api, "kind=audit_export").await;
        assert_eq!(asked.len(), 4, "who took the trail along is told in it");
        let refused = api.post("/v1/audit/exports", json!({ "format": "xml", "filter": { "colour": "red" } })).await;
        assert_eq!(refused.problems().into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>(), ["/format", "/filter/colour"]);
    });
}

/// A platform of a setting of its own.

#[test]
fn an_export_of_many_records_goes_on_in_further_files_and_dies_at_any_await_without_harm() {
    run(async {
        let world = without_consumers().await;
        let _ = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        let vandal = Vandal::of(&world, world.organization);
        let mut item = vandal.records().await.remove(0);
        let changes = json!([{ "kind": "template", "id": "tpl_1", "after": { "html": "x".repeat(60_000) } }]).to_string();
        item.insert("changes".to_owned(), AttributeValue::S(changes));
        for number in 0..160 {
            let sk = format!("{}#{number:020x}", text(&item, "at"));
            item.insert("sk".to_owned(), AttributeValue::S(sk));
            vandal.put(&item).await;
        }
        let mut expected: Vec<Value> = records(&world.api, "kind=template").await;
        expected.reverse();
        let asked = world.api.post("/v1/audit/exports", json!({ "filter": { "kind": "template" } })).await.expect(202);
        let id = asked["id"].as_str().unwrap();
        let exports = TrailExports::from_setup(&world.stage.platform.setup_of("identity-export-trail").unwrap()).unwrap();

        for count in (3..).step_by(7) {
            let part = stop_at(count, exports.write((world.organization, id.parse().unwrap()), Timestamp::UNIX_EPOCH)).await;
            if let Stopped::Ended(progress) = part
                && progress.unwrap() == Progress::Done
            {
                break;
            }
        }

        let done = world.api.get(&format!("/v1/audit/exports/{id}")).await.expect(200);
        assert_eq!(
            (&done["status"], done["files"].as_array().unwrap().len(), &done["records"]),
            (&json!("done"), 2, &json!(160)),
            "{done}"
        );
        let mut written = Vec::new();
        for file in done["files"].as_array().unwrap() {
            let body = world.api.client().get(file["url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
            assert_eq!(file["records"], body.lines().count());
            written.extend(body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        assert!(written == expected, "{} records were written, {} are in the trail", written.len(), expected.len());
    });
}
