//! By which flags the operator judges, and how a person overrides them.

use clap::{CommandFactory, FromArgMatches, Parser};
use k8s_openapi::api::apps::v1::Deployment;

use crate::{
    cli::facts::flags::{is_switched_on, value},
    core::{
        law::LawPack,
        settings::{ClaimsFrom, Settings},
    },
    flags::JudgingArgs,
};

/// How a question about transfers is judged.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Judging {
    /// The operator's namespace; left out = where the webhook's configuration points, else carnet-system.
    #[arg(long, value_name = "NAME")]
    pub operator_namespace: Option<String>,
    /// Namespaces whose stores' `access` reaches other namespaces, or `*`; left out = as the operator's Deployment says.
    #[arg(long, value_delimiter = ',', value_name = "NAMESPACES")]
    pub claims_from: Option<Vec<String>>,
    /// The label that says in which region a node is; left out = as the operator's Deployment says.
    #[arg(long, value_name = "LABEL")]
    pub region_label: Option<String>,
}

impl Judging {
    /// The operator's settings, with what the person says instead.
    pub fn settings(&self, deployment: Option<&Deployment>, law: &LawPack) -> Settings {
        let mut judged_by = of_operator(deployment, law);
        if let Some(names) = &self.claims_from {
            judged_by.claims_from = claims(names.iter().map(String::as_str));
        }
        if let Some(label) = &self.region_label {
            judged_by.region_label.clone_from(label);
        }
        judged_by
    }
}

/// The operator's own flags, read by its own code.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    judging: JudgingArgs,
}

/// What decisions read of the operator's flags; what is not given, or cannot be read, is as in an operator without flags.
fn of_operator(deployment: Option<&Deployment>, law: &LawPack) -> Settings {
    let Some(deployment) = deployment else { return Settings::default() };
    // The environment of this process is another one's.
    let command = Flags::command().mut_args(|arg| arg.env(None::<&str>));
    let read = |words: &[String]| {
        command.clone().try_get_matches_from(words).ok().and_then(|m| Flags::from_arg_matches(&m).ok())
    };
    let mut words: Vec<String> = vec![];
    for arg in command.get_arguments() {
        let Some(flag) = arg.get_long().map(|long| format!("--{long}")) else { continue };
        let given = if arg.get_action().takes_values() {
            value(deployment, &flag).map(|value| format!("{flag}={value}"))
        } else {
            is_switched_on(deployment, &flag).then_some(flag)
        };
        // One that cannot be read must not take the others along.
        words.extend(given.filter(|word| read(std::slice::from_ref(word)).is_some()));
    }
    let own =
        deployment.metadata.namespace.as_ref().filter(|_| value(deployment, "--own-namespace").is_none());
    words.extend(own.map(|namespace| format!("--own-namespace={namespace}")));
    let Some(Flags { judging }) = read(&words) else { return Settings::default() };
    judging.settings(law).unwrap_or_else(|_| {
        let elsewhere = JudgingArgs { default_location: None, ..judging };
        elsewhere.settings(law).unwrap_or_default()
    })
}

fn claims<'a>(names: impl Iterator<Item = &'a str>) -> ClaimsFrom {
    let names: std::collections::BTreeSet<String> =
        names.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    if names.contains("*") { ClaimsFrom::All } else { ClaimsFrom::Namespaces(names) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::settings::{Mixed, Mode};

    fn deployment(args: &[&str]) -> Deployment {
        serde_json::from_value(
            json!({"metadata": {"namespace": "privacy"}, "spec": {"selector": {}, "template":
            {"spec": {"containers": [{"name": "operator", "args": args}]}}}}),
        )
        .unwrap()
    }

    #[test]
    fn a_question_is_judged_by_the_flags_of_the_operator() {
        let law = crate::parse::law::built_in().unwrap();
        let flags = [
            "run",
            "--claims-from=identity, billing",
            "--same-entity=Report",
            "--region-label=example.com/site",
            "--read-configmaps",
            "--derogations=Jobs",
            "--exempt-namespaces=kube-system",
            "--default-location=aws/eu-west-1",
        ];
        let by = Judging::default().settings(Some(&deployment(&flags)), &law);
        assert_eq!(by.claims_from, ClaimsFrom::Namespaces(["identity".into(), "billing".into()].into()));
        assert!(by.same_entity_reported && by.read_config_maps && by.derogations_for_jobs);
        assert_eq!(by.region_label, "example.com/site");
        assert_eq!(by.exempt, ["kube-system".to_owned(), "privacy".into()].into());
        assert_eq!(by.default_location.unwrap().country, law.country("IE"));
    }

    #[test]
    fn every_flag_that_decisions_read_is_read_as_the_operator_reads_it_and_one_that_cannot_be_takes_no_other_along()
     {
        let law = crate::parse::law::built_in().unwrap();
        let flags = [
            "run",
            "--leader-elect",
            "--mixed-placement=Steer",
            "--dry-run-verdicts=Deny",
            "--assessment-grace=soon",
            "--max-exception=P2W",
            "--default-location=aws/nowhere-1",
            "--transfers=Enforce",
        ];
        let by = Judging::default().settings(Some(&deployment(&flags)), &law);
        assert_eq!((by.mixed, by.dry_run_denies, by.max_exception_days), (Mixed::Steer, true, 14));
        assert_eq!(by.assessment_grace_days, Settings::default().assessment_grace_days);
        assert_eq!((by.default_location, by.mode), (None, Mode::Enforce));
    }

    #[test]
    fn what_the_person_says_comes_before_what_the_operator_says() {
        let law = LawPack::default();
        let asked = Judging { claims_from: Some(vec!["*".into()]), ..Judging::default() };
        let by = asked.settings(Some(&deployment(&["run", "--claims-from=identity"])), &law);
        assert_eq!(by.claims_from, ClaimsFrom::All);
    }

    #[test]
    fn without_an_operator_a_question_is_judged_as_by_one_without_flags() {
        assert_eq!(Judging::default().settings(None, &LawPack::default()), Settings::default());
    }
}
