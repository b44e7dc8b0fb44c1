//! Flags of the operator, as its Deployment gives them.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Container};

use crate::{core::settings::Settings, parse::days};

/// The value of a flag; none = not given.
pub fn value(deployment: &Deployment, name: &str) -> Option<String> {
    let container = operator(deployment)?;
    let equals = format!("{name}=");
    let mut before = "";
    for argument in container.args.iter().flatten() {
        if let Some(value) = argument.strip_prefix(&equals) {
            return Some(value.to_owned());
        }
        if before == name {
            return Some(argument.clone());
        }
        before = argument;
    }
    of_environment(container, name)
}

/// Whether a flag without a value is given.
pub fn is_switched_on(deployment: &Deployment, name: &str) -> bool {
    let Some(container) = operator(deployment) else { return false };
    container.args.iter().flatten().any(|argument| argument == name)
        || of_environment(container, name).is_some_and(|value| value == "true")
}

/// How long things last by the flags; what is not given, or cannot be read, is as in an operator without flags.
pub fn settings(deployment: Option<&Deployment>) -> Settings {
    let default = Settings::default();
    let given = |name| days(&value(deployment?, name)?);
    Settings {
        assessment_grace_days: given("--assessment-grace").unwrap_or(default.assessment_grace_days),
        max_exception_days: given("--max-exception").unwrap_or(default.max_exception_days),
        ..default
    }
}

fn operator(deployment: &Deployment) -> Option<&Container> {
    let pod = deployment.spec.template.spec.as_ref()?;
    pod.containers.iter().find(|c| c.name == "operator").or_else(|| pod.containers.first())
}

fn of_environment(container: &Container, name: &str) -> Option<String> {
    let variable = format!("CARNET_{}", name.trim_start_matches('-').replace('-', "_").to_uppercase());
    container.env.iter().flatten().find(|e| e.name == variable)?.value.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(args: &[&str], variables: &[(&str, &str)]) -> Deployment {
        let env: Vec<_> =
            variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        serde_json::from_value(json!({"spec": {"selector": {}, "template": {"spec": {"containers": [
            {"name": "proxy", "args": ["--max-exception=P1D"]},
            {"name": "operator", "args": args, "env": env}]}}}}))
        .unwrap()
    }

    #[test]
    fn a_flag_is_given_with_its_value_before_it_or_in_the_environment() {
        for given in [
            deployment(&["run", "--max-exception=P2W"], &[]),
            deployment(&["run", "--max-exception", "P2W"], &[]),
            deployment(&["run"], &[("CARNET_MAX_EXCEPTION", "P2W")]),
        ] {
            assert_eq!(value(&given, "--max-exception").as_deref(), Some("P2W"));
            assert_eq!(settings(Some(&given)).max_exception_days, 14);
        }
        assert_eq!(value(&deployment(&["run"], &[]), "--max-exception"), None);
        assert!(is_switched_on(&deployment(&["run", "--backstop"], &[]), "--backstop"));
        assert!(is_switched_on(&deployment(&["run"], &[("CARNET_BACKSTOP", "true")]), "--backstop"));
        assert!(!is_switched_on(&deployment(&["run", "--backstop-unpinned=Admit"], &[]), "--backstop"));
    }

    #[test]
    fn what_is_not_given_or_cannot_be_read_is_as_without_flags() {
        assert_eq!(settings(None), Settings::default());
        let wrong = deployment(&["run", "--assessment-grace=soon"], &[]);
        assert_eq!(settings(Some(&wrong)), Settings::default());
    }
}
