use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, pod, request, using};

#[test]
fn a_body_without_a_uid_is_an_error_and_one_with_a_uid_a_refusal() {
    let world = World::default();
    for body in [&b""[..], b"null", b"[]", b"{\"request\":{}}", b"\xff\xfe", b"{\"request\":{\"uid\":1}}"] {
        assert!(world.bytes(body).is_err());
    }
    let review = world.bytes(b"{\"request\":{\"uid\":\"a\",\"resource\":7}}").unwrap();
    assert_eq!(review["response"]["uid"], "a");
    assert_eq!(review["response"]["allowed"], false);
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
}

#[test]
fn a18_a_missing_or_strange_object_is_refused() {
    for object in [Value::Null, json!(7), json!([]), json!({"spec": {"containers": 1}})] {
        let mut strange = request("/pods", &pod(&using(None)));
        strange["object"] = object;
        World::default().ask(&strange).is_refused(400);
    }
}

#[test]
fn a18_of_duplicate_keys_the_last_wins_as_with_the_api_server_or_the_pod_is_refused() {
    let object = pod(&using(Some("us-east-1"))).to_string();
    let twice = object.replacen(r#""envFrom":"#, r#""envFrom":[],"envFrom":"#, 1);
    assert_ne!(object, twice);
    let body = json!({"request": request("/pods", &pod(&using(Some("us-east-1"))))}).to_string();
    let body = body.replacen(&object, &twice, 1);
    assert_eq!(World::default().bytes(body.as_bytes()).unwrap()["response"]["allowed"], false);
}

#[test]
fn a18_a_thousand_containers_are_judged() {
    let mut spec = using(Some("us-east-1"));
    let container = spec["containers"][0].clone();
    let idle = json!({"name": "x", "args": ["a b c d e f g h"]});
    let mut all = vec![idle; 1000];
    all.push(container);
    spec["containers"] = Value::Array(all);
    World::default().create("/pods", &pod(&spec)).is_refused(403);
}

#[test]
fn a18_a_deeply_nested_object_is_refused() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!("{{\"request\":{{\"uid\":\"a\",\"object\":{deep}}}}}");
    // Neither is read; which of the two it is does not matter.
    if let Ok(review) = World::default().bytes(body.as_bytes()) {
        assert_eq!(review["response"]["allowed"], false);
    }
}

/// Any JSON, not too deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é%$(){}:.]{0,24}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("containers"),
        Just("env"),
        Just("value"),
        Just("name"),
        Just("volumes"),
        Just("metadata"),
        Just("spec"),
        Just("template"),
        Just("args"),
        Just("affinity"),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// An object with one of its values replaced.
fn mutate(object: &mut Value, steps: &[usize], with: Value) {
    let mut at = object;
    for step in steps {
        let next = match at {
            Value::Object(map) if !map.is_empty() => {
                let n = step % map.len();
                map.values_mut().nth(n)
            }
            Value::Array(list) if !list.is_empty() => {
                let n = step % list.len();
                list.get_mut(n)
            }
            _ => return,
        };
        let Some(next) = next else { return };
        at = next;
    }
    *at = with;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_object_makes_a_review_panic(object in json_value(), kind in 0..4_usize) {
        let resource = ["/pods", "apps/deployments", "carnet.dev/datastores", "/bindings"][kind];
        let mut review = request(resource, &pod(&using(None)));
        review["object"] = object;
        World::default().ask(&review);
    }

    #[test]
    fn no_mutation_of_a_pod_makes_a_review_panic_or_answer_to_another(
        steps in prop::collection::vec(0..16_usize, 1..8), with in json_value()
    ) {
        let mut object = pod(&using(Some("us-east-1")));
        mutate(&mut object, &steps, with);
        World::default().ask(&request("/pods", &pod(&using(None)))).is_refused(403);
        let mut review = request("/pods", &pod(&using(None)));
        review["object"] = object;
        World::default().ask(&review);
    }

    #[test]
    fn no_bytes_make_a_review_panic(body in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = World::default().bytes(&body);
    }

    #[test]
    fn text_is_tokenised_without_panic(text in "\\PC{0,64}") {
        let mut spec = using(Some("us-east-1"));
        spec["containers"][0]["args"] = json!([text]);
        spec["containers"][0]["env"] = json!([{"name": "A", "value": text}, {"name": "B", "value": "$(A)%4"}]);
        World::default().create("/pods", &pod(&spec)).is_refused(403);
    }
}
