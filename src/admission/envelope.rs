//! `admission.k8s.io/v1` as it is read and written: borrowed, and no further than needed.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{core::settings::Mode, index::Sight, placement::Add};

/// Warnings longer than this are cut off by clients.
const WARNING: usize = 119;
/// More warnings than this help nobody.
const WARNINGS: usize = 12;

/// A body that is no review and holds no uid to answer to.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the AdmissionReview: {0}")]
pub struct BadReview(#[source] serde_json::Error);

impl BadReview {
    /// A body in which there is no uid.
    #[cfg(feature = "operator")]
    pub(super) fn no_uid() -> Self {
        Self(serde::de::Error::missing_field("request.uid"))
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

/// The request of a review.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Kind<'a>,
    #[serde(borrow)]
    pub resource: Resource<'a>,
    #[serde(borrow, default)]
    pub sub_resource: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    #[serde(default)]
    pub user_info: UserInfo,
    #[serde(borrow, default)]
    pub object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub old_object: Option<&'a RawValue>,
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// Group, version, kind.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
}

/// Group, version, resource.
#[derive(Deserialize)]
pub(super) struct Resource<'a> {
    #[serde(borrow, default)]
    pub group: Cow<'a, str>,
    #[serde(borrow)]
    pub resource: Cow<'a, str>,
}

/// Who asks.
#[derive(Default, Deserialize)]
pub(super) struct UserInfo {
    #[serde(default)]
    pub username: String,
}

/// Reads a review, or at least the uid by which it can be refused.
pub(super) fn read(body: &[u8]) -> Result<Result<Request<'_>, (String, String)>, BadReview> {
    match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(envelope) => Ok(Ok(envelope.request)),
        Err(error) => match uid(body) {
            Some(uid) => Ok(Err((uid, error.to_string()))),
            None => Err(BadReview(error)),
        },
    }
}

/// The uid of a request, where nothing more of it is wanted.
pub(super) fn uid(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyUid {
        request: Uid,
    }
    #[derive(Deserialize)]
    struct Uid {
        uid: String,
    }
    serde_json::from_slice::<OnlyUid>(body).ok().map(|only| only.request.uid)
}

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub refusal: Option<Refusal>,
    /// What is changed of the object; nothing where it is only judged.
    pub patch: Vec<Add>,
    pub warnings: Vec<String>,
    pub notes: BTreeMap<&'static str, String>,
    /// One word for logs and metrics.
    pub verdict: &'static str,
    /// Set where it could not be judged.
    pub not_ready: Option<NotReady>,
    /// How strictly it was judged; none where nothing was.
    pub mode: Option<Mode>,
    /// Declared stores that the object uses.
    pub stores: Vec<String>,
    /// What carries its flows, or waives them.
    pub relied_on: Vec<String>,
}

/// Why a request could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// Some watch has not listed yet.
    Loading,
    /// A watch was silent for too long.
    Stale,
    /// The Pod is not known yet: asking again soon may help.
    PodUnknown,
    /// Too many reviews are there already.
    Busy,
    /// It took too long.
    Late,
    /// Judging broke off: a defect.
    Broken,
}

impl NotReady {
    /// Its word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Stale => "stale",
            Self::PodUnknown => "pod-unknown",
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Broken => "broken",
        }
    }

    /// Whether the call fails, so that the failure policy decides. That one Pod is not known yet is an answer about that
    /// Pod, to a scheduler that asks again.
    pub fn fails_the_call(self) -> bool {
        self != Self::PodUnknown
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub causes: Vec<Cause>,
}

impl Refusal {
    /// Why, for the log. What cannot be read may be quoted in the message, so that the log does not have it.
    pub fn reason(&self) -> String {
        let first = self.message.lines().next().unwrap_or_default();
        let said =
            if self.code == 400 { first.split_once(": ").map_or(first, |(what, _)| what) } else { first };
        said.trim_end_matches(':').to_owned()
    }
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cause {
    pub reason: &'static str,
    pub message: String,
    pub field: String,
}

impl Answer {
    /// Allowed without a word.
    pub fn allow(verdict: &'static str) -> Self {
        Self { verdict, ..Self::default() }
    }

    /// Refused: a rule is broken.
    pub fn forbid(verdict: &'static str, message: String) -> Self {
        Self::refuse(verdict, Refusal { code: 403, reason: "Forbidden", message, causes: vec![] })
    }

    /// Not judged, for now.
    pub fn unavailable(why: NotReady, message: String) -> Self {
        let refusal = Refusal { code: 503, reason: "ServiceUnavailable", message, causes: vec![] };
        Self { not_ready: Some(why), ..Self::refuse("not-ready", refusal) }
    }

    /// Not judged where too little can be seen to judge anything; none where it can.
    pub fn unsighted(sight: &Sight) -> Option<Self> {
        match sight {
            Sight::Clear => None,
            Sight::Loading => {
                Some(Self::unavailable(NotReady::Loading, "Carnet is still loading; try again".into()))
            }
            Sight::Stale { watch, silent } => {
                let silent = silent.as_secs();
                let message = format!(
                    "Carnet has heard nothing of {watch} for {silent} s and would judge by what was; try again"
                );
                Some(Self::unavailable(NotReady::Stale, message))
            }
        }
    }

    /// Refused: it cannot be read.
    pub fn bad_request(message: String) -> Self {
        Self::refuse("unreadable", Refusal { code: 400, reason: "BadRequest", message, causes: vec![] })
    }

    pub fn refuse(verdict: &'static str, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), verdict, ..Self::default() }
    }

    /// Adds a warning, cut where clients would cut it.
    pub fn warn(&mut self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        let short = match line.char_indices().nth(WARNING - 3) {
            Some((end, _)) if line.chars().count() > WARNING => Cow::Owned(format!("{}...", &line[..end])),
            _ => Cow::Borrowed(line),
        };
        if self.warnings.len() < WARNINGS && !self.warnings.iter().any(|w| *w == short) {
            self.warnings.push(short.into_owned());
        }
    }

    /// The response, as bytes.
    pub fn write(&self, uid: &str) -> Vec<u8> {
        if self.not_ready.is_some_and(NotReady::fails_the_call) {
            return unjudged(self.refusal.as_ref().map_or("", |r| &r.message));
        }
        let status = self.refusal.as_ref().map(|r| StatusOut {
            status: "Failure",
            code: r.code,
            reason: r.reason,
            message: &r.message,
            details: (!r.causes.is_empty()).then_some(DetailsOut { causes: &r.causes }),
        });
        let patch = (!self.patch.is_empty()).then(|| {
            ByteString(serde_json::to_vec(&self.patch).expect("texts and maps of texts always serialise"))
        });
        let out = ReviewOut {
            api_version: "admission.k8s.io/v1",
            kind: "AdmissionReview",
            response: ResponseOut {
                uid,
                allowed: self.refusal.is_none(),
                status,
                patch_type: patch.as_ref().map(|_| "JSONPatch"),
                patch,
                warnings: &self.warnings,
                audit_annotations: &self.notes,
            },
        };
        serde_json::to_vec(&out).expect("texts and maps of texts always serialise")
    }
}

/// The body beside the code 503: no review but a Status, whose message the API server repeats behind `failed calling
/// webhook`. Of a text it would show nothing.
pub(super) fn unjudged(message: &str) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Unjudged<'a> {
        api_version: &'a str,
        kind: &'a str,
        #[serde(flatten)]
        status: StatusOut<'a>,
    }
    let status =
        StatusOut { status: "Failure", code: 503, reason: "ServiceUnavailable", message, details: None };
    let out = Unjudged { api_version: "v1", kind: "Status", status };
    serde_json::to_vec(&out).expect("texts and maps of texts always serialise")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewOut<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: ResponseOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseOut<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<ByteString>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct StatusOut<'a> {
    status: &'a str,
    code: u16,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsOut<'a>>,
}

#[derive(Serialize)]
struct DetailsOut<'a> {
    causes: &'a [Cause],
}
