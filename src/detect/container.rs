//! References of containers: init, main and ephemeral alike.

use std::{borrow::Cow, fmt};

use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, ConfigMapKeySelector, Container, EnvFromSource, EnvVar, EnvVarSource,
    EphemeralContainer, ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler,
    ObjectFieldSelector, Probe, SecretEnvSource, SecretKeySelector, TCPSocketAction,
};

use super::{
    expand::{Env, expand},
    finder::{Finder, Words},
};

/// What every kind of container has in common, as far as it can lead anywhere.
struct View<'a> {
    kind: &'static str,
    name: &'a str,
    command: &'a [String],
    args: &'a [String],
    env: &'a [EnvVar],
    env_from: &'a [EnvFromSource],
    lifecycle: Option<&'a Lifecycle>,
    probes: [Option<&'a Probe>; 3],
}

/// Reads a container; `words` are those that all containers of the Pod share.
pub(super) fn walk<'a>(
    finder: &mut Finder<'a>,
    kind: &'static str,
    container: &'a Container,
    words: &Words<'a>,
) {
    let Container {
        args,
        command,
        env,
        env_from,
        image: _,
        image_pull_policy: _,
        lifecycle,
        liveness_probe,
        name,
        ports: _,
        readiness_probe,
        resize_policy: _,
        resources: _,
        restart_policy: _,
        // Exit codes.
        restart_policy_rules: _,
        security_context: _,
        startup_probe,
        stdin: _,
        stdin_once: _,
        termination_message_path: _,
        termination_message_policy: _,
        tty: _,
        // Devices and mounts name volumes of the Pod, which are read on their own.
        volume_devices: _,
        volume_mounts: _,
        working_dir: _,
    } = container;
    let view = View {
        kind,
        name,
        command: command.as_deref().unwrap_or_default(),
        args: args.as_deref().unwrap_or_default(),
        env: env.as_deref().unwrap_or_default(),
        env_from: env_from.as_deref().unwrap_or_default(),
        lifecycle: lifecycle.as_ref(),
        probes: [liveness_probe.as_ref(), readiness_probe.as_ref(), startup_probe.as_ref()],
    };
    read(finder, &view, words.clone());
}

/// Reads an ephemeral container.
pub(super) fn walk_ephemeral<'a>(
    finder: &mut Finder<'a>,
    container: &'a EphemeralContainer,
    words: &Words<'a>,
) {
    let EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image: _,
        image_pull_policy: _,
        lifecycle,
        liveness_probe,
        name,
        ports: _,
        readiness_probe,
        resize_policy: _,
        resources: _,
        restart_policy: _,
        // Exit codes.
        restart_policy_rules: _,
        security_context: _,
        startup_probe,
        stdin: _,
        stdin_once: _,
        target_container_name: _,
        termination_message_path: _,
        termination_message_policy: _,
        tty: _,
        volume_devices: _,
        volume_mounts: _,
        working_dir: _,
    } = container;
    let view = View {
        kind: "ephemeral container",
        name,
        command: command.as_deref().unwrap_or_default(),
        args: args.as_deref().unwrap_or_default(),
        env: env.as_deref().unwrap_or_default(),
        env_from: env_from.as_deref().unwrap_or_default(),
        lifecycle: lifecycle.as_ref(),
        probes: [liveness_probe.as_ref(), readiness_probe.as_ref(), startup_probe.as_ref()],
    };
    read(finder, &view, words.clone());
}

fn read<'a>(finder: &mut Finder<'a>, view: &View<'a>, mut words: Words<'a>) {
    let View { kind, name, .. } = *view;
    let mut env = Env::new();
    for source in view.env_from {
        env_from(finder, view, source, &mut words);
    }
    for var in view.env {
        env_var(finder, view, var, &mut env, &mut words);
    }
    for (what, texts) in [("command", view.command), ("args", view.args)] {
        for text in texts {
            expanded(finder, text, &env, &mut words, format_args!("{kind} {name}, {what}"));
        }
    }
    if let Some(Lifecycle { post_start, pre_stop, stop_signal: _ }) = view.lifecycle {
        for hook in [post_start, pre_stop].into_iter().flatten() {
            let LifecycleHandler { exec, http_get, sleep: _, tcp_socket } = hook;
            let at = format_args!("{kind} {name}, lifecycle");
            action(finder, (exec.as_ref(), http_get.as_ref(), tcp_socket.as_ref()), &mut words, at);
        }
    }
    for probe in view.probes.into_iter().flatten() {
        let Probe {
            exec,
            failure_threshold: _,
            grpc,
            http_get,
            initial_delay_seconds: _,
            period_seconds: _,
            success_threshold: _,
            tcp_socket,
            termination_grace_period_seconds: _,
            timeout_seconds: _,
        } = probe;
        // A gRPC probe always speaks to the Pod itself.
        if let Some(GRPCAction { mode: _, port: _, service: _ }) = grpc {}
        let at = format_args!("{kind} {name}, probe");
        action(finder, (exec.as_ref(), http_get.as_ref(), tcp_socket.as_ref()), &mut words, at);
    }
    finder.end_of_container(&words, format_args!("{kind} {name}"));
}

fn env_from<'a>(finder: &mut Finder<'a>, view: &View<'a>, source: &'a EnvFromSource, words: &mut Words<'a>) {
    let View { kind, name, .. } = *view;
    let EnvFromSource { config_map_ref, prefix: _, secret_ref } = source;
    if let Some(SecretEnvSource { name: secret, optional: _ }) = secret_ref {
        finder.secret(secret, format_args!("{kind} {name}, envFrom"));
    }
    if let Some(ConfigMapEnvSource { name: map, optional: _ }) = config_map_ref {
        finder.config_map(map, words, format_args!("{kind} {name}, envFrom"));
    }
}

fn env_var<'a>(
    finder: &mut Finder<'a>,
    view: &View<'a>,
    var: &'a EnvVar,
    env: &mut Env<'a>,
    words: &mut Words<'a>,
) {
    let View { kind, name, .. } = *view;
    let EnvVar { name: variable, value, value_from } = var;
    let at = format_args!("{kind} {name}, env {variable}");
    if let Some(text) = value {
        let value = expanded(finder, text, env, words, at);
        env.insert(variable, value);
    }
    let Some(EnvVarSource {
        config_map_key_ref,
        field_ref,
        // A file in a volume of the Pod, which is read on its own.
        file_key_ref: _,
        resource_field_ref: _,
        secret_key_ref,
    }) = value_from
    else {
        return;
    };
    if let Some(ObjectFieldSelector { api_version: _, field_path }) = field_ref {
        for text in finder.handed(field_path) {
            finder.text(text, words, at);
            env.insert(variable, Cow::Borrowed(text));
        }
    }
    if let Some(SecretKeySelector { key: _, name: secret, optional: _ }) = secret_key_ref {
        finder.secret(secret, at);
    }
    if let Some(ConfigMapKeySelector { key: _, name: map, optional: _ }) = config_map_key_ref {
        finder.config_map(map, words, at);
    }
}

/// Reads a text as it will be after the kubelet expanded it, and as it stands where that differs.
fn expanded<'a>(
    finder: &mut Finder<'a>,
    text: &'a str,
    env: &Env<'a>,
    words: &mut Words<'a>,
    at: fmt::Arguments<'_>,
) -> Cow<'a, str> {
    finder.text(text, words, at);
    let value = expand(text, env);
    if let Cow::Owned(value) = &value {
        finder.owned_text(value, words, at);
    }
    value
}

fn action<'a>(
    finder: &mut Finder<'a>,
    (exec, http_get, tcp_socket): (
        Option<&'a ExecAction>,
        Option<&'a HTTPGetAction>,
        Option<&'a TCPSocketAction>,
    ),
    words: &mut Words<'a>,
    at: fmt::Arguments<'_>,
) {
    if let Some(ExecAction { command }) = exec {
        for text in command.iter().flatten() {
            finder.text(text, words, at);
        }
    }
    if let Some(HTTPGetAction { host, http_headers, path, port: _, protocol: _, scheme: _ }) = http_get {
        let headers = http_headers.iter().flatten().map(|h| &h.value);
        for text in host.iter().chain(path).chain(headers) {
            finder.text(text, words, at);
        }
    }
    if let Some(TCPSocketAction { host: Some(host), port: _ }) = tcp_socket {
        finder.text(host, words, at);
    }
}
