//! Single objects in a bucket.

use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _};

use super::bucket::Bucket;
use super::reading::ObjectReader;
use super::waiting::Waiting;
use crate::backup::store::objects::plain_path;
use crate::backup::store::{Objects, StoreError, StoredObject};

/// The objects below a prefix.
pub(super) struct BucketObjects(pub(super) Arc<Bucket>);

impl BucketObjects {
    fn path(&self, path: &str) -> Result<Path, StoreError> {
        let parts = plain_path(path)?.split('/');
        Ok(parts.fold(self.0.prefix.clone(), |path, part| path.join(part)))
    }
}

impl Objects for BucketObjects {
    fn list(&self, folder: &str) -> Result<Vec<StoredObject>, StoreError> {
        let folder = self.path(folder)?;
        let found = self.0.runtime.block_on(self.0.objects(&folder))?;
        let mut objects = Vec::with_capacity(found.len());
        for object in found {
            let below = object.location.as_ref().strip_prefix(folder.as_ref());
            let Some(path) = below.and_then(|it| it.strip_prefix('/')) else {
                continue;
            };
            let written = Timestamp::from_millisecond(object.last_modified.timestamp_millis())
                .map_err(|error| StoreError::Settings(error.to_string()))?;
            objects.push(StoredObject {
                path: path.to_owned(),
                bytes: object.size,
                written,
            });
        }
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.path(folder)?;
        let listing = self.0.client.list_with_delimiter(Some(&folder));
        let found = self
            .0
            .runtime
            .block_on(listing)
            .map_err(|error| self.0.error(&format!("listing {folder}"), error))?;
        let names = found.common_prefixes.iter().filter_map(Path::filename);
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn written(&self, path: &str) -> Result<Option<Timestamp>, StoreError> {
        let object = self.path(path)?;
        let looking = self.0.client.head(&object);
        match self.0.runtime.block_on(looking) {
            Ok(found) => Timestamp::from_millisecond(found.last_modified.timestamp_millis())
                .map(Some)
                .map_err(|error| StoreError::Settings(error.to_string())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.0.error(&format!("looking at {object}"), error)),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let object = self.path(path)?;
        Ok(Box::new(ObjectReader::open(Arc::clone(&self.0), object)?))
    }

    fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let object = self.path(path)?;
        // Whoever writes single objects knows himself how long to try.
        let put = self.0.put(&object, bytes, Waiting::not());
        self.0.runtime.block_on(put)
    }

    fn remove(&self, path: &str) -> Result<(), StoreError> {
        let object = self.path(path)?;
        self.0.runtime.block_on(self.0.delete(&object))
    }

    fn sweep(&self, _folder: &str) -> Result<(), StoreError> {
        // An upload that was not completed is no object; the bucket's lifecycle rule ends those.
        Ok(())
    }
}
