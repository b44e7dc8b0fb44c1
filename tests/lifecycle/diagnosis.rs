//! What is needed to understand a failure of which nothing is left afterwards.

use std::{fmt::Write, process::Command};

use carnet::testbed::Binaries;

use crate::world::{NAMESPACE, World};

/// What is asked, each bounded: the API server itself may be what failed.
const QUESTIONS: &[&[&str]] = &[
    &["get", "pods", "--all-namespaces", "-o", "wide"],
    &["get", "validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings"],
    &["describe", "pods", "-n", NAMESPACE],
    &["logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=carnet-operator", "--prefix", "--tail=60"],
    &[
        "logs",
        "-n",
        NAMESPACE,
        "-l",
        "app.kubernetes.io/name=carnet-operator",
        "--prefix",
        "--tail=20",
        "--previous",
    ],
    &["get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"],
    &["get", "carnet", "--all-namespaces"],
];
/// How long each may take.
const SECONDS: &str = "10";
/// Lines of each answer: its last ones.
const LINES: usize = 120;

impl World {
    /// Pods, events and logs.
    pub fn diagnosis(&self) -> String {
        let mut text = String::new();
        let Ok(kubectl) = Binaries::find().and_then(|binaries| binaries.path("kubectl")) else { return text };
        for question in QUESTIONS {
            let answer = Command::new("timeout")
                .arg(SECONDS)
                .arg(&kubectl)
                .args(*question)
                .env("KUBECONFIG", self.cluster.kubeconfig_admin())
                .output();
            let answer = match answer {
                Ok(output) => [output.stdout, output.stderr].concat(),
                Err(error) => error.to_string().into_bytes(),
            };
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let lines: Vec<&str> = answer.lines().collect();
            let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
            let _ = writeln!(text, "--- kubectl {}\n{end}", question.join(" "));
        }
        text
    }
}
