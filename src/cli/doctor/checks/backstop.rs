//! What the API server's own policies decide by while no replica answers.

use super::{Facts, Found, some, webhook};
use crate::cli::facts::BACKSTOP;

pub fn check(facts: &Facts, found: &mut Found) {
    let Some(backstops) = found.known(&facts.backstops) else { return };
    let own = &facts.namespace;
    let there =
        backstops.iter().any(|(namespace, name, _)| (namespace.as_str(), name.as_str()) == (own, BACKSTOP));
    if facts.is_switched_on("--backstop") && !there {
        found.broken(
            "BackstopMissing",
            format!("there is no TransferBackstop {own}/{BACKSTOP}: while no replica answers the API server knows nothing that it could refuse"),
            format!("see why the leader does not write it: `kubectl -n {own} logs -l app.kubernetes.io/name=carnet-operator`"),
        );
    }
    let mut left_out = 0;
    let (mut objects, mut first) = (vec![], vec![]);
    for (namespace, name, summary) in backstops.iter().filter(|(_, _, summary)| summary.left_out > 0) {
        left_out += summary.left_out;
        objects.push(format!("{namespace}/{name}"));
        first.extend(summary.first_left_out.iter().cloned());
    }
    if left_out > 0 {
        let meanwhile = if webhook::fails_open(facts) {
            "while no replica answers nobody judges them"
        } else {
            "while no replica answers no Pod comes in"
        };
        let which = if first.is_empty() { String::new() } else { format!(" ({})", some(&first)) };
        found.warning(
            "BackstopLeftOut",
            format!("TransferBackstop {} has no room for {left_out} stores or classes of namespaces{which}: the webhook alone judges them, and {meanwhile}", some(&objects)),
            "name less in spec.access of the stores, or set webhook.failurePolicy to Fail, so that nothing comes in unjudged",
        );
    }
}
