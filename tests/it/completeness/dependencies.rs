//! Dependencies point down: functions, domains, contracts, platform.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::root;

/// The layers, by folder, and what each may depend on.
const LAYERS: [(&str, &[&str]); 10] = [
    ("functions/", &["shared/domain/", "shared/contracts", "shared/platform/"]),
    // Areas meet in functions and through messages: a domain never knows another one, nor HTTP or providers.
    (
        "shared/domain/",
        &[
            "shared/contracts",
            "shared/platform/kernel",
            "shared/platform/dynamo",
            "shared/platform/blob",
            "shared/platform/queue",
            "shared/platform/outbox",
            "shared/platform/tokens",
            "shared/platform/vault",
        ],
    ),
    ("shared/contracts", &["shared/platform/kernel"]),
    ("shared/platform/", &["shared/contracts", "shared/platform/"]),
    // Foreign systems know nothing of us.
    ("infra/standins", &[]),
    ("infra/local", &["functions/", "shared/", "infra/standins"]),
    ("infra/bench", &["functions/", "shared/", "infra/"]),
    ("infra/binaries", &["functions/", "shared/", "infra/"]),
    ("infra/xtask", &["functions/", "shared/", "infra/"]),
    ("tests", &["functions/", "shared/", "infra/"]),
];
/// The packages that may depend on functions, even for their tests.
const ABOVE_FUNCTIONS: [&str; 5] = ["infra/bench", "infra/binaries", "infra/local", "infra/xtask", "tests"];
/// The packages that may use each SDK; what stands above the functions may use all of them.
const SDKS: [(&str, &[&str]); 7] = [
    ("aws-sdk-appconfigdata", &["shared/platform/flags"]),
    ("aws-sdk-dynamodb", &["shared/platform/dynamo"]),
    ("aws-sdk-kms", &["shared/platform/vault"]),
    ("aws-sdk-s3", &["shared/platform/blob"]),
    ("aws-sdk-sesv2", &["shared/platform/providers/ses"]),
    // The harness gives messages up to the dead letters.
    ("aws-sdk-sqs", &["shared/platform/queue", "shared/platform/harness"]),
    ("lambda_runtime", &["shared/platform/harness"]),
];

#[test]
fn a_package_depends_on_lower_layers_only() {
    let mut wrong = Vec::new();
    for Dependency { of, on, is_dev } in dependencies().iter().filter(|dependency| dependency.on_path()) {
        let allowed = LAYERS.iter().find(|(layer, _)| of.starts_with(layer)).unwrap_or_else(|| panic!("{of} is in no layer")).1;
        let is_allowed = if *is_dev {
            !on.starts_with("functions/") || ABOVE_FUNCTIONS.contains(&of.as_str())
        } else {
            allowed.iter().any(|layer| on.starts_with(layer))
        };
        if !is_allowed {
            wrong.push(format!("{of} must not depend on {on}"));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_sdk_is_used_by_one_layer_over_it() {
    let mut wrong = Vec::new();
    for Dependency { of, on, .. } in dependencies().iter().filter(|dependency| !dependency.is_dev) {
        let users = SDKS.iter().find(|(sdk, _)| sdk == on).map(|(_, users)| *users);
        if users.is_some_and(|users| !users.contains(&of.as_str()) && !ABOVE_FUNCTIONS.contains(&of.as_str())) {
            wrong.push(format!("{of} must not depend on {on}"));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Dependency {
    /// The folder of the package that depends.
    of: String,
    /// The folder of a package of ours, or the name of another's.
    on: String,
    is_dev: bool,
}

impl Dependency {
    fn on_path(&self) -> bool {
        self.on.contains('/') || self.on == "tests"
    }
}

/// The dependencies of all packages, as Cargo reads them.
fn dependencies() -> Vec<Dependency> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut all = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let of = folder(Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = match dependency["path"].as_str() {
                Some(path) => folder(Path::new(path)),
                None => dependency["name"].as_str().unwrap().to_owned(),
            };
            all.push(Dependency { of: of.clone(), on, is_dev: dependency["kind"] == "dev" });
        }
    }
    assert!(all.len() > 100, "Cargo listed {} dependencies only", all.len());
    all
}

fn folder(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}
