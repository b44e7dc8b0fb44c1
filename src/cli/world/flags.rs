//! By which flags the operator judges, and how a person overrides them.

use k8s_openapi::api::apps::v1::Deployment;

use crate::{
    cli::facts::flags::{is_switched_on, settings, value},
    core::{
        law::LawPack,
        settings::{ClaimsFrom, Mode, Settings},
        store::Place,
    },
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

/// What decisions read of the operator's flags; what is not given, or cannot be read, is as in an operator without flags.
fn of_operator(deployment: Option<&Deployment>, law: &LawPack) -> Settings {
    let mut judged_by = settings(deployment);
    let Some(deployment) = deployment else { return judged_by };
    let given = |name| value(deployment, name);
    if let Some(own) = deployment.metadata.namespace.clone() {
        judged_by.own_namespace = given("--own-namespace").unwrap_or(own);
    }
    if let Some(names) = given("--claims-from") {
        judged_by.claims_from = claims(names.split(','));
    }
    if let Some(names) = given("--exempt-namespaces") {
        judged_by.exempt = names.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    }
    judged_by.exempt.insert(judged_by.own_namespace.clone());
    judged_by.mode = match given("--transfers").as_deref() {
        Some("Audit") => Mode::Audit,
        Some("Enforce") => Mode::Enforce,
        _ => judged_by.mode,
    };
    judged_by.same_entity_reported = given("--same-entity").as_deref() == Some("Report");
    judged_by.derogations_for_jobs = given("--derogations").as_deref() == Some("Jobs");
    judged_by.read_config_maps = is_switched_on(deployment, "--read-configmaps");
    if let Some(label) = given("--region-label") {
        judged_by.region_label = label;
    }
    judged_by.default_location = given("--default-location").and_then(|text| {
        let (provider, region) = text.split_once('/')?;
        let country = law.region(Some(provider), region);
        Some(Place { provider: Some(provider.into()), region: Some(region.into()), country })
    });
    judged_by
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
