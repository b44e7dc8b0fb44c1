//! References of volumes. Every source is named: one that Kubernetes adds fails the build.

use std::fmt;

use k8s_openapi::api::core::v1::{
    AzureFileVolumeSource, CSIVolumeSource, CephFSVolumeSource, CinderVolumeSource, ConfigMapProjection,
    ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile, DownwardAPIVolumeSource,
    EphemeralVolumeSource, FlexVolumeSource, GitRepoVolumeSource, GlusterfsVolumeSource,
    HostPathVolumeSource, ISCSIVolumeSource, LocalObjectReference, NFSVolumeSource, ObjectFieldSelector,
    PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, ProjectedVolumeSource, QuobyteVolumeSource,
    RBDVolumeSource, ScaleIOVolumeSource, SecretProjection, SecretVolumeSource, StorageOSVolumeSource,
    TypedLocalObjectReference, TypedObjectReference, Volume, VolumeProjection,
};

use super::finder::{Finder, Words};

const CLAIM: &str = "PersistentVolumeClaim";
/// Attribute by which drivers of the Secrets Store family (`secrets-store.csi.k8s.io` and those of the clouds) are told what
/// to mount: the name of a SecretProviderClass in the Pod's namespace.
const SECRET_PROVIDER_CLASS: &str = "secretProviderClass";

/// Reads a volume.
pub(super) fn walk<'a>(finder: &mut Finder<'a>, volume: &'a Volume, words: &mut Words<'a>) {
    let Volume {
        // Disks of a provider are named by ids that no store declares.
        aws_elastic_block_store: _,
        azure_disk: _,
        azure_file,
        cephfs,
        cinder,
        config_map,
        csi,
        downward_api,
        empty_dir: _,
        ephemeral,
        fc: _,
        flex_volume,
        flocker: _,
        gce_persistent_disk: _,
        git_repo,
        glusterfs,
        host_path,
        image: _,
        iscsi,
        name,
        nfs,
        persistent_volume_claim,
        photon_persistent_disk: _,
        portworx_volume: _,
        projected,
        quobyte,
        rbd,
        scale_io,
        secret,
        storageos,
        vsphere_volume: _,
    } = volume;
    let at = format_args!("volume {name}");

    if let Some(SecretVolumeSource {
        secret_name: Some(secret),
        default_mode: _,
        default_user: _,
        items: _,
        optional: _,
    }) = secret
    {
        finder.secret(secret, at);
    }
    if let Some(ConfigMapVolumeSource {
        default_mode: _,
        default_user: _,
        items: _,
        name: map,
        optional: _,
    }) = config_map
    {
        finder.config_map(map, words, at);
    }
    if let Some(DownwardAPIVolumeSource { default_mode: _, default_user: _, items }) = downward_api {
        handed(finder, items.iter().flatten(), words, at);
    }
    if let Some(HostPathVolumeSource { path, type_: _ }) = host_path {
        finder.directory(path, at);
    }
    if let Some(PersistentVolumeClaimVolumeSource { claim_name, read_only: _ }) = persistent_volume_claim {
        finder.claim(claim_name, at);
    }
    if let Some(ProjectedVolumeSource { sources, default_mode: _, default_user: _ }) = projected {
        for source in sources.iter().flatten() {
            projection(finder, source, words, at);
        }
    }
    if let Some(EphemeralVolumeSource { volume_claim_template: Some(template) }) = ephemeral {
        claim_spec(finder, &template.spec, at);
    }
    if let Some(CSIVolumeSource {
        driver: _,
        fs_type: _,
        node_publish_secret_ref,
        read_only: _,
        volume_attributes,
    }) = csi
    {
        secret_ref(finder, node_publish_secret_ref.as_ref(), at);
        if let Some(class) = volume_attributes.as_ref().and_then(|all| all.get(SECRET_PROVIDER_CLASS)) {
            finder.secret_provider_class(class, at);
        }
        texts(finder, volume_attributes.iter().flat_map(|a| a.values()), words, at);
    }
    if let Some(FlexVolumeSource { driver: _, fs_type: _, options, read_only: _, secret_ref: secret }) =
        flex_volume
    {
        secret_ref(finder, secret.as_ref(), at);
        texts(finder, options.iter().flat_map(|o| o.values()), words, at);
    }
    if let Some(AzureFileVolumeSource { read_only: _, secret_name, share_name: _ }) = azure_file {
        finder.secret(secret_name, at);
    }
    if let Some(CephFSVolumeSource {
        monitors,
        path: _,
        read_only: _,
        secret_file: _,
        secret_ref: s,
        user: _,
    }) = cephfs
    {
        secret_ref(finder, s.as_ref(), at);
        texts(finder, monitors, words, at);
    }
    if let Some(CinderVolumeSource { fs_type: _, read_only: _, secret_ref: s, volume_id: _ }) = cinder {
        secret_ref(finder, s.as_ref(), at);
    }
    if let Some(RBDVolumeSource {
        fs_type: _,
        image: _,
        keyring: _,
        monitors,
        pool: _,
        read_only: _,
        secret_ref: s,
        user: _,
    }) = rbd
    {
        secret_ref(finder, s.as_ref(), at);
        texts(finder, monitors, words, at);
    }
    if let Some(ISCSIVolumeSource {
        chap_auth_discovery: _,
        chap_auth_session: _,
        fs_type: _,
        initiator_name: _,
        iqn: _,
        iscsi_interface: _,
        lun: _,
        portals,
        read_only: _,
        secret_ref: s,
        target_portal,
    }) = iscsi
    {
        secret_ref(finder, s.as_ref(), at);
        texts(finder, portals.iter().flatten().chain([target_portal]), words, at);
    }
    if let Some(ScaleIOVolumeSource {
        fs_type: _,
        gateway,
        protection_domain: _,
        read_only: _,
        secret_ref: LocalObjectReference { name: secret },
        ssl_enabled: _,
        storage_mode: _,
        storage_pool: _,
        system: _,
        volume_name: _,
    }) = scale_io
    {
        finder.secret(secret, at);
        finder.text(gateway, words, at);
    }
    if let Some(StorageOSVolumeSource {
        fs_type: _,
        read_only: _,
        secret_ref: s,
        volume_name: _,
        volume_namespace: _,
    }) = storageos
    {
        secret_ref(finder, s.as_ref(), at);
    }
    if let Some(NFSVolumeSource { path, read_only: _, server }) = nfs {
        finder.text(server, words, at);
        finder.nfs(server, path, at);
    }
    if let Some(GlusterfsVolumeSource { endpoints, path: _, read_only: _ }) = glusterfs {
        // Endpoints have the name of their Service.
        finder.text(endpoints, words, at);
    }
    if let Some(QuobyteVolumeSource { group: _, read_only: _, registry, tenant: _, user: _, volume: _ }) =
        quobyte
    {
        finder.text(registry, words, at);
    }
    if let Some(GitRepoVolumeSource { directory: _, repository, revision: _ }) = git_repo {
        finder.text(repository, words, at);
    }
}

/// What a claim that is made for the Pod starts with: another claim's files.
pub(super) fn claim_spec(finder: &mut Finder<'_>, spec: &PersistentVolumeClaimSpec, at: fmt::Arguments<'_>) {
    let PersistentVolumeClaimSpec {
        access_modes: _,
        data_source,
        data_source_ref,
        resources: _,
        selector: _,
        storage_class_name: _,
        volume_attributes_class_name: _,
        volume_mode: _,
        volume_name: _,
    } = spec;
    if let Some(TypedLocalObjectReference { api_group: _, kind, name }) = data_source
        && kind == CLAIM
    {
        finder.claim(name, at);
    }
    if let Some(TypedObjectReference { api_group: _, kind, name, namespace }) = data_source_ref
        && kind == CLAIM
    {
        match namespace.as_deref().filter(|n| !n.is_empty()) {
            Some(namespace) => finder.claim_in(namespace, name, at),
            None => finder.claim(name, at),
        }
    }
}

fn projection<'a>(
    finder: &mut Finder<'a>,
    source: &'a VolumeProjection,
    words: &mut Words<'a>,
    at: fmt::Arguments<'_>,
) {
    let VolumeProjection {
        cluster_trust_bundle: _,
        config_map,
        downward_api,
        // A certificate that the node asks for; it opens what its signer says, which no store declares.
        pod_certificate: _,
        secret,
        // The Pod's own ServiceAccount, which is read with the Pod.
        service_account_token: _,
    } = source;
    if let Some(SecretProjection { items: _, name, optional: _ }) = secret {
        finder.secret(name, at);
    }
    if let Some(ConfigMapProjection { items: _, name, optional: _ }) = config_map {
        finder.config_map(name, words, at);
    }
    if let Some(DownwardAPIProjection { items }) = downward_api {
        handed(finder, items.iter().flatten(), words, at);
    }
}

/// Files with the Pod's own annotations and labels.
fn handed<'a>(
    finder: &mut Finder<'a>,
    files: impl Iterator<Item = &'a DownwardAPIVolumeFile>,
    words: &mut Words<'a>,
    at: fmt::Arguments<'_>,
) {
    for DownwardAPIVolumeFile { field_ref, mode: _, path: _, resource_field_ref: _, user: _ } in files {
        if let Some(ObjectFieldSelector { api_version: _, field_path }) = field_ref {
            for text in finder.handed(field_path) {
                finder.text(text, words, at);
            }
        }
    }
}

fn secret_ref(finder: &mut Finder<'_>, secret: Option<&LocalObjectReference>, at: fmt::Arguments<'_>) {
    if let Some(LocalObjectReference { name }) = secret {
        finder.secret(name, at);
    }
}

fn texts<'a>(
    finder: &mut Finder<'a>,
    texts: impl IntoIterator<Item = &'a String>,
    words: &mut Words<'a>,
    at: fmt::Arguments<'_>,
) {
    for text in texts {
        finder.text(text, words, at);
    }
}
