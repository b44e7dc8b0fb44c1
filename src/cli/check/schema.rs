//! The schemas of our own kinds, applied as the API server applies them: structural schema first, then each rule in CEL.
//!
//! Kubernetes' structural schemas are a dialect of their own (unknown fields, lists that are maps), of which our definitions
//! use little. What is not known here is refused when a schema is taken up, so that nothing is passed over in silence.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use super::{
    rules::{Rule, RuleError},
    value::cel,
};
use crate::parse::FieldError;

/// Why a definition cannot be applied here.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A keyword that this does not know.
    #[error("{path}: the keyword {keyword} is not known here")]
    Keyword {
        /// The field.
        path: String,
        /// The keyword.
        keyword: &'static str,
    },
    /// A type or format that this does not know.
    #[error("{path}: the type {name} is not known here")]
    Type {
        /// The field.
        path: String,
        /// Type or format.
        name: String,
    },
    /// A rule that cannot be read.
    #[error("{path}: {source}")]
    Rule {
        /// The field.
        path: String,
        /// Why.
        source: RuleError,
    },
    /// No version of it is served.
    #[error("{0} has no schema")]
    None(String),
}

/// What a field holds.
#[derive(Debug)]
enum Shape {
    Object {
        properties: BTreeMap<String, Schema>,
        required: Vec<String>,
        others: Option<Box<Schema>>,
        open: bool,
    },
    Array {
        items: Box<Schema>,
        min: Option<i64>,
        max: Option<i64>,
        unique: Unique,
    },
    Text {
        min: Option<i64>,
        max: Option<i64>,
        instant: bool,
    },
    Integer {
        min: Option<f64>,
        max: Option<f64>,
    },
    Number {
        min: Option<f64>,
        max: Option<f64>,
    },
    Boolean,
}

/// What tells the items of a list apart.
#[derive(Debug)]
enum Unique {
    No,
    Items,
    Keys(Vec<String>),
}

/// A schema.
#[derive(Debug)]
pub struct Schema {
    shape: Shape,
    choices: Vec<Value>,
    rules: Vec<Rule>,
}

impl Schema {
    /// The schema of a definition's spec.
    pub fn of(definition: &CustomResourceDefinition) -> Result<Self, SchemaError> {
        let none = || SchemaError::None(definition.spec.names.kind.clone());
        let version = definition.spec.versions.iter().find(|v| v.served).ok_or_else(none)?;
        let root = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()).ok_or_else(none)?;
        let spec = root.properties.as_ref().and_then(|p| p.get("spec")).ok_or_else(none)?;
        Self::new(spec, "spec")
    }

    fn new(props: &JSONSchemaProps, path: &str) -> Result<Self, SchemaError> {
        // Destructured whole: a keyword that Kubernetes adds fails the build until somebody decided what it means here.
        let JSONSchemaProps {
            ref_path,
            schema,
            additional_items,
            additional_properties,
            all_of,
            any_of,
            default,
            definitions,
            dependencies,
            description: _,
            enum_,
            example: _,
            exclusive_maximum,
            exclusive_minimum,
            external_docs: _,
            format,
            id,
            items,
            max_items,
            max_length,
            max_properties,
            maximum,
            min_items,
            min_length,
            min_properties,
            minimum,
            multiple_of,
            not,
            nullable,
            one_of,
            pattern,
            pattern_properties,
            properties,
            required,
            title: _,
            type_,
            unique_items,
            x_kubernetes_embedded_resource,
            x_kubernetes_int_or_string,
            x_kubernetes_list_map_keys,
            x_kubernetes_list_type,
            // How server-side apply merges, which changes nothing of what may be written.
            x_kubernetes_map_type: _,
            x_kubernetes_preserve_unknown_fields,
            x_kubernetes_validations,
        } = props;
        for (keyword, is_there) in [
            ("$ref", ref_path.is_some()),
            ("$schema", schema.is_some()),
            ("additionalItems", additional_items.is_some()),
            ("allOf", all_of.is_some()),
            ("anyOf", any_of.is_some()),
            ("default", default.is_some()),
            ("definitions", definitions.is_some()),
            ("dependencies", dependencies.is_some()),
            ("exclusiveMaximum", exclusive_maximum.is_some()),
            ("exclusiveMinimum", exclusive_minimum.is_some()),
            ("id", id.is_some()),
            ("maxProperties", max_properties.is_some()),
            ("minProperties", min_properties.is_some()),
            ("multipleOf", multiple_of.is_some()),
            ("not", not.is_some()),
            ("nullable", nullable.is_some()),
            ("oneOf", one_of.is_some()),
            ("pattern", pattern.is_some()),
            ("patternProperties", pattern_properties.is_some()),
            ("uniqueItems", unique_items.is_some()),
            ("x-kubernetes-embedded-resource", x_kubernetes_embedded_resource.is_some()),
            ("x-kubernetes-int-or-string", x_kubernetes_int_or_string.is_some()),
        ] {
            if is_there {
                return Err(SchemaError::Keyword { path: path.into(), keyword });
            }
        }
        let unknown = |name: &str| SchemaError::Type { path: path.into(), name: name.into() };
        let shape = match type_.as_deref().unwrap_or_default() {
            "object" => {
                let mut fields = BTreeMap::new();
                for (name, props) in properties.iter().flatten() {
                    fields.insert(name.clone(), Self::new(props, &format!("{path}.{name}"))?);
                }
                let others = match additional_properties {
                    Some(JSONSchemaPropsOrBool::Schema(props)) => {
                        Some(Box::new(Self::new(props, &format!("{path}.*"))?))
                    }
                    Some(JSONSchemaPropsOrBool::Bool(_)) => return Err(unknown("additionalProperties")),
                    None => None,
                };
                Shape::Object {
                    properties: fields,
                    required: required.clone().unwrap_or_default(),
                    others,
                    open: *x_kubernetes_preserve_unknown_fields == Some(true),
                }
            }
            "array" => {
                let Some(JSONSchemaPropsOrArray::Schema(item)) = items else { return Err(unknown("items")) };
                let unique = match x_kubernetes_list_type.as_deref() {
                    None | Some("atomic") => Unique::No,
                    Some("set") => Unique::Items,
                    Some("map") => Unique::Keys(x_kubernetes_list_map_keys.clone().unwrap_or_default()),
                    Some(other) => return Err(unknown(other)),
                };
                Shape::Array {
                    items: Box::new(Self::new(item, &format!("{path}[]"))?),
                    min: *min_items,
                    max: *max_items,
                    unique,
                }
            }
            "string" => {
                let instant = match format.as_deref() {
                    None => false,
                    Some("date-time") => true,
                    Some(other) => return Err(unknown(other)),
                };
                Shape::Text { min: *min_length, max: *max_length, instant }
            }
            // Formats of numbers name widths: what does not fit is refused where it is read.
            "integer" => Shape::Integer { min: *minimum, max: *maximum },
            "number" => Shape::Number { min: *minimum, max: *maximum },
            "boolean" => Shape::Boolean,
            other => return Err(unknown(other)),
        };
        let rules = x_kubernetes_validations.iter().flatten().map(Rule::new);
        let rules = rules
            .collect::<Result<_, _>>()
            .map_err(|source| SchemaError::Rule { path: path.into(), source })?;
        let choices = enum_.iter().flatten().map(|choice| choice.0.clone()).collect();
        Ok(Self { shape, choices, rules })
    }

    /// What the API server would refuse, each with its path; `old` is what is there before an update.
    pub fn check(&self, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = vec![];
        self.structure(value, "spec", &mut errors);
        // Rules may ask for what the structure promises.
        if errors.is_empty() {
            errors.extend(self.broken(value, old).into_iter().map(|(_, _, error)| error));
        }
        errors
    }

    /// The rules that are broken, each with the path of its field in the schema; the structure must be right.
    pub fn broken(&self, value: &Value, old: Option<&Value>) -> Vec<(String, &Rule, FieldError)> {
        let mut broken = vec![];
        self.rules(value, old, &At { schema: "spec".into(), value: "spec".into() }, &mut broken);
        broken
    }

    fn structure(&self, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let mut wrong = |problem: String, fix: &str| errors.push(FieldError::new(path, problem, fix));
        match (&self.shape, value) {
            (Shape::Object { properties, required, others, open }, Value::Object(fields)) => {
                for name in required.iter().filter(|name| !fields.contains_key(*name)) {
                    errors.push(FieldError::new(format!("{path}.{name}"), "Required value", "add it"));
                }
                for (name, value) in fields {
                    let path = format!("{path}.{name}");
                    match properties.get(name).or(others.as_deref()) {
                        Some(schema) => schema.structure(value, &path, errors),
                        None if *open => {}
                        None => {
                            let problem = format!("unknown field \"{path}\"");
                            errors.push(FieldError::new(path, problem, "compare it with `kubectl explain`"));
                        }
                    }
                }
            }
            (Shape::Array { items, min, max, unique }, Value::Array(all)) => {
                let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
                if min.is_some_and(|min| count < min) {
                    let min = min.unwrap_or_default();
                    wrong(format!("Invalid value: should have at least {min} items"), "name more");
                }
                if max.is_some_and(|max| count > max) {
                    let max = max.unwrap_or_default();
                    wrong(format!("Too many: {count}: must have at most {max} items"), "name fewer");
                }
                for (n, item) in all.iter().enumerate() {
                    if all[..n].iter().any(|before| unique.is_one(before, item)) {
                        let at = format!("{path}[{n}]");
                        errors.push(FieldError::new(at, "Duplicate value", "write it once"));
                    }
                }
                for (n, item) in all.iter().enumerate() {
                    items.structure(item, &format!("{path}[{n}]"), errors);
                }
            }
            (Shape::Text { min, max, instant }, Value::String(text)) => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                if min.is_some_and(|min| length < min) {
                    let min = min.unwrap_or_default();
                    wrong(format!("Invalid value: should be at least {min} chars long"), "write more");
                }
                if max.is_some_and(|max| length > max) {
                    let max = max.unwrap_or_default();
                    wrong(format!("Too long: may not be more than {max} characters"), "write less");
                }
                if *instant && text.parse::<jiff::Timestamp>().is_err() {
                    wrong(
                        "Invalid value: must be of type date-time".into(),
                        "write an instant with its offset, for example 2026-01-31T12:00:00Z",
                    );
                }
            }
            (Shape::Integer { min, max }, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                bounds(number.as_f64(), *min, *max, &mut wrong);
            }
            (Shape::Number { min, max }, Value::Number(number)) => {
                bounds(number.as_f64(), *min, *max, &mut wrong);
            }
            (Shape::Boolean, Value::Bool(_)) => {}
            (shape, value) => {
                let problem =
                    format!("Invalid value: must be of type {}: \"{}\"", shape.name(), name_of(value));
                wrong(
                    problem,
                    if matches!((shape, value), (Shape::Text { .. }, Value::Bool(_))) {
                        "quote it: unquoted, YAML reads yes, no, on, off, y and n as booleans"
                    } else {
                        "compare it with `kubectl explain`"
                    },
                );
            }
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<_> = self.choices.iter().map(ToString::to_string).collect();
            let problem = format!("Unsupported value: {value}");
            errors.push(FieldError::new(path, problem, format!("write one of {}", choices.join(", "))));
        }
    }

    fn rules<'a>(
        &'a self,
        value: &Value,
        old: Option<&Value>,
        at: &At,
        broken: &mut Vec<(String, &'a Rule, FieldError)>,
    ) {
        if !self.rules.is_empty() {
            let this = cel(self, value);
            let before = old.map(|old| cel(self, old));
            broken.extend(self.rules.iter().filter_map(|rule| {
                let error = rule.broken(&this, before.as_ref(), &at.value)?;
                Some((at.schema.clone(), rule, error))
            }));
        }
        match (&self.shape, value) {
            (Shape::Object { properties, others, .. }, Value::Object(fields)) => {
                for (name, value) in fields {
                    let old = old.and_then(|old| old.get(name));
                    if let Some(schema) = properties.get(name) {
                        schema.rules(value, old, &at.step(&format!(".{name}"), &format!(".{name}")), broken);
                    } else if let Some(schema) = others {
                        schema.rules(value, old, &at.step(".*", &format!(".{name}")), broken);
                    }
                }
            }
            (Shape::Array { items, unique, .. }, Value::Array(all)) => {
                for (n, item) in all.iter().enumerate() {
                    // Only items with a key are the same as before.
                    let old = match unique {
                        Unique::Keys(_) => old.and_then(Value::as_array),
                        Unique::No | Unique::Items => None,
                    };
                    let old = old.and_then(|all| all.iter().find(|before| unique.is_one(before, item)));
                    items.rules(item, old, &at.step("[]", &format!("[{n}]")), broken);
                }
            }
            _ => {}
        }
    }

    /// The schema of a field; none where it is not known.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Object { properties, others, .. } => properties.get(name).or(others.as_deref()),
            _ => None,
        }
    }

    /// The schema of the items of a list.
    pub fn items(&self) -> Option<&Self> {
        match &self.shape {
            Shape::Array { items, .. } => Some(items),
            _ => None,
        }
    }

    /// Whether it is a text that names an instant.
    pub fn is_instant(&self) -> bool {
        matches!(self.shape, Shape::Text { instant: true, .. })
    }

    /// Every rule with the path of its field, in order.
    pub fn all_rules(&self) -> Vec<(String, &Rule)> {
        let mut all = vec![];
        self.gather("spec", &mut all);
        all
    }

    fn gather<'a>(&'a self, path: &str, all: &mut Vec<(String, &'a Rule)>) {
        all.extend(self.rules.iter().map(|rule| (path.to_owned(), rule)));
        match &self.shape {
            Shape::Object { properties, others, .. } => {
                for (name, schema) in properties {
                    schema.gather(&format!("{path}.{name}"), all);
                }
                if let Some(schema) = others {
                    schema.gather(&format!("{path}.*"), all);
                }
            }
            Shape::Array { items, .. } => items.gather(&format!("{path}[]"), all),
            Shape::Text { .. } | Shape::Integer { .. } | Shape::Number { .. } | Shape::Boolean => {}
        }
    }
}

/// Where a value is: in the schema (`spec.copies[].name`) and in the object (`spec.copies[1].name`).
struct At {
    schema: String,
    value: String,
}

impl At {
    fn step(&self, schema: &str, value: &str) -> Self {
        Self { schema: format!("{}{schema}", self.schema), value: format!("{}{value}", self.value) }
    }
}

impl Unique {
    fn is_one(&self, a: &Value, b: &Value) -> bool {
        match self {
            Self::No => false,
            Self::Items => a == b,
            Self::Keys(keys) => keys.iter().all(|key| a.get(key) == b.get(key)),
        }
    }
}

impl Shape {
    fn name(&self) -> &'static str {
        match self {
            Self::Object { .. } => "object",
            Self::Array { .. } => "array",
            Self::Text { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Number { .. } => "number",
            Self::Boolean => "boolean",
        }
    }
}

fn bounds(number: Option<f64>, min: Option<f64>, max: Option<f64>, wrong: &mut impl FnMut(String, &str)) {
    let number = number.unwrap_or(f64::NAN);
    if min.is_some_and(|min| number < min) {
        wrong(
            format!("Invalid value: should be greater than or equal to {}", min.unwrap_or_default()),
            "write a greater number",
        );
    }
    if max.is_some_and(|max| number > max) {
        wrong(
            format!("Invalid value: should be less than or equal to {}", max.unwrap_or_default()),
            "write a smaller number",
        );
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
