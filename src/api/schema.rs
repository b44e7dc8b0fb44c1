//! Schemas of the texts that manifests are made of, and the last touches to every CustomResourceDefinition.
//!
//! Each text carries its own rule, so that a refusal names the field and says how to write it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// Kinds that come from manifests, such as those in a Git repository.
const APPLIED_BY_PEOPLE: [&str; 7] = [
    "Party",
    "DataStore",
    "TransferSafeguard",
    "TransferException",
    "DataPrivacyFrameworkSnapshot",
    "RetentionPolicy",
    "LegalHold",
];

const DAY: &str = "write a calendar day as YYYY-MM-DD, for example \"2026-01-31\"";
const PERIOD: &str = "write an ISO 8601 period, for example P90D, P3Y or P1Y6M";
const COUNTRY: &str =
    "write an ISO 3166-1 code of two or three letters and quote it in YAML, for example \"NO\" or \"NOR\"";
const CLOCK: &str = "write a time of day as HH:MM between \"00:00\" and \"23:59\", quoted in YAML";
const SHARE: &str = "write a whole percentage from 0% to 100%, for example 20%";
const DURATION: &str = "write a whole number with a unit: ms, s, m or h, for example 10s";
const SHA256: &str = "write the SHA-256 of the document as 64 lower-case hex digits";
const PLAN_HASH: &str = "copy status.plan.hash of the DeletionRun: sha256: and 64 lower-case hex digits";
const CATEGORY: &str = "write lower-case words joined by dots, for example account.contact";
const CATEGORY_PATTERN: &str = "write lower-case words joined by dots, or all below with a final star, for example \
                                account.contact or account.*";

/// A text between two lengths that must fulfil a rule.
fn text(min: u32, max: u32, rule: &str, message: &str) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": min,
        "maxLength": max,
        "x-kubernetes-validations": [{"rule": rule, "message": message}],
    })
}

/// A calendar day that exists.
pub fn day(_: &mut SchemaGenerator) -> Schema {
    text(1, 32, "!format.date().validate(self).hasValue()", DAY)
}

/// An ISO 8601 period with at least one part.
pub fn period(_: &mut SchemaGenerator) -> Schema {
    let rule = "self.matches('^P([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$') \
                && self.matches('[YMWDHS]$')";
    text(1, 64, rule, PERIOD)
}

/// A country's code; whether it exists is the law pack's to say.
pub fn country(_: &mut SchemaGenerator) -> Schema {
    text(1, 64, "self.matches('^[A-Za-z]{2,3}$')", COUNTRY)
}

/// A list of countries' codes.
pub fn countries(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 100, "items": country(generator)})
}

/// A time of day.
pub fn clock(_: &mut SchemaGenerator) -> Schema {
    text(1, 16, "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')", CLOCK)
}

/// A percentage.
pub fn share(_: &mut SchemaGenerator) -> Schema {
    text(1, 16, "self.matches('^(100|[1-9]?[0-9])%$')", SHARE)
}

/// A short duration.
pub fn duration(_: &mut SchemaGenerator) -> Schema {
    text(1, 16, "self.matches('^[0-9]{1,9}(ms|s|m|h)$')", DURATION)
}

/// A digest.
pub fn sha256(_: &mut SchemaGenerator) -> Schema {
    text(1, 128, "self.matches('^[0-9a-f]{64}$')", SHA256)
}

/// The hash of a plan.
pub fn plan_hash(_: &mut SchemaGenerator) -> Schema {
    text(1, 128, "self.matches('^sha256:[0-9a-f]{64}$')", PLAN_HASH)
}

/// A list of categories.
pub fn categories(_: &mut SchemaGenerator) -> Schema {
    let word = "[a-z][a-z0-9-]*";
    let item = text(1, 128, &format!("self.matches('^{word}([.]{word})*$')"), CATEGORY);
    json_schema!({"type": "array", "items": item})
}

/// A list of categories and of `a.*`.
pub fn category_patterns(_: &mut SchemaGenerator) -> Schema {
    let word = "[a-z][a-z0-9-]*";
    let item = text(1, 128, &format!("self.matches('^{word}([.]{word})*([.][*])?$')"), CATEGORY_PATTERN);
    json_schema!({"type": "array", "items": item})
}

/// Stores by a name.
pub fn names_of_stores(_: &mut SchemaGenerator) -> Schema {
    let store = json_schema!({"type": "string", "maxLength": 330});
    json_schema!({"type": "object", "additionalProperties": {"type": "array", "maxItems": 10_000, "items": store}})
}

/// Stores by a host and a name.
pub fn names_by_host(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": names_of_stores(generator)})
}

/// Short texts by a name.
pub fn short_texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 64}})
}

/// Short texts by two names.
pub fn short_texts_by_name(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": short_texts(generator)})
}

/// Rules by their names.
pub fn backstop_rules(generator: &mut SchemaGenerator) -> Schema {
    let rule = <super::v1alpha1::BackstopRule as schemars::JsonSchema>::json_schema(generator);
    json_schema!({"type": "object", "additionalProperties": rule})
}

/// Brings a generated definition into the form that is installed: no defaults (what Git says is what is stored), every
/// list with a type for server-side apply, no formats that Kubernetes does not know, and no stored nulls.
#[must_use]
pub fn finish(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        if let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
            let spec = root.properties.as_ref().and_then(|p| p.get("spec"));
            root.description = spec.and_then(|s| s.description.clone());
            walk(root);
            if APPLIED_BY_PEOPLE.contains(&definition.spec.names.kind.as_str()) {
                unseen(root);
            }
        }
    }
    definition
}

/// Until the operator has seen an object, its status says that it has seen none: whoever waits for an object by
/// `observedGeneration`, as kstatus and with it Flux do, would take one without a status for settled.
fn unseen(root: &mut JSONSchemaProps) {
    if let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) {
        status.default = Some(JSON(json!({"observedGeneration": -1})));
    }
}

fn walk(schema: &mut JSONSchemaProps) {
    schema.default = None;
    schema.nullable = None;
    schema.title = None;
    // Doc comments are wrapped at a width that means nothing to a reader of the schema.
    schema.description = schema.description.take().map(|d| d.replace('\n', " "));
    if schema.format.as_deref().is_some_and(|f| f.starts_with("uint")) {
        schema.format = None;
    }
    if schema.type_.as_deref() == Some("array") && schema.x_kubernetes_list_type.is_none() {
        schema.x_kubernetes_list_type = Some("atomic".into());
    }
    schema.properties.iter_mut().flat_map(|p| p.values_mut()).for_each(walk);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => walk(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(walk),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        walk(value);
    }
}
