//! What the API server fills in where a manifest says nothing: the rules of `admissionregistration.k8s.io/v1`, one row each.
//! A test on a real API server applies what is installed and finds no difference.

use serde_json::{Value, json};

use super::Kind;

/// Where (`*` = each item), which field, what.
type Rule = (&'static [&'static str], &'static str, fn() -> Value);

fn fail() -> Value {
    "Fail".into()
}

fn equivalent() -> Value {
    "Equivalent".into()
}

fn never() -> Value {
    "Never".into()
}

fn any() -> Value {
    json!({})
}

fn every_scope() -> Value {
    "*".into()
}

const POLICY: &[Rule] = &[
    (&["spec"], "failurePolicy", fail),
    (&["spec", "matchConstraints"], "matchPolicy", equivalent),
    (&["spec", "matchConstraints"], "namespaceSelector", any),
    (&["spec", "matchConstraints"], "objectSelector", any),
    (&["spec", "matchConstraints", "resourceRules", "*"], "scope", every_scope),
    (&["spec", "matchConstraints", "excludeResourceRules", "*"], "scope", every_scope),
];

const BINDING: &[Rule] = &[
    (&["spec", "matchResources"], "matchPolicy", equivalent),
    (&["spec", "matchResources"], "namespaceSelector", any),
    (&["spec", "matchResources"], "objectSelector", any),
    (&["spec", "matchResources", "resourceRules", "*"], "scope", every_scope),
    (&["spec", "matchResources", "excludeResourceRules", "*"], "scope", every_scope),
];

const WEBHOOK: &[Rule] = &[
    (&["webhooks", "*"], "failurePolicy", fail),
    (&["webhooks", "*"], "matchPolicy", equivalent),
    (&["webhooks", "*"], "namespaceSelector", any),
    (&["webhooks", "*"], "objectSelector", any),
    (&["webhooks", "*"], "timeoutSeconds", || 10.into()),
    (&["webhooks", "*", "clientConfig", "service"], "port", || 443.into()),
    (&["webhooks", "*", "rules", "*"], "scope", every_scope),
];

/// Fills in what the API server would.
pub(super) fn fill(kind: Kind, object: &mut Value) {
    let rules = match kind {
        Kind::ValidatingAdmissionPolicy => POLICY,
        Kind::ValidatingAdmissionPolicyBinding => BINDING,
        Kind::ValidatingWebhookConfiguration | Kind::MutatingWebhookConfiguration => WEBHOOK,
    };
    for (place, field, value) in rules {
        set(object, place, field, *value);
    }
    if kind == Kind::MutatingWebhookConfiguration {
        set(object, &["webhooks", "*"], "reinvocationPolicy", never);
    }
}

fn set(value: &mut Value, place: &[&str], field: &str, default: fn() -> Value) {
    match place {
        [] => {
            if let Some(fields) = value.as_object_mut()
                && fields.get(field).is_none_or(Value::is_null)
            {
                fields.insert(field.to_owned(), default());
            }
        }
        ["*", rest @ ..] => {
            for item in value.as_array_mut().into_iter().flatten() {
                set(item, rest, field, default);
            }
        }
        [name, rest @ ..] => {
            if let Some(inner) = value.get_mut(name) {
                set(inner, rest, field, default);
            }
        }
    }
}
