#!/bin/sh
# Makes an image (an archive in OCI's layout, as `docker load`, `podman load` and `skopeo copy oci-archive:…` take it) without an
# engine and without a base image: the program, the certificates of the public authorities as this machine has them, and a user who is
# nobody in particular. As what deploy/image/Dockerfile makes on distroless. What is packed from the same files is the same.
# Usage: image.sh PROGRAM VERSION amd64|arm64 FILE     (SOURCE_DATE_EPOCH: the time of everything in it)
set -eu
umask 022
program=$1 version=$2 architecture=$3 file=$4
time=${SOURCE_DATE_EPOCH:-0}
created=$(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ)
certificates=/etc/ssl/certs/ca-certificates.crt
if [ ! -s "$certificates" ]; then
    echo "$certificates is not here, and the image needs it for buckets: apt-get install ca-certificates" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root
mkdir -p "$root/home/nonroot" "$root/tmp" "$root/etc/ssl/certs" "$root/usr/local/bin"
install -m 755 "$program" "$root/usr/local/bin/pgctl"
install -m 644 "$certificates" "$root$certificates"
echo 'root:x:0:0:root:/root:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
nonroot:x:65532:' >"$root/etc/group"

layer=$work/layer.tar
add() { # add OWNER MODE NAME...
    owner=$1 mode=$2
    shift 2
    tar --sort=name --format=ustar --owner="$owner" --group="$owner" --numeric-owner --mode="$mode" --mtime="@$time" --no-recursion \
        -C "$root" -rf "$layer" "$@"
}
add 0 755 etc etc/ssl etc/ssl/certs home usr usr/local usr/local/bin usr/local/bin/pgctl
add 0 644 etc/passwd etc/group "${certificates#/}"
add 0 1777 tmp
add 65532 700 home/nonroot

blobs=$work/oci/blobs/sha256
mkdir -p "$blobs"
put() { # put FILE: into the archive, by what it holds; its digest and size in `digest` and `size`
    digest=$(sha256sum "$1" | cut -d ' ' -f 1)
    size=$(wc -c <"$1")
    mv "$1" "$blobs/$digest"
}
content=$(sha256sum "$layer" | cut -d ' ' -f 1)
gzip -n9 "$layer"
put "$layer.gz"
layer_digest=$digest layer_size=$size

cat >"$work/config" <<END
{"created":"$created","architecture":"$architecture","os":"linux","config":{"User":"65532:65532","Entrypoint":["pgctl"],"WorkingDir":"/home/nonroot","Env":["PATH=/usr/local/bin","HOME=/home/nonroot","SSL_CERT_FILE=$certificates"],"Labels":{"org.opencontainers.image.title":"pgctl","org.opencontainers.image.version":"$version","org.opencontainers.image.revision":"${PGCTL_COMMIT:-}","org.opencontainers.image.licenses":"MIT OR Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:$content"]},"history":[{"created":"$created","created_by":"xtask/image.sh"}]}
END
put "$work/config"
cat >"$work/manifest" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$digest","size":$size},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer_digest","size":$layer_size}]}
END
put "$work/manifest"
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
cat >"$work/oci/index.json" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$digest","size":$size,"platform":{"architecture":"$architecture","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"$version","io.containerd.image.name":"pgctl:$version"}}]}
END
tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$time" -C "$work/oci" -cf "$file" .
