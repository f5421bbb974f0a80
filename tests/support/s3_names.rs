//! `s3s-fs` writes what it knows of an object into a file that has the object's whole key in its name, base64 of it: no
//! longer than a file's name can be. S3 allows keys of 1,024 bytes, and the names of archived WAL use more than that leaves.
//! This stands before it and gives it shorter ones; clients see their own. It also says of a bucket that is not there what S3
//! says, and not that the server is broken.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

/// Longer parts of a key, between slashes, are shortened.
const LONG: usize = 80;
/// What is kept of them: what they are sorted by.
const KEPT: usize = 44;

pub(crate) struct ShortNames {
    files: FileSystem,
    /// Where its buckets lie.
    folder: PathBuf,
    /// Short to long.
    long: Mutex<HashMap<String, String>>,
}

impl ShortNames {
    pub(crate) fn before(files: FileSystem, folder: &Path) -> Self {
        Self {
            files,
            folder: folder.to_owned(),
            long: Mutex::default(),
        }
    }

    fn has(&self, bucket: &str) -> S3Result<()> {
        match self.folder.join(bucket).is_dir() {
            true => Ok(()),
            false => Err(s3_error!(NoSuchBucket)),
        }
    }

    fn short(&self, key: &str) -> String {
        let part = |part: &str| match part.get(..KEPT) {
            Some(kept) if part.len() > LONG => {
                let mut hasher = std::hash::DefaultHasher::new();
                part.hash(&mut hasher);
                let short = format!("{kept}~{:016x}", hasher.finish());
                let mut long = self.long.lock().unwrap_or_else(PoisonError::into_inner);
                long.insert(short.clone(), part.to_owned());
                short
            }
            _ => part.to_owned(),
        };
        key.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    fn long(&self, key: &str) -> String {
        let long = self.long.lock().unwrap_or_else(PoisonError::into_inner);
        let part = |part| long.get(part).map_or(part, String::as_str);
        key.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

/// Requests about one object.
macro_rules! of_one_object {
    ($($name:ident: $input:ty => $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for ShortNames {
            $(async fn $name(&self, mut request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.has(&request.input.bucket)?;
                request.input.key = self.short(&request.input.key);
                self.files.$name(request).await
            })*

            async fn head_bucket(
                &self,
                request: S3Request<HeadBucketInput>,
            ) -> S3Result<S3Response<HeadBucketOutput>> {
                self.files.head_bucket(request).await
            }

            async fn delete_objects(
                &self,
                mut request: S3Request<DeleteObjectsInput>,
            ) -> S3Result<S3Response<DeleteObjectsOutput>> {
                for object in &mut request.input.delete.objects {
                    object.key = self.short(&object.key);
                }
                let mut answer = self.files.delete_objects(request).await?;
                for object in answer.output.deleted.iter_mut().flatten() {
                    object.key = object.key.take().map(|key| self.long(&key));
                }
                Ok(answer)
            }

            async fn list_objects_v2(
                &self,
                mut request: S3Request<ListObjectsV2Input>,
            ) -> S3Result<S3Response<ListObjectsV2Output>> {
                let input = &mut request.input;
                for key in [&mut input.prefix, &mut input.start_after].into_iter().flatten() {
                    *key = self.short(key);
                }
                let mut answer = self.files.list_objects_v2(request).await?;
                for object in answer.output.contents.iter_mut().flatten() {
                    object.key = object.key.take().map(|key| self.long(&key));
                }
                Ok(answer)
            }
        }
    };
}

of_one_object! {
    put_object: PutObjectInput => PutObjectOutput;
    get_object: GetObjectInput => GetObjectOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    delete_object: DeleteObjectInput => DeleteObjectOutput;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    upload_part: UploadPartInput => UploadPartOutput;
    list_parts: ListPartsInput => ListPartsOutput;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
}
