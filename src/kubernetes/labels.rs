//! Labels, annotations and names by which the objects of a cluster are known. Their only home.

/// What the pods run; with the value [`NAME_POSTGRES`] it marks every object of a cluster.
pub const NAME: &str = "app.kubernetes.io/name";
/// Value of [`NAME`].
pub const NAME_POSTGRES: &str = "postgres";
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

/// The topology term that a pod was last annotated with.
pub const TERM: &str = "pgctl.io/term";
/// Every annotation of pgctl begins with this.
pub const PGCTL_PREFIX: &str = "pgctl.io/";

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
/// Key of the superuser's name when the pod template names none.
pub const KEY_USER: &str = "postgres-user";
/// Key of the superuser's password when the pod template names none.
pub const KEY_PASSWORD: &str = "postgres-password";

/// Where the start script says why it holds PostgreSQL back.
pub const WAIT_FILE: &str = "/var/run/postgresql/pgctl-wait";
