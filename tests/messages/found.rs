//! Messages where they are written, each with its place.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    project,
    source::Source,
    words::{constant, unescaped, words},
};

/// Messages by what is constant in them, with the file of one of them.
type Found = BTreeMap<String, String>;

/// Where sentences are made that people read. Errors are found everywhere.
const SENTENCES: &[&str] = &[
    "src/admission",
    "src/cli/check",
    "src/cli/facts",
    "src/cli/status",
    "src/cli/status.rs",
    "src/controllers",
    "src/core/hold.rs",
    "src/core/retention/plan.rs",
    "src/core/retention/shared.rs",
    "src/core/transfer",
    "src/enforcement",
    "src/operator",
    "src/platform/telemetry",
];

/// Where findings of `doctor` are made, each under a word of its own.
const FINDINGS: &str = "src/cli/doctor/checks";

/// What the API server says of a webhook that it could not ask. It is not ours to change, and what most people meet first.
const OF_THE_API_SERVER: &[&str] = &[
    "no endpoints available for service \"carnet-webhook\"",
    "connect: connection refused",
    "context deadline exceeded",
    "i/o timeout",
    "no route to host",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
    "tls: failed to verify certificate: x509: certificate is valid for {}, not {}",
    "service \"carnet-webhook\" not found",
    "the server is currently unable to handle the request",
];

/// Where reasons of conditions and Events are made.
const REASONS: &[&str] = &["src/controllers", "src/operator", "src/enforcement"];

/// Sentences that no user meets: of the code itself, or taken from somebody else's text.
const NO_MESSAGES: &[&str] = &[
    "a trial of ValidatingWebhookConfiguration {CONFIGURATION}",
    "admission decided",
    "ended",
    // Of the screen of `status`, and of the API server.
    "  certificates  served {}; believed {}",
    "Carnet {} in {}, law pack {}, transfers {}: {}",
    "Deletion runs in progress",
    "Holds in force",
    "failed calling webhook",
    "{awaiting} waiting for approval, {working} in progress",
    "{} ({awaiting} waiting for approval)",
    "{} ({violating} violating, {unknown} unknown, {clean} without violation)",
    // Of the API server: how it says that a right is missing.
    "cannot get resource \"pods/proxy\"",
    // Of `check`: parts of the summary, what codes mean, a heading of the help, and what CEL is handed.
    "{} judged, {} skipped: {} invalid, {} violations, {} warnings, {} gaps, {} notes (at {}, law pack {})",
    "skipped, of kinds that are not judged: {}",
    "One safeguard alone carries a flow: without it nothing would.",
    "The same entity receives in a third country, which is noted and not judged.",
    "A Secret for erasure may be used by deletion Jobs alone.",
    "A file or a document of it cannot be read.",
    "A store is used in a namespace where nothing is refused.",
    "Nothing covers a transfer of personal data.",
    "Something is used that no rule speaks of.",
    "The API server or Carnet's webhook would refuse the object.",
    "The object stands twice in what was read; the last counts.",
    "The webhook would admit the object with a warning.",
    "Whether the Pod may run is decided when it is bound to a node.",
    "As the operator's flags of these names",
    "not of the format",
    "leading",
    "log filter changed",
    "log filter changes",
    "logging was started before",
    "not declared yet",
    "maps over fields of the API",
    // Of the API server: part of what it says of two budgets for one Pod.
    "more than one PodDisruptionBudget",
    "run goes on",
    "starting",
    "texts and maps of texts always serialise",
    "the erasure credentials",
];

/// Words that look like reasons: kinds, fields and words of Kubernetes.
const NO_REASONS: &[&str] = &[
    "Always",
    "ClusterReport",
    "Announce",
    "Complete",
    "Compare",
    "Controller",
    "DataStore",
    "Delete",
    "DeletionRun",
    "Deployment",
    "DisruptionBudget",
    "DoesNotExist",
    "Equivalent",
    "Evict",
    "Fail",
    "FailJob",
    "False",
    "File",
    "IfNotPresent",
    "In",
    "Job",
    "Judge",
    "LegalHold",
    "MutatingWebhookConfiguration",
    "Never",
    "Node",
    "Opaque",
    "Party",
    "PascalCase",
    "Pending",
    "Plan",
    "Pod",
    "PodInitializing",
    "PodScheduled",
    "Refuse",
    "Replace",
    "ReplicaSet",
    "Report",
    "Require",
    "Restore",
    "Rotate",
    "Run",
    "RuntimeDefault",
    "Secret",
    "Start",
    "Steer",
    "TransferBackstop",
    "TransferException",
    "TransferSafeguard",
    "True",
    "Unschedulable",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "Warn",
    "ContainerCreating",
    // Types of conditions; what they mean, their reasons say.
    "BehindService",
    "CategoryUncovered",
    "ClaimNotReaching",
    "Counts",
    "Covers",
    "CutShort",
    "Held",
    "InForce",
    "LocationKnown",
    "NamespacesUnique",
    "NoViolation",
    "Overdue",
    "PublicList",
    "PromiseBroken",
    "Ready",
    "ResolvedRefs",
    "SingleLegged",
    "Stalled",
    "UsedInExemptNamespace",
    "OnwardBound",
    "RoleDoubtful",
    "UndeclaredRecipient",
    "Verified",
];

/// The same in the checks of `doctor`.
const NO_FINDINGS: &[&str] = &[
    "Established",
    "Ignore",
    "NotIn",
    "Party",
    "RetentionPolicy",
    "Running",
    "TransferException",
    "TransferSafeguard",
    "Unknown",
];

/// Texts of `#[error("...")]`, everywhere but in the test cluster.
pub fn errors() -> Found {
    let mut found = Found::new();
    for file in rust("src").into_iter().filter(|f| !name(f).starts_with("src/testbed")) {
        let text = fs::read_to_string(&file).expect("a readable file");
        for error in text.split("#[error(").skip(1) {
            let Some(literal) = error.trim_start().strip_prefix('"') else { continue };
            let end = literal.char_indices().find(|(i, c)| *c == '"' && !literal[..*i].ends_with('\\'));
            let (end, _) = end.expect("a literal ends");
            keep(&mut found, &unescaped(&literal[..end]), 1, &file);
        }
    }
    found
}

/// Literals of three words or more where people are spoken to.
pub fn sentences() -> Found {
    let mut found = Found::new();
    for (file, literal) in SENTENCES.iter().flat_map(|below| literals(below)) {
        let is_sentence = literal.contains(' ') && !literal.contains("\n  nodeAffinity:");
        if is_sentence && !NO_MESSAGES.contains(&literal.as_str()) {
            keep(&mut found, &literal, 3, &file);
        }
    }
    found
}

/// What the API server says where it could not ask.
pub fn of_the_api_server() -> Found {
    OF_THE_API_SERVER.iter().map(|said| (constant(said), "the API server".to_owned())).collect()
}

/// Words under which `doctor` says what it finds.
pub fn findings() -> Found {
    literals(FINDINGS)
        .into_iter()
        .filter(|(_, word)| is_reason(word) && !NO_FINDINGS.contains(&word.as_str()))
        .map(|(file, word)| (word, name(&file)))
        .collect()
}

/// What the chart refuses: texts of its `fail`.
pub fn refused_by_the_chart() -> Found {
    let mut found = Found::new();
    let kept = ["yaml", "tpl", "txt"];
    for file in kept.iter().flat_map(|extension| files("charts/carnet/templates", extension)) {
        let text = fs::read_to_string(&file).expect("a readable file");
        for failing in text.split("{{- fail ").skip(1) {
            let (_, literal) = failing.split_once('"').expect("a text");
            let end = literal.char_indices().find(|(i, c)| *c == '"' && !literal[..*i].ends_with('\\'));
            let (end, _) = end.expect("a literal ends");
            keep(&mut found, &unescaped(&literal[..end]).replace("%s", "{}"), 1, &file);
        }
    }
    found
}

/// Reasons: words in capitals and small letters where conditions and Events are made; and those of the runner.
pub fn reasons() -> Found {
    let written = REASONS.iter().flat_map(|below| literals(below)).filter(|(_, word)| is_reason(word));
    let mut found: Found = written.map(|(file, word)| (word, name(&file))).collect();
    let report = fs::read_to_string(project("src/handover/report.rs")).expect("a readable file");
    let (_, reasons) = report.split_once("pub enum Reason {").expect("the runner's reasons");
    let (reasons, _) = reasons.split_once('}').expect("the end of the reasons");
    let reasons = reasons.lines().map(|line| line.trim().trim_end_matches(',')).filter(|l| is_reason(l));
    found.extend(reasons.map(|reason| (reason.to_owned(), "src/handover/report.rs".to_owned())));
    // A type of condition, and a reason of a runner.
    found.insert("Held".into(), "src/handover/report.rs".into());
    found
}

fn is_reason(word: &str) -> bool {
    let letters = word.chars().all(|c| c.is_ascii_alphabetic());
    let mut chars = word.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_uppercase());
    letters && begins && chars.next().is_some_and(|c| c.is_ascii_lowercase()) && !NO_REASONS.contains(&word)
}

/// Messages of the rules in our definitions.
pub fn rules() -> Found {
    fn walk(schema: &Value, found: &mut Found, file: &Path) {
        match schema {
            Value::Object(fields) => {
                for rule in
                    fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
                {
                    keep(found, rule["message"].as_str().expect("a rule has a message"), 1, file);
                }
                fields.values().for_each(|field| walk(field, found, file));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found, file)),
            _ => {}
        }
    }
    let mut found = Found::new();
    for file in files("crds", "yaml") {
        let crd: Value =
            serde_saphyr::from_str(&fs::read_to_string(&file).expect("a file")).expect("it is YAML");
        walk(&crd, &mut found, &file);
    }
    found
}

/// Messages of policies, wherever they are kept: as text, since a chart's templates are no YAML.
pub fn policies() -> Found {
    let mut found = Found::new();
    let kept = ["deploy", "charts/carnet/policies", "charts/carnet/templates"];
    for file in kept.iter().flat_map(|below| files(below, "yaml")) {
        let text = fs::read_to_string(&file).expect("a readable file");
        if !text.contains("ValidatingAdmissionPolicy") {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate() {
            let Some(said) = line.trim_start().strip_prefix("message: ") else { continue };
            let indent = line.len() - line.trim_start().len();
            let message = if said.starts_with('>') || said.starts_with('|') {
                let deeper = lines[n + 1..].iter().take_while(|l| l.len() - l.trim_start().len() > indent);
                deeper.map(|l| l.trim()).collect::<Vec<_>>().join(" ")
            } else {
                said.trim_matches(['"', '\'']).to_owned()
            };
            keep(&mut found, &message, 1, &file);
        }
    }
    found
}

/// Parts of three words or more of what a policy puts together: texts of its `messageExpression`.
pub fn spoken() -> Found {
    let mut found = Found::new();
    for file in files("charts/carnet/policies", "yaml") {
        let text = fs::read_to_string(&file).expect("a readable file");
        for expression in text.split("messageExpression:").skip(1) {
            let lines = expression.lines().skip(1).take_while(|line| line.starts_with("      "));
            let expression = lines.collect::<Vec<_>>().join(" ");
            for literal in expression.split('\'').skip(1).step_by(2) {
                keep(&mut found, literal, 3, &file);
            }
        }
    }
    found
}

/// Whatever is written anywhere: what an entry can be of.
pub fn everything() -> Found {
    let mut found = errors();
    found.extend(rules());
    found.extend(policies());
    found.extend(refused_by_the_chart());
    found.extend(of_the_api_server());
    for (file, literal) in literals("src") {
        keep(&mut found, &literal, 1, &file);
    }
    found
}

fn keep(found: &mut Found, message: &str, least: usize, file: &Path) {
    let constant = constant(message);
    if words(&constant) >= least {
        found.insert(constant, name(file));
    }
}

fn literals(below: &str) -> Vec<(PathBuf, String)> {
    let tests = |file: &PathBuf| {
        let name = name(file);
        name.contains("/tests/") || name.ends_with("/tests.rs") || name.ends_with("/testing.rs")
    };
    let mut all = vec![];
    for file in rust(below).into_iter().filter(|file| !tests(file)) {
        let source = Source::read(&fs::read_to_string(&file).expect("a readable file"), &[]);
        all.extend(source.literals.iter().map(|literal| (file.clone(), unescaped(literal))));
    }
    all
}

fn rust(below: &str) -> Vec<PathBuf> {
    files(below, "rs")
}

/// Files below a directory, or the file itself; none where there is no such thing.
fn files(below: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut open = vec![project(below)];
    while let Some(path) = open.pop() {
        if path.is_file() {
            found.push(path);
        } else if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.map(|entry| entry.expect("a readable entry").path()));
        }
    }
    found.retain(|file| file.extension().is_some_and(|e| e == extension));
    found.sort();
    found
}

fn name(file: &Path) -> String {
    file.strip_prefix(project("")).expect("a file of the project").display().to_string()
}
