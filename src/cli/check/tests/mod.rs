mod reports;
mod rules;
mod words;

use jiff::Timestamp;

use super::{CheckArgs, Report, Text, examine};

/// A command line of `check`.
pub fn args(flags: &[&str]) -> CheckArgs {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        check: CheckArgs,
    }
    let words = ["check", "-f", "-"].into_iter().chain(flags.iter().copied());
    <Cli as clap::Parser>::try_parse_from(words).unwrap().check
}

/// What is found in a text, called `m.yaml`.
pub fn report(flags: &[&str], text: &str) -> Report {
    let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
    let text = Text { file: "m.yaml".into(), content: Ok(text.into()) };
    examine(&args(flags), None, &[text], now).unwrap()
}

/// The parties and the store of most texts here.
pub const DECLARED: &str = r#"
apiVersion: carnet.dev/v1alpha1
kind: Party
metadata: {name: ltd}
spec: {legalName: "Ltd", country: "IE", runs: {namespaces: [identity]}}
---
apiVersion: carnet.dev/v1alpha1
kind: Party
metadata: {name: inc}
spec: {legalName: "Inc", country: "US", runs: {namespaces: [analytics]}}
---
apiVersion: carnet.dev/v1alpha1
kind: DataStore
metadata: {name: accounts, namespace: identity}
spec:
  exporterRef: {name: ltd}
  role: Controller
  location: {provider: aws, region: eu-west-1}
  origins: [EEA]
  engine: {external: {description: "a managed database"}}
  access: {hosts: ["accounts.example.com"]}
  datasets:
  - {name: accounts, categories: [account.contact]}
---
"#;

/// A Deployment that uses that store.
pub const USING: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: report, namespace: analytics}
spec:
  selector: {matchLabels: {app: report}}
  template:
    metadata:
      labels: {app: report}
      annotations: {carnet.dev/uses: identity/accounts=read}
    spec:
      containers:
      - {name: app, image: "registry.example.com/app:1"}
---
"#;
