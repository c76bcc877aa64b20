//! What the templates say of keys, doors and watchers: encryption, TLS, privileges, alarms.

use std::collections::{BTreeMap, BTreeSet};

use carillon_harness::FIGURES;
use carillon_local::template::{self, model::Function};
use serde_json::Value;

use super::{deployment, root};

/// The actions for which AWS knows no resource (service authorization references).
const WITHOUT_A_RESOURCE: [&str; 1] = ["ses:GetAccount"];
/// The functions that hand out tokens: nobody else has the key that signs them.
const SIGNERS: [&str; 5] = ["accounts-log-in", "accounts-prove-login", "providers-finish", "sessions-refresh", "sessions-step-up"];
/// Parameters whose names speak of keys or tokens, and that are no secrets.
const PUBLIC: [&str; 2] = ["TokenKeys", "OlderVaultKeys"];

/// A resource as a template writes it.
pub(super) struct Resource {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) whole: Value,
}

impl Resource {
    pub(super) fn at(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }

    pub(super) fn property(&self, pointer: &str) -> &Value {
        self.whole["Properties"].pointer(pointer).unwrap_or(&Value::Null)
    }
}

#[test]
fn a_policy_allows_no_wildcard_of_actions_and_everything_only_where_aws_has_no_resource() {
    let resources = resources();
    let mut seen = 0;

    for (resource, statement) in statements(&resources).filter(|(resource, statement)| statement["Effect"] == "Allow" && !is_key(resource))
    {
        seen += 1;
        let actions = texts(&statement["Action"]);
        assert!(!actions.is_empty() && actions.iter().all(|action| !action.contains('*')), "{} allows {actions:?}", resource.at());
        let is_everything = texts(&statement["Resource"]).iter().any(|named| named == "*");
        let may_be = actions.iter().all(|action| WITHOUT_A_RESOURCE.contains(&action.as_str()));
        assert!(!is_everything || may_be, "{} allows {actions:?} everywhere", resource.at());
    }

    assert!(seen > 100, "{seen} statements were found");
}

#[test]
fn the_policy_of_a_key_gives_everything_to_the_account_and_to_others_only_what_they_need() {
    let resources = resources();
    let mut keys = 0;

    for key in of_kind(&resources, "AWS::KMS::Key") {
        keys += 1;
        assert_eq!(key.property("/EnableKeyRotation"), true, "{}", key.at());
    }
    for (key, statement) in statements(&resources).filter(|(resource, _)| is_key(resource)) {
        let (who, actions) = (&statement["Principal"], texts(&statement["Action"]));
        if texts(who).iter().any(|text| text.ends_with(":root")) {
            continue;
        }
        assert!(actions.iter().all(|action| !action.contains('*')), "{} allows {actions:?}", key.at());
        let manages =
            |action: &String| ["kms:Put", "kms:Schedule", "kms:Disable", "kms:Delete"].iter().any(|start| action.starts_with(start));
        assert!(!actions.iter().any(manages), "{} is managed by {who}", key.at());
        if texts(who).iter().any(|text| text == "*") {
            let condition = &statement["Condition"]["StringEquals"];
            assert!(!condition["kms:CallerAccount"].is_null() && !condition["kms:ViaService"].is_null(), "{} is for everybody", key.at());
        }
    }

    assert!(keys >= 3, "{keys} keys were found");
}

#[test]
fn whoever_comes_without_tls_is_refused_by_every_queue_bucket_and_topic() {
    let resources = resources();
    let doors = [
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "/Queues"),
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "/Bucket"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "/Topics"),
    ];

    for (kind, policy, names) in doors {
        for door in of_kind(&resources, kind) {
            let mut guards =
                of_kind(&resources, policy).filter(|guard| guard.file == door.file && texts(guard.property(names)).contains(&door.name));
            assert!(guards.any(refuses_plain), "{} takes what comes without TLS", door.at());
        }
    }
    // The queues whose policies stand beside the part that makes them.
    for part in of_kind(&resources, "AWS::CloudFormation::Stack").filter(|part| part.property("/Parameters/HasOwnPolicy") == "true") {
        let url = format!("{}.Outputs.Url", part.name);
        let mut guards = of_kind(&resources, "AWS::SQS::QueuePolicy").filter(|guard| texts(guard.property("/Queues")).contains(&url));
        assert!(guards.any(refuses_plain), "{} takes what comes without TLS", part.at());
    }
}

#[test]
fn what_is_stored_is_encrypted_kept_from_the_public_and_can_be_brought_back() {
    let resources = resources();

    for table in of_kind(&resources, "AWS::DynamoDB::Table") {
        assert_eq!(table.property("/SSESpecification/SSEType"), "KMS", "{}", table.at());
        assert!(!table.property("/SSESpecification/KMSMasterKeyId").is_null(), "{}", table.at());
        assert_eq!(table.property("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled"), true, "{}", table.at());
        assert_eq!(table.property("/DeletionProtectionEnabled"), true, "{}", table.at());
        assert_eq!(table.whole["DeletionPolicy"], "Retain", "{}", table.at());
    }
    for bucket in of_kind(&resources, "AWS::S3::Bucket") {
        let rule = bucket.property("/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault");
        assert_eq!(rule["SSEAlgorithm"], "aws:kms", "{}", bucket.at());
        let block = bucket.property("/PublicAccessBlockConfiguration").as_object().unwrap();
        assert!(block.len() == 4 && block.values().all(|value| *value == true), "{}", bucket.at());
        assert_eq!(bucket.property("/OwnershipControls/Rules/0/ObjectOwnership"), "BucketOwnerEnforced", "{}", bucket.at());
        // Files hold addresses: each folder has its end, and older versions would outlive it.
        let rules = bucket.property("/LifecycleConfiguration/Rules").as_array().unwrap();
        let ends = |rule: &&Value| !rule["Prefix"].is_null();
        assert!(rules.iter().filter(ends).all(|rule| !rule["ExpirationInDays"].is_null()), "{}", bucket.at());
        assert!(!bucket.property("/CorsConfiguration").to_string().contains(r#""AllowedOrigins":["*"]"#), "{}", bucket.at());
    }
    for (kind, key) in [("AWS::SQS::Queue", "/KmsMasterKeyId"), ("AWS::SNS::Topic", "/KmsMasterKeyId")] {
        for stored in of_kind(&resources, kind) {
            assert!(!stored.property(key).is_null(), "{} is not encrypted", stored.at());
        }
    }
    for group in of_kind(&resources, "AWS::Logs::LogGroup") {
        assert!(!group.property("/RetentionInDays").is_null(), "{} keeps lines for ever", group.at());
    }
    assert_eq!(of_kind(&resources, "AWS::DynamoDB::Table").count(), 2);
}

#[test]
fn a_function_has_a_role_of_its_own() {
    for function in of_kind(&resources(), "AWS::Serverless::Function") {
        // SAM makes one where the template names none.
        assert!(function.property("/Role").is_null(), "{} shares a role", function.at());
    }
}

#[test]
fn a_secret_is_given_to_those_only_who_use_it() {
    let deployment = deployment();
    let with = |setting: &str| -> BTreeSet<String> {
        let has = |function: &&Function| function.environment.contains_key(setting);
        deployment.functions.iter().filter(has).map(|function| function.name.clone()).collect()
    };

    assert_eq!(with("TOKEN_SIGNING_KEY"), SIGNERS.map(str::to_owned).into());
    for function in &deployment.functions {
        let opens = function.policies.to_string().contains("kms:");
        assert!(!opens || function.environment.contains_key("VAULT_KMS_KEYS"), "{} may use the vault's key", function.name);
    }
    assert!(with("LINK_KEY").len() < deployment.functions.len() / 2, "most functions can sign links: {:?}", with("LINK_KEY"));
}

#[test]
fn a_parameter_with_a_secret_is_never_shown() {
    let mut secrets = 0;
    for file in files() {
        let document = template::written(&root().join(&file)).unwrap();
        for (name, parameter) in document.get("Parameters").and_then(Value::as_object).into_iter().flatten() {
            let is_secret =
                ["Key", "Keys", "Token", "Secret", "Password"].iter().any(|end| name.ends_with(end)) && !PUBLIC.contains(&name.as_str());
            secrets += usize::from(is_secret);
            assert_eq!(parameter["NoEcho"] == true, is_secret, "{file}: {name}");
            assert!(!is_secret || parameter["Default"].is_null() || parameter["Default"] == "", "{file}: {name} has a value");
        }
    }
    assert!(secrets > 20, "{secrets} parameters were found");
}

#[test]
fn the_doors_of_the_api_speak_tls_1_2_at_least() {
    let resources = resources();

    for domain in of_kind(&resources, "AWS::ApiGatewayV2::DomainName") {
        assert_eq!(domain.property("/DomainNameConfigurations/0/SecurityPolicy"), "TLS_1_2", "{}", domain.at());
    }
    for api in of_kind(&resources, "AWS::ApiGatewayV2::Api") {
        assert!(!api.property("/DisableExecuteApiEndpoint").is_null(), "{} can be called past its name", api.at());
    }
    let root = template::written(&root().join("template.yaml")).unwrap();
    for mail in of_kind(&resources, "AWS::SES::ConfigurationSet") {
        assert_eq!(mail.property("/DeliveryOptions/TlsPolicy")["Ref"], "MailTls", "{} hands mail over in the open", mail.at());
        assert_eq!(root["Parameters"]["MailTls"]["Default"], "REQUIRE");
    }
    let edge = of_kind(&resources, "AWS::CloudFront::Distribution").next().unwrap();
    assert_eq!(edge.property("/DistributionConfig/ViewerCertificate/MinimumProtocolVersion"), "TLSv1.2_2021");
    assert_eq!(edge.property("/DistributionConfig/Origins/0/CustomOriginConfig/OriginProtocolPolicy"), "https-only");
    assert_eq!(edge.property("/DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy"), "https-only");
    for behaviour in edge.property("/DistributionConfig/CacheBehaviors").as_array().unwrap() {
        assert_eq!(behaviour["ViewerProtocolPolicy"], "redirect-to-https");
    }
}

#[test]
fn the_firewall_has_its_rules_and_logs_no_secrets() {
    let resources = resources();
    let firewall = of_kind(&resources, "AWS::WAFv2::WebACL").next().unwrap();
    let text = firewall.whole.to_string();

    let groups = ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"];
    for wanted in groups.iter().chain(&["/v1/auth/", "RateBasedStatement"]) {
        assert!(text.contains(wanted), "the firewall lacks {wanted}");
    }
    assert!(!text.contains(r#""SampledRequestsEnabled":true"#), "samples show credentials");
    let edge = of_kind(&resources, "AWS::CloudFront::Distribution").next().unwrap();
    assert_eq!(edge.property("/DistributionConfig/WebACLId")["Fn::GetAtt"], "Firewall.Arn");
    let redacted = of_kind(&resources, "AWS::WAFv2::LoggingConfiguration").next().unwrap().property("/RedactedFields").to_string();
    for field in ["UriPath", "QueryString", "authorization", "cookie", "x-csrf-token", "x-edge-key"] {
        assert!(redacted.contains(field), "the firewall's log shows {field}");
    }
    let fields = texts(of_kind(&resources, "AWS::Logs::Delivery").next().unwrap().property("/RecordFields"));
    for field in ["cs-uri-stem", "cs-uri-query", "cs(Cookie)", "cs(Referer)", "c-ip"] {
        assert!(!fields.iter().any(|logged| logged == field), "the edge's log shows {field}");
    }
}

#[test]
fn an_alarm_tells_somebody_and_its_metric_is_one_that_somebody_writes() {
    let resources = resources();
    let filters: BTreeMap<String, &Resource> = of_kind(&resources, "AWS::Logs::MetricFilter")
        .map(|filter| (texts(filter.property("/MetricTransformations/0/MetricName")).concat(), filter))
        .collect();

    for alarm in of_kind(&resources, "AWS::CloudWatch::Alarm") {
        assert!(alarm.property("/AlarmActions/0").is_object(), "{} tells nobody", alarm.at());
        if let Some(metrics) = alarm.property("/Metrics").as_array() {
            // An expression of others of its list, or a query; both of what AWS writes.
            let is_of_aws = |metric: &Value| {
                let query = texts(&metric["Expression"]).concat();
                let namespace = metric["MetricStat"]["Metric"]["Namespace"].as_str().unwrap_or_default();
                namespace.starts_with("AWS/") || query.contains("\"AWS/") || (metrics.len() > 1 && !query.starts_with("SELECT"))
            };
            assert!(metrics.iter().all(is_of_aws), "{}", alarm.at());
            continue;
        }
        let namespace = texts(alarm.property("/Namespace")).concat();
        if namespace.starts_with("AWS/") {
            continue;
        }
        let metric = texts(alarm.property("/MetricName")).concat();
        if !alarm.property("/Dimensions").is_null() {
            // What functions write of themselves stands under their area.
            assert_eq!(alarm.property("/Dimensions/0/Name"), "area", "{}", alarm.at());
            assert!(FIGURES.iter().any(|(name, _)| *name == metric), "{} hears of {metric}, which nobody writes", alarm.at());
            continue;
        }
        let filter = filters[&metric];
        assert_eq!(filter.property("/MetricTransformations/0/MetricNamespace"), alarm.property("/Namespace"), "{}", alarm.at());
    }
    assert!(filters.contains_key("RefusedLogins") && filters.contains_key("RefusedRequests"));
}

/// API Gateway writes one line for each request; what the filters look for must be what stands there.
#[test]
fn the_filters_count_the_lines_of_refused_requests_and_no_others() {
    let resources = resources();
    let stage = of_kind(&resources, "AWS::ApiGatewayV2::Stage").next().unwrap();
    let format = stage.property("/AccessLogSettings/Format").as_str().unwrap();
    let filter = |name: &str| {
        let found = resources.iter().find(|resource| resource.kind == "AWS::Logs::MetricFilter" && resource.name == name).unwrap();
        assert_eq!(found.property("/LogGroupName")["Ref"], "ApiLogGroup");
        found.property("/FilterPattern").as_str().unwrap().to_owned()
    };
    let (requests, logins) = (filter("RefusedRequests"), filter("RefusedLogins"));

    let counted = |route: &str, status: &str| {
        let line = access_log_line(format, route, status);
        (matches(&requests, &line), matches(&logins, &line))
    };
    assert_eq!(counted("POST /v1/auth/login", "401"), (true, true));
    assert_eq!(counted("POST /v1/auth/login", "429"), (true, true));
    assert_eq!(counted("POST /v1/auth/second-factor", "401"), (true, true));
    assert_eq!(counted("POST /v1/auth/password/reset", "422"), (false, true));
    assert_eq!(counted("POST /v1/auth/login", "200"), (false, false));
    assert_eq!(counted("GET /v1/contacts", "401"), (true, false));
    assert_eq!(counted("GET /v1/contacts", "403"), (true, false));
    assert_eq!(counted("GET /v1/contacts", "429"), (true, false));
    assert_eq!(counted("GET /v1/contacts", "200"), (false, false));
    assert_eq!(counted("POST /v1/contacts", "422"), (false, false));
    let routes: BTreeSet<String> = deployment().routes.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let guessed = routes.iter().filter(|route| counted(route, "401").1).count();
    assert!(guessed >= 8, "the filter of logins counts {guessed} routes");
}

/// Neither paths, which hold addresses and tokens, nor anything that a client sends.
#[test]
fn the_access_log_names_routes_and_not_what_was_sent() {
    let resources = resources();
    let stage = of_kind(&resources, "AWS::ApiGatewayV2::Stage").next().unwrap();
    let format = stage.property("/AccessLogSettings/Format").as_str().unwrap();

    let mut variables: Vec<&str> = format.split("$context.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    variables.sort_unstable();
    variables.dedup();

    assert_eq!(variables, ["integrationErrorMessage", "requestId", "responseLatency", "routeKey", "status"]);
}

/// The line that API Gateway writes of a request.
fn access_log_line(format: &str, route: &str, status: &str) -> Value {
    let values =
        [("requestId", "id="), ("routeKey", route), ("status", status), ("responseLatency", "7"), ("integrationErrorMessage", "-")];
    let line = values.iter().fold(format.to_owned(), |line, (name, value)| line.replace(&format!("$context.{name}"), value));
    assert!(!line.contains("$context"), "{line}");
    serde_json::from_str(&line).unwrap()
}

/// Tells whether a line matches a filter pattern of the form `{ (…) || ((…) && (…)) }` with texts that are, or are not, so.
///
/// Source: Amazon CloudWatch Logs user guide, "Filter pattern syntax for metric filters": `*` stands for any characters.
pub(super) fn matches(pattern: &str, line: &Value) -> bool {
    let inner = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    holds(inner.trim(), line)
}

fn holds(condition: &str, line: &Value) -> bool {
    let parts = |operator| split(condition, operator);
    if parts("||").len() > 1 {
        return parts("||").iter().any(|part| holds(part, line));
    }
    if parts("&&").len() > 1 {
        return parts("&&").iter().all(|part| holds(part, line));
    }
    if let Some(inner) = condition.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return holds(inner.trim(), line);
    }
    let (negated, (selector, wanted)) = match condition.split_once(" != ") {
        Some(parts) => (true, parts),
        None => (false, condition.split_once(" = ").unwrap()),
    };
    let names = selector.trim().strip_prefix("$.").unwrap().split('.');
    let found = names.fold(line, |value, name| &value[name]).as_str();
    let wanted = wanted.trim().trim_matches('"');
    if negated {
        return found.is_some_and(|found| found != wanted);
    }
    match wanted.split_once('*') {
        Some((start, end)) => found.is_some_and(|found| found.starts_with(start) && found.ends_with(end)),
        None => found == Some(wanted),
    }
}

/// Splits a condition at an operator that stands outside of all parentheses.
fn split<'c>(condition: &'c str, operator: &str) -> Vec<&'c str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in condition.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && condition[at..].starts_with(operator) => {
                parts.push(condition[start..at].trim());
                start = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(condition[start..].trim());
    parts
}

/// All templates, by their paths from the repository's folder.
pub(super) fn files() -> Vec<String> {
    let mut files = vec!["template.yaml".to_owned(), "infra/edge.yaml".to_owned()];
    for folder in ["infra/stacks", "infra/parts"] {
        let names = std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().file_name());
        files.extend(names.map(|name| format!("{folder}/{}", name.to_string_lossy())).filter(|name| name.ends_with(".yaml")));
    }
    files.sort();
    files
}

pub(super) fn resources() -> Vec<Resource> {
    let mut all = Vec::new();
    for file in files() {
        let document = template::written(&root().join(&file)).unwrap();
        for (name, whole) in document["Resources"].as_object().unwrap() {
            let kind = whole["Type"].as_str().unwrap().to_owned();
            all.push(Resource { file: file.clone(), name: name.clone(), kind, whole: whole.clone() });
        }
    }
    all
}

pub(super) fn of_kind<'r>(resources: &'r [Resource], kind: &str) -> impl Iterator<Item = &'r Resource> {
    resources.iter().filter(move |resource| resource.kind == kind)
}

fn is_key(resource: &Resource) -> bool {
    resource.kind == "AWS::KMS::Key"
}

/// Every statement of a policy, wherever it stands in a resource.
pub(super) fn statements(resources: &[Resource]) -> impl Iterator<Item = (&Resource, &Value)> {
    resources.iter().flat_map(|resource| {
        let mut found = Vec::new();
        collect(&resource.whole, &mut found);
        found.into_iter().map(move |statement| (resource, statement))
    })
}

fn collect<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("Effect") && fields.contains_key("Action") => found.push(value),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Tells whether a policy refuses every action of whoever comes without TLS.
fn refuses_plain(policy: &Resource) -> bool {
    let mut found = Vec::new();
    collect(&policy.whole, &mut found);
    found.iter().any(|statement| {
        statement["Effect"] == "Deny" && statement["Principal"] == "*" && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
    })
}

/// The texts of a value, those of references and functions included.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
