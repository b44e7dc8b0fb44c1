//! What is wrong, why, and what to do.

use serde::Serialize;

/// How bad it is; ordered, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// Something is not judged, not enforced or not carried out.
    Broken,
    /// It works, and will not for long, or not as it was meant.
    Warning,
    /// Worth a look.
    Notice,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A word for scripts.
    pub code: &'static str,
    /// What is wrong, and the reason.
    pub what: String,
    /// What to do next.
    pub next: String,
}

/// Everything that a check says.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be asked, and why.
    pub unknown: Vec<String>,
}

impl Found {
    /// Something does not work.
    pub fn broken(&mut self, code: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Broken, code, what, next);
    }

    /// Something will not work for long, or not as it was meant.
    pub fn warning(&mut self, code: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Warning, code, what, next);
    }

    /// Something is worth a look.
    pub fn notice(&mut self, code: &'static str, what: impl Into<String>, next: impl Into<String>) {
        self.add(Severity::Notice, code, what, next);
    }

    /// The answer, where there is one; else it is noted that there is none.
    pub fn known<'a, T>(&mut self, asked: &'a Result<T, String>) -> Option<&'a T> {
        match asked {
            Ok(answer) => Some(answer),
            Err(why) => {
                self.unknown.push(why.clone());
                None
            }
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.findings.push(Finding { severity, code, what: what.into(), next: next.into() });
    }
}
