//! Where a runner is placed.

use std::sync::Arc;

use super::world::{World, now};
use crate::{
    controllers::retention::{
        job::{Image, job},
        place::lawful,
    },
    core::{policy::Approval, settings::Settings, snapshot::Node, store::Place},
    handover::Step,
};

#[test]
fn a_runner_is_placed_by_the_label_that_the_cluster_uses() {
    let world = World::new(Approval::Never);
    let mut snapshot = world.snapshot();
    snapshot.settings = Arc::new(Settings { region_label: "example.com/site".into(), ..Settings::default() });
    for (name, label, value) in
        [("a", "example.com/site", "north"), ("b", "topology.kubernetes.io/region", "eu-west-1")]
    {
        let node = Node {
            name: name.into(),
            labels: [(label.to_owned(), value.to_owned())].into(),
            place: Place { provider: None, region: None, country: None },
        };
        snapshot.nodes.insert(name.into(), Arc::new(node));
    }
    let place = lawful(&snapshot, &world.store, now());
    assert_eq!(
        (place.regions.iter().map(String::as_str).collect::<Vec<_>>(), place.unlabelled),
        (vec!["north"], true)
    );
    let image = Image { name: "eraser".into(), pull_policy: "Never".into() };
    let job = job(&world.run(None), Step::Plan, &world.store, &place, &image).unwrap();
    let affinity = serde_json::to_value(job.spec.unwrap().template.spec.unwrap().affinity).unwrap();
    let terms = affinity
        .pointer("/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")
        .unwrap();
    let expected = serde_json::json!([
        {"matchExpressions": [{"key": "example.com/site", "operator": "In", "values": ["north"]}]},
        {"matchExpressions": [{"key": "example.com/site", "operator": "DoesNotExist"}]},
    ]);
    assert_eq!(*terms, expected);
}
