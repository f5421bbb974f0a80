//! Labels, annotations, keys and names by which the objects of a cluster are known. Their only home:
//! a test of the sources finds such a text anywhere else.

/// What the pods run; with the value [`NAME_POSTGRES`] it marks every object of a cluster.
pub const NAME: &str = "app.kubernetes.io/name";
/// Value of [`NAME`].
pub const NAME_POSTGRES: &str = "postgres";
/// Values of [`COMPONENT`] of the pods that work for a cluster and are none of its servers (`deploy/components`).
pub const COMPANIONS: [&str; 3] = ["backup", "wal-archive", "monitoring"];
/// Which StatefulSet a pod comes from (`primary`, `replica`).
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Tells clusters apart.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Tool that manages the object (`Helm`).
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The selector that finds the objects of every cluster.
pub const DEFAULT_SELECTOR: &str = "app.kubernetes.io/name=postgres";

/// Names the Service that an EndpointSlice belongs to (well-known label of Kubernetes).
pub const SLICE_SERVICE: &str = "kubernetes.io/service-name";

/// Label that the StatefulSet controller gives to every pod (Kubernetes documentation, "Pod Name
/// Label").
pub const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// Label that the StatefulSet controller gives to every pod: the revision of the template that it was made from
/// (`setPodRevision` in `pkg/controller/statefulset/stateful_set_utils.go`).
pub const REVISION: &str = "controller-revision-hash";

/// Every annotation of pgctl begins with this.
pub const PGCTL_PREFIX: &str = "pgctl.io/";
/// Annotation of a pod: the topology term that it was last told.
pub const TERM: &str = "pgctl.io/term";
/// Annotation of a pod that makes the kubelet bring a changed ConfigMap into it at once. Its value
/// is the request.
pub const COPY_REQUEST: &str = "pgctl.io/copy-request";
/// Annotation of a Service: its selector before pgctl changed it, as JSON.
pub const ORIGINAL_SELECTOR: &str = "pgctl.io/original-selector";
/// Annotation of the autoscaler: its `minReplicas` before a failover raised it.
pub const ORIGINAL_MINIMUM: &str = "pgctl.io/original-min-replicas";
/// Annotation of the autoscaler: its bounds before `pgctl hpa pause` or `pgctl scale --pin`, as
/// JSON.
pub const PAUSED_BOUNDS: &str = "pgctl.io/paused-bounds";
/// Key in the selector of a Service that pgctl has closed. No pod has it as a label, so nothing is
/// selected; its value is the id of the operation that has closed it.
pub const CLOSED_BY: &str = "pgctl.io/closed-by";
/// Label of what pgctl makes for itself (a journal, a pod to work on a volume): whose it is. Not
/// [`INSTANCE`]: by that one Argo CD would take it for its own and remove it, and a Service or a
/// StatefulSet could take a pod for one of theirs.
pub const CLUSTER: &str = "pgctl.io/cluster";

/// Label of a throw-away server (`pgctl restore --into`) and of its claim: the name that it was given.
pub const THROW_AWAY: &str = "pgctl.io/throw-away";
/// Annotation of both: id of the operation that has made them.
pub const MADE_BY: &str = "pgctl.io/made-by";

/// Annotation of the Secret of an application's role: the role.
pub const ACCOUNT_USER: &str = "pgctl.io/user";
/// Annotation of the Secret of an application's role: the database that it is for.
pub const ACCOUNT_DATABASE: &str = "pgctl.io/database";
/// Annotation of the Secret of an application's role: `read-only` or `read-write`.
pub const ACCOUNT_ACCESS: &str = "pgctl.io/access";
/// Annotation of the Secret of an application's role: the database was made for it, so that no other may
/// connect.
pub const ACCOUNT_OWN_DATABASE: &str = "pgctl.io/own-database";

/// Finalizer that keeps the object of a pod until the record of its shutdown was read.
pub const SHUTDOWN_RECORD: &str = "pgctl.io/shutdown-record";

/// The database container of a pod.
pub const CONTAINER: &str = "postgres";
/// The claim template of the data volume.
pub const DATA_VOLUME: &str = "data";
/// The volume through which the start script reads the topology.
pub const TOPOLOGY_VOLUME: &str = "topology";
/// The port that PostgreSQL listens on.
pub const PORT: u16 = 5432;

/// Environment variable of the database container that names the superuser.
pub const ENV_USER: &str = "POSTGRES_USER";
/// Environment variable of the database container that holds the superuser's password.
pub const ENV_PASSWORD: &str = "POSTGRES_PASSWORD";
/// Environment variable of the database container that holds the password of the standbys' role.
pub const ENV_REPLICATION_PASSWORD: &str = "REPLICATION_PASSWORD";
/// The standbys' role (`deploy/base/scripts/start.sh`).
pub const REPLICATION_ROLE: &str = "replicator";
/// Value of [`NAME`] of a pooler's objects (`deploy/components/pooler`).
pub const NAME_POOLER: &str = "pgbouncer";
/// Value of [`COMPONENT`] of the pooler for writes.
pub const POOLER_WRITE: &str = "pooler";
/// Value of [`COMPONENT`] of the pooler for reads.
pub const POOLER_READ: &str = "pooler-read";
/// The container of a pooler's pod.
pub const POOLER_CONTAINER: &str = "pgbouncer";
/// Where the script lies in a pooler's pod that lets its clients wait (`deploy/components/pooler`).
pub const POOLER_HOLD: &str = "/etc/pooler/hold.sh";
/// The volume of a pooler's pod that is its Secret.
pub const POOLER_SECRET_VOLUME: &str = "passwords";
/// The role as which a pooler asks for the verifiers of others, and the schema of the function that it asks by.
pub const POOLER_ROLE: &str = "pgctl_pooler";
/// The user of PgBouncer's console.
pub const POOLER_ADMIN: &str = "pgctl_pooler_admin";
/// PgBouncer's own database: its console.
pub const POOLER_CONSOLE: &str = "pgbouncer";
/// Key of the password of [`POOLER_ROLE`] in the pooler's Secret.
pub const KEY_POOLER_PASSWORD: &str = "pooler-password";
/// Key of the password of [`POOLER_ADMIN`] in the pooler's Secret.
pub const KEY_POOLER_ADMIN: &str = "admin-password";
/// What Secrets of the manifests hold before somebody has given them passwords.
pub const PLACEHOLDER: &str = "replace-me-before-use";
/// The slot that holds the WAL that is not archived yet, and the name of whoever streams through it.
pub const WAL_SLOT: &str = "pgctl_wal_archive";
/// Key of the superuser's name when the pod template names none.
pub const KEY_USER: &str = "postgres-user";
/// Key of the superuser's password when the pod template names none.
pub const KEY_PASSWORD: &str = "postgres-password";
/// Ending of the key of a password that is to be set, beside the one that is.
pub const PASSWORD_NEXT: &str = "-next";
/// Ending of the key of the password that was set before, until nobody needs it any more.
pub const PASSWORD_PREVIOUS: &str = "-previous";
/// Annotation of a pod that makes the kubelet bring a changed Secret into it at once. Its value is of no meaning.
pub const PASSWORD_CHANGE: &str = "pgctl.io/password-change";
/// Where the passfile of the start script lies (`deploy/base/scripts/passwords.sh`).
pub const PASSFILE: &str = "/var/run/postgresql/pgpass";

/// What asks the start script to stay for a moment after PostgreSQL has stopped (`deploy/base/scripts/linger.sh`).
pub const LINGER_SCRIPT: &str = "/etc/postgresql/linger.sh";

/// Variable that says where the start script finds the server's certificate (`deploy/components/tls`); without it, it looks for none.
pub const ENV_CERTIFICATE: &str = "PG_TLS_DIR";
/// Variable by which a server demands encryption, and its standbys verify (`deploy/components/tls`).
pub const ENV_SSLMODE: &str = "PG_SSLMODE";
/// Key of the certificate in the Secret that is mounted there, as in every Secret of the type `kubernetes.io/tls`.
pub const KEY_CERTIFICATE: &str = "tls.crt";
/// Key of the certificate of who has signed it.
pub const KEY_AUTHORITY: &str = "ca.crt";

/// Where the start script says why it holds PostgreSQL back.
pub const WAIT_FILE: &str = "/var/run/postgresql/pgctl-wait";

// The keys of the topology ConfigMap: the recorded intent.

/// Key of the primary's pod name.
pub const TOPOLOGY_PRIMARY: &str = "primary";
/// Key of the term: a number that grows with each change of the primary.
pub const TOPOLOGY_TERM: &str = "term";
/// Key of the system identifier.
pub const TOPOLOGY_SYSTEM: &str = "system-identifier";
/// Key of how many standbys a commit waits for.
pub const TOPOLOGY_SYNCHRONOUS: &str = "synchronous-standbys";

/// Beginning of a key: a request for the pod of this name to throw its data away for a fresh copy.
const TOPOLOGY_CLONE: &str = "clone.";
/// Beginning of a key: the end of the pod of this name is not proven; its value are UIDs.
pub const TOPOLOGY_UNPROVEN: &str = "unproven.";

/// The name by which other pods know a pod, and its certificate does: that of a pod of a StatefulSet whose headless Service has the
/// StatefulSet's name (`address` in `deploy/base/scripts/peers.sh`).
pub fn address(namespace: &str, pod: &str) -> String {
    let set = pod.rsplit_once('-').map_or(pod, |(set, _)| set);
    format!("{pod}.{set}.{namespace}.svc")
}

/// Key under which the start script of a pod looks for a request to copy its data anew.
pub fn clone_key(pod: &str) -> String {
    format!("{TOPOLOGY_CLONE}{pod}")
}

/// Key that says that the end of a pod is not proven.
pub fn unproven_key(pod: &str) -> String {
    format!("{TOPOLOGY_UNPROVEN}{pod}")
}

/// Where the data lies in a pod whose container does not say (`PGDATA`), as in
/// `deploy/base/scripts/start.sh`.
pub const DEFAULT_PGDATA: &str = "/var/lib/postgresql/data/pgdata";
/// The variable of a container that says up to which ordinal its start script asks the pods of each StatefulSet.
pub const MAX_ORDINAL: &str = "PG_MAX_ORDINAL";
/// The ordinal of a container that does not say one, as in `deploy/base/scripts/start.sh`.
pub const DEFAULT_MAX_ORDINAL: u32 = 9;
/// What the name of a data directory begins with that a restore has kept. It lies beside the data.
pub const KEPT_DATA: &str = "pgdata.before-restore-";
