# Says what there is to take a backup with. POSIX sh, run as: sh -c SCRIPT pgctl
printf 'machine %s\n' "$(uname -m)"
for tool in pg_dump pg_dumpall pg_basebackup; do
  version=$("$tool" --version 2>/dev/null) && printf 'tool %s %s\n' "$tool" "$version"
done
for tool in zstd gzip sha256sum mkfifo mktemp tee wc env; do
  command -v "$tool" >/dev/null 2>&1 && printf 'has %s\n' "$tool"
done
exit 0
