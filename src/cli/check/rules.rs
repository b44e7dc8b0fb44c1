//! Rules in CEL (`x-kubernetes-validations`), evaluated as the API server evaluates them.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, Program, Value as Cel, extractors::This, objects::OptionalValue};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::ValidationRule;

use crate::parse::FieldError;

/// CEL with its standard library; made once, since that takes a while.
static CEL: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// The only format of Kubernetes that our rules name.
const DATE: &str = "date";

/// Why a rule cannot be evaluated here.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It cannot be read.
    #[error("the rule `{rule}` cannot be read: {why}")]
    Unread {
        /// The rule.
        rule: String,
        /// Why.
        why: String,
    },
    /// It says more than this knows.
    #[error("the rule `{0}` has a messageExpression or optionalOldSelf, which is not known here")]
    Beyond(String),
}

/// One rule.
pub struct Rule {
    program: Program,
    /// As it is written.
    pub text: String,
    /// What is said where it is broken.
    pub message: String,
    reason: Option<String>,
    field: String,
    /// Whether it compares with what was there before.
    pub is_of_updates: bool,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Rule {
    /// Reads a rule.
    pub fn new(of: &ValidationRule) -> Result<Self, RuleError> {
        let ValidationRule { field_path, message, message_expression, optional_old_self, reason, rule } = of;
        if message_expression.is_some() || optional_old_self.is_some() {
            return Err(RuleError::Beyond(rule.clone()));
        }
        let program = CEL
            .compile(rule)
            .map_err(|error| RuleError::Unread { rule: rule.clone(), why: error.to_string() })?;
        let is_of_updates = program.references().has_variable("oldSelf");
        Ok(Self {
            program,
            text: rule.clone(),
            message: message.clone().unwrap_or_else(|| format!("failed rule: {rule}")),
            reason: reason.clone(),
            field: field_path.clone().unwrap_or_default(),
            is_of_updates,
        })
    }

    /// What is wrong where it is broken. A rule of updates asks for what was there before; one that cannot be evaluated is
    /// broken, as it is for the API server.
    pub fn broken(&self, this: &Cel, before: Option<&Cel>, path: &str) -> Option<FieldError> {
        if self.is_of_updates && before.is_none() {
            return None;
        }
        let mut context = context();
        context.add_variable_from_value("self", this.clone());
        if let Some(before) = before {
            context.add_variable_from_value("oldSelf", before.clone());
        }
        let problem = match self.program.execute(&context) {
            Ok(Cel::Bool(true)) => return None,
            Ok(_) => match self.reason.as_deref() {
                Some("FieldValueRequired") => "Required value".to_owned(),
                Some("FieldValueForbidden") => "Forbidden".to_owned(),
                Some("FieldValueDuplicate") => "Duplicate value".to_owned(),
                _ => "Invalid value".to_owned(),
            },
            Err(error) => format!("the rule could not be evaluated ({error})"),
        };
        Some(FieldError::new(format!("{path}{}", self.field), problem, &self.message))
    }
}

/// CEL's own functions, and those of Kubernetes that our rules use.
fn context() -> Context<'static, 'static> {
    let mut context = Context::with_env(CEL.clone());
    let mut formats = HashMap::<String, Cel>::new();
    formats.insert("library".into(), Cel::Bool(true));
    context.add_variable_from_value("format", formats);
    // Names that CEL itself took would be no error of whoever writes manifests: the tests call both.
    let _ = context.add_function("date", |This(_): This<Cel>| DATE.to_owned());
    let _ = context.add_function("validate", |This(format): This<Arc<String>>, text: Arc<String>| {
        let is_one = format.as_str() == DATE && is_date(&text);
        let errors =
            if is_one { OptionalValue::none() } else { OptionalValue::of(Cel::from("not of the format")) };
        Cel::Opaque(Arc::new(errors))
    });
    context
}

/// A day as RFC 3339 writes it, and nothing else that could be read as one.
fn is_date(text: &str) -> bool {
    let digits =
        text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    text.len() == 10 && digits && text.parse::<jiff::civil::Date>().is_ok()
}

/// An instant as CEL has it; none where the text names none.
pub fn instant(text: &str) -> Option<Cel> {
    let program = CEL.compile("timestamp(text)").ok()?;
    let mut context = Context::with_env(CEL.clone());
    context.add_variable_from_value("text", text);
    program.execute(&context).ok()
}
