//! What a policy says of itself.

use std::sync::Arc;

use kube::core::ObjectMeta;

use super::world::{World, now};
use crate::{
    api::v1alpha1::RetentionPolicyStatus,
    controllers::retention::policy_status::{OptIn, accepted},
    core::{ids::Country, party::Party, policy::Approval},
};

fn party(name: &str) -> Arc<Party> {
    Arc::new(Party {
        name: name.into(),
        legal_name: name.into(),
        country: Country(*b"FR"),
        regime: None,
        group: None,
        namespaces: vec![],
        access_from: vec![],
        controlled_from: None,
        hosts: vec![],
        onward: vec![],
        change_of_control: None,
    })
}

#[test]
fn a_policy_that_names_a_party_which_is_not_there_says_so() {
    let mut world = World::new(Approval::Never);
    let says = |world: &World, parties: &[&str]| {
        let mut snapshot = world.snapshot();
        snapshot.parties = parties.iter().map(|name| ((*name).into(), party(name))).collect();
        let RetentionPolicyStatus { conditions, .. } =
            accepted(&world.policy, &snapshot, &[], OptIn::Yes, &ObjectMeta::default(), None, now());
        let found = conditions.into_iter().find(|c| c.type_ == "ResolvedRefs").unwrap();
        (found.status, found.reason, found.message)
    };
    assert_eq!(says(&world, &[]).0, "True", "a policy of our own names nobody");
    world.policy.instructed_by = Some("acme".into());
    assert_eq!(says(&world, &["acme"]).0, "True");
    let (status, reason, message) = says(&world, &["other"]);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "PartyNotFound"));
    assert!(message.contains("Party acme (spec.instruction.controllerRef)"), "{message}");
}
