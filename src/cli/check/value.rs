//! From JSON to what rules in CEL see.

use std::{collections::HashMap, sync::Arc};

use cel::Value as Cel;
use serde_json::Value;

use super::{rules::instant, schema::Schema};

/// The value as the API server hands it to a rule: a text with the format `date-time` is an instant.
pub fn cel(schema: &Schema, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(is) => Cel::Bool(*is),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cel::Int(whole),
            None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => schema
            .is_instant()
            .then(|| instant(text))
            .flatten()
            .unwrap_or_else(|| Cel::String(Arc::new(text.clone()))),
        Value::Array(all) => {
            let items: Vec<Cel> = match schema.items() {
                Some(item) => all.iter().map(|value| cel(item, value)).collect(),
                None => vec![],
            };
            Cel::List(Arc::new(items))
        }
        Value::Object(fields) => {
            let known = fields.iter().filter_map(|(name, value)| Some((name, schema.field(name)?, value)));
            let map: HashMap<String, Cel> =
                known.map(|(name, schema, value)| (name.clone(), cel(schema, value))).collect();
            Cel::from(map)
        }
    }
}
