//! Day-2 operations for a PostgreSQL primary/replica cluster on Kubernetes.
