//! Which objects belong to an owner: adopts orphans that fit, lets go of those that do not fit any more
//! (pkg/controller/controller_ref_manager.go).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::owner;
use crate::store::{Selector, Store, StoreError, Stored};

/// Those of a kind that the owner has, after adopting and letting go. `fits` looks at labels, and at names where they count.
pub(super) fn claim<O, D>(
    store: &Store,
    owner: &ObjectMeta,
    fits: impl Fn(&ObjectMeta) -> bool,
) -> Result<Vec<D>, StoreError>
where
    O: k8s_openapi::Resource,
    D: Stored,
{
    let namespace = owner.namespace.as_deref().unwrap_or("");
    let mut mine = Vec::new();
    for object in store
        .read_all::<D>(Some(namespace), &Selector::everything())?
        .items
    {
        let meta = object.metadata();
        let name = meta.name.clone().unwrap_or_default();
        let fits = fits(meta);
        let deleting = meta.deletion_timestamp.is_some() || owner.deletion_timestamp.is_some();
        if owner::controls(owner, meta) {
            if fits || deleting {
                mine.push(object);
            } else {
                store.modify::<D>(namespace, &name, |object| {
                    if let Some(owners) = &mut object.metadata_mut().owner_references {
                        owners.retain(|reference| Some(&reference.uid) != owner.uid.as_ref());
                    }
                })?;
            }
        } else if fits && !deleting && owner::controller(meta).is_none() {
            let reference = owner::reference::<O>(owner);
            mine.push(store.modify::<D>(namespace, &name, |object| {
                if owner::controller(object.metadata()).is_none() {
                    let owners = object
                        .metadata_mut()
                        .owner_references
                        .get_or_insert_default();
                    owners.push(reference.clone());
                }
            })?);
        }
    }
    mine.retain(|object| owner::controls(owner, object.metadata()));
    Ok(mine)
}
