//! References of a Pod outside its containers and volumes.

use k8s_openapi::api::core::v1::{HostAlias, LocalObjectReference, PodSpec};

use super::{
    PodSubject, container,
    finder::{Finder, Words},
    volume,
};

/// Reads a whole Pod.
pub(super) fn walk<'a>(finder: &mut Finder<'a>, subject: &PodSubject<'a>) {
    let PodSpec {
        active_deadline_seconds: _,
        affinity: _,
        automount_service_account_token: _,
        containers,
        // Search domains are read with every name; see `Finder::name`.
        dns_config: _,
        dns_policy: _,
        enable_service_links: _,
        ephemeral_containers,
        eviction_responders: _,
        host_aliases,
        host_ipc: _,
        host_network: _,
        host_pid: _,
        host_users: _,
        // Names of the Pod itself.
        hostname: _,
        hostname_override: _,
        image_pull_secrets,
        init_containers,
        node_name: _,
        node_selector: _,
        os: _,
        overhead: _,
        preemption_policy: _,
        priority: _,
        priority_class_name: _,
        readiness_gates: _,
        resource_claims: _,
        resources: _,
        restart_policy: _,
        runtime_class_name: _,
        scheduler_name: _,
        scheduling_gates: _,
        scheduling_group: _,
        security_context: _,
        service_account,
        service_account_name,
        set_hostname_as_fqdn: _,
        share_process_namespace: _,
        subdomain: _,
        termination_grace_period_seconds: _,
        tolerations: _,
        topology_spread_constraints: _,
        volumes,
    } = subject.spec;

    let named = |n: &'a Option<String>| n.as_deref().filter(|n| !n.is_empty());
    let account = named(service_account_name).or(named(service_account)).unwrap_or("default");
    finder.service_account(account, format_args!("Pod"));
    for LocalObjectReference { name } in image_pull_secrets.iter().flatten() {
        finder.secret(name, format_args!("image pull secret"));
    }
    // What stands outside containers serves all of them.
    let mut shared = Words::default();
    for HostAlias { hostnames, ip } in host_aliases.iter().flatten() {
        for text in hostnames.iter().flatten().chain([ip]) {
            finder.text(text, &mut shared, format_args!("host alias {ip}"));
        }
    }
    for volume in volumes.iter().flatten() {
        volume::walk(finder, volume, &mut shared);
    }
    for template in subject.claim_templates {
        let name = template.metadata.name.as_deref().unwrap_or_default();
        if let Some(spec) = &template.spec {
            volume::claim_spec(finder, spec, format_args!("claim template {name}"));
        }
    }
    for c in init_containers.iter().flatten() {
        container::walk(finder, "init container", c, &shared);
    }
    for c in containers {
        container::walk(finder, "container", c, &shared);
    }
    for c in ephemeral_containers.iter().flatten() {
        container::walk_ephemeral(finder, c, &shared);
    }
}
