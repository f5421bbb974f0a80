#!/bin/sh
# Makes what a release consists of, in target/packages, for the processor of this machine: a program that is linked to nothing, with
# its man pages and completions (.tar.gz), the same as a package of Debian's (.deb), as an image (.oci.tar, xtask/image.sh), what it
# was made of (an SBOM in CycloneDX), and the SHA256SUMS of all of them. Then it looks at what it has made: whether it runs where there
# is nothing else, and whether other tools can read it. What it needs it brings into target/tools, without root. docs/release.md
set -eu
umask 022
cd "$(dirname "$0")/.."

fail() {
    echo "$*" >&2
    exit 1
}
for tool in git tar gzip sha256sum dpkg-deb bwrap; do
    command -v "$tool" >/dev/null || fail "$tool is missing. Of Debian's packages it takes: git tar gzip coreutils dpkg bubblewrap gcc musl-tools ca-certificates"
done

cargo=${CARGO:-cargo}
here=$(pwd)
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
tools=$folder/tools
packages=$folder/packages
work=$(mktemp -d)
trap 'rm -rf "$work"; rm -f "$here"/pgctl-sbom.json "$here"/*/pgctl-sbom.json' EXIT
trap 'exit 130' INT TERM HUP
PATH=$tools/bin:$PATH
export PATH

# musl, and not glibc: a static glibc still loads what the machine's nsswitch.conf names (mDNS, systemd, LDAP) into itself, made
# for another glibc, and ends where that does not fit. musl reads /etc/hosts and /etc/resolv.conf, as kubectl does.
processor=$(rustc -vV | sed -n 's/^host: \([^-]*\)-.*/\1/p')
target=$processor-unknown-linux-musl
case $processor in
x86_64) debian=amd64 ;;
aarch64) debian=arm64 ;;
*) fail "Packages are made for x86_64 and aarch64 only, and this is $processor." ;;
esac

# From 1.93 on its musl asks for a name once more when the answer is too long for one packet.
minor=$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
[ "${minor:-0}" -ge 93 ] || fail "Packages take Rust 1.93 or newer, and this is $(rustc --version)."
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    rustup target add "$target" >&2 || fail "Rust's library for $target is missing, and could not be fetched: rustup target add $target"
fi

# What is not Rust (ring, zstd) takes a C compiler that knows musl. Debian's, unpacked and not installed.
if ! command -v musl-gcc >/dev/null; then
    echo "Unpacking Debian's musl-tools into $tools" >&2
    mkdir -p "$tools/bin" "$tools/musl"
    (cd "$work" && apt-get download musl-dev musl-tools >&2) || fail "musl-gcc is missing, and could not be fetched: apt-get update && apt-get install musl-tools"
    for package in "$work"/musl-*.deb; do
        dpkg-deb --extract "$package" "$tools/musl"
    done
    rm -f "$work"/musl-*.deb
    for specs in "$tools"/musl/usr/lib/*/musl-gcc.specs; do
        sed -i -e "s|/usr/lib/$processor-linux-musl|$tools/musl&|g" -e "s|/usr/include/$processor-linux-musl|$tools/musl&|g" "$specs"
        printf '#!/bin/sh\nexec gcc "$@" -specs "%s"\n' "$specs" >"$tools/bin/musl-gcc"
    done
    chmod 755 "$tools/bin/musl-gcc"
fi

cyclonedx=0.5.9
if ! cargo-cyclonedx cyclonedx --version 2>/dev/null | grep -qwF "$cyclonedx"; then
    echo "Building cargo-cyclonedx $cyclonedx into $tools" >&2
    # It runs for seconds: optimizing it would take longer.
    "$cargo" install --quiet --debug --locked --root "$tools" "cargo-cyclonedx@$cyclonedx"
fi

version=$("$cargo" pkgid --package pgctl | sed 's/.*[#@]//')
commit=$(git rev-parse --short=12 HEAD)
if [ -n "$(git status --porcelain)" ]; then
    echo "There are changes that are not committed: these packages are for trying, and no release." >&2
    commit=$commit-changed
fi
# What is packed from the same sources is the same.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH PGCTL_COMMIT="$commit"
name=pgctl-$version-$processor-linux

# Where it was built is nobody's business, and would make each of them another one. The last that fits counts. And who aborts has no
# use for tables that say how to unwind: they are a tenth of it.
flags=$(printf -- '--remap-path-prefix=%s=%s\037' "$here" /pgctl "$folder" /target "${CARGO_HOME:-$HOME/.cargo}" /cargo)
CARGO_ENCODED_RUSTFLAGS=${flags}-Cforce-unwind-tables=no CFLAGS="-ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    "$cargo" build --quiet --locked --release --target "$target" --package pgctl
program=$folder/$target/release/pgctl

rm -rf "$packages"
mkdir -p "$packages" "$work/$name" "$work/deb/DEBIAN"

pack() { # pack FILE FOLDER NAME...: the same bytes, whoever packs them, whenever
    file=$1
    shift
    tar --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -C "$@" -cf - | gzip -n9 >"$file"
}

cp -r "$program" README.md CHANGELOG.md SECURITY.md completions docs/man "$work/$name/"
pack "$packages/$name.tar.gz" "$work" "$name"

deb=$work/deb
install -D -m 755 "$program" "$deb/usr/bin/pgctl"
ln -s pgctl "$deb/usr/bin/kubectl-pgctl"
install -D -m 755 completions/kubectl_complete-pgctl "$deb/usr/bin/kubectl_complete-pgctl"
install -D -m 644 completions/pgctl.bash "$deb/usr/share/bash-completion/completions/pgctl"
install -D -m 644 completions/_pgctl "$deb/usr/share/zsh/vendor-completions/_pgctl"
install -D -m 644 completions/pgctl.fish "$deb/usr/share/fish/vendor_completions.d/pgctl.fish"
install -D -m 644 README.md "$deb/usr/share/doc/pgctl/README.md"
install -D -m 644 CHANGELOG.md "$deb/usr/share/doc/pgctl/changelog"
gzip -n9 "$deb/usr/share/doc/pgctl/changelog"
install -D -m 644 -t "$deb/usr/share/man/man1" docs/man/*.1
gzip -n9 "$deb"/usr/share/man/man1/*.1
cat >"$deb/usr/share/doc/pgctl/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: pgctl

Files: *
Copyright: the authors of pgctl
License: MIT or Apache-2.0
 On Debian systems the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.
 The licences of what it was built from are in the SBOM beside this package.
END
cat >"$deb/DEBIAN/control" <<END
Package: pgctl
Version: $version
Architecture: $debian
Maintainer: the maintainers of pgctl <pgctl@localhost>
Section: database
Priority: optional
Installed-Size: $(find "$deb/usr" -type f -printf '%s\n' | awk '{ bytes += $1 } END { print int(bytes / 1024) + 1 }')
Recommends: ca-certificates, postgresql-client
Description: day-2 operations for a PostgreSQL primary/replica cluster on Kubernetes
 Says in one line whether the cluster is healthy and what to type if not, takes
 backups that are known to be whole, and runs a guided failover that never makes
 two writable primaries. Linked to nothing; also a plugin of kubectl.
END
# With more threads the bytes depend on how many there were.
dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$deb" "$packages/pgctl_${version}_$debian.deb" >/dev/null

xtask/image.sh "$program" "$version" "$debian" "$packages/$name.oci.tar"

# It writes one beside the manifest of each package of the workspace; and where that lies into it.
cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --override-filename pgctl-sbom
sed "s|$here|/pgctl|g" pgctl-sbom.json >"$packages/$name.cdx.json"

(cd "$packages" && sha256sum -- * >SHA256SUMS)

# --- What has been made ---
(cd "$packages" && sha256sum --check --quiet SHA256SUMS)
root=$work/root
mkdir -p "$root/etc"
tar -C "$root" -xzf "$packages/$name.tar.gz" --strip-components=1
dpkg-deb --extract "$packages/pgctl_${version}_$debian.deb" "$root/deb"
cmp "$root/deb/usr/bin/pgctl" "$program"
grep -q '"bomFormat": *"CycloneDX"' "$packages/$name.cdx.json"
if LC_ALL=C grep -qaF -e "$here/" -e "${CARGO_HOME:-$HOME/.cargo}/" "$packages/$name.cdx.json" "$program"; then
    fail "What was packed says where it was built."
fi
if bwrap --unshare-user --ro-bind / / true 2>/dev/null; then
    # An empty root: no loader, no library, nothing.
    bwrap --unshare-user --bind "$root" / /pgctl version --client
    # Names come from the two files that every machine has.
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    echo '127.0.0.1 api.pgctl.test' >"$root/etc/hosts"
    echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
    cat >"$root/config" <<END
{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}], "users": [{"name": "x", "user": {}}],
 "clusters": [{"name": "x", "cluster": {"server": "http://api.pgctl.test:1"}}]}
END
    # In a network of its own, so that nobody listens there.
    bwrap --unshare-user --unshare-net --bind "$root" / /pgctl --kubeconfig /config status 2>"$work/said" || true
    grep -q 'Connection refused' "$work/said" || fail "In an empty root it does not find a name of /etc/hosts: $(cat "$work/said")"
else
    echo "Not tried in an empty root: bubblewrap may not make namespaces here." >&2
fi
if command -v skopeo >/dev/null; then
    # It compares every digest on the way.
    skopeo copy --quiet "oci-archive:$packages/$name.oci.tar" "dir:$work/image"
else
    echo "The image was not read by another tool: skopeo is not here." >&2
fi
bytes=$(wc -c <"$program")
[ "$bytes" -lt 15000000 ] || echo "The program has $bytes bytes, and should have less than 15,000,000." >&2
ls -l "$packages"
