# The front doors. Each installs what it needs from Debian when it is missing.

CARGO ?= cargo
export PGCTL_BIN_DIR := $(or $(CARGO_TARGET_DIR),target)/debug
# Most of a test is waiting for clusters.
TEST_THREADS ?= 4
# Servers and scripts that tests start themselves inherit which signals are ignored, and a shell ignores some for what it runs in the
# background. (Containers of the sandbox do not.)
AS_ON_A_TERMINAL = env --default-signal=INT,QUIT
WITH_FAILPOINTS = --workspace --features pgctl/failpoints
SCRIPTS = examples/runbooks/*.sh xtask/deny.sh xtask/packages.sh xtask/image.sh xtask/book.sh sandbox/requirements.sh sandbox/common.sh sandbox/demo.sh sandbox/bench.sh sandbox/bench-looking.sh sandbox/bench-pooler.sh sandbox/bench-backup.sh deploy/base/scripts/*.sh deploy/components/*/scripts/*.sh completions/pgctl.bash completions/kubectl_complete-pgctl

.PHONY: help demo sandbox build test test-fast test-long lint bench docs book packages version

help: ## What there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## What it is for, in a minute: status, a switchover under load, a verified backup, a look back (STEP=status|switchover|failover|backup for one)
	@sandbox/requirements.sh
	@$(CARGO) build --quiet --package pgctl --package pgctl-sandbox
	@sandbox/demo.sh $(STEP)

sandbox: ## Start a cluster of three and leave it running
	@sandbox/requirements.sh
	@$(CARGO) build --quiet --package pgctl --package pgctl-sandbox
	@$(PGCTL_BIN_DIR)/pgctl-sandbox up --name demo

build: ## What the tests run
	@sandbox/requirements.sh --tests
	$(CARGO) build --all-targets $(WITH_FAILPOINTS)

test: build ## Everything: unit tests, the start script, the sandbox, end to end, generated files fresh
	PGCTL_TEST_WITHOUT="$${PGCTL_TEST_WITHOUT-$$(sandbox/requirements.sh --lacking)}" RUST_TEST_THREADS=$(TEST_THREADS) \
		$(AS_ON_A_TERMINAL) $(CARGO) test $(WITH_FAILPOINTS)
	$(CARGO) xtask generate --check

test-fast: ## What needs no cluster: the decisions, the screens, the rooms, the commands in the documents
	$(CARGO) test --package pgctl-model --package pgctl --lib --test architecture --test advice

test-long: ## What takes hours: every kill and every trouble at every step, a hundred broken backups and uploads, every driver
	@sandbox/requirements.sh --drivers
	PGCTL_TEST_WITHOUT="$${PGCTL_TEST_WITHOUT-$$(sandbox/requirements.sh --lacking)}" \
		$(AS_ON_A_TERMINAL) $(CARGO) test --features failpoints --no-fail-fast --test failover --test scale --test restore --test backup -- --ignored
	PGCTL_TEST_WITHOUT="$${PGCTL_TEST_WITHOUT-$$(sandbox/requirements.sh --lacking)}" \
		$(AS_ON_A_TERMINAL) $(CARGO) test --features failpoints --test failover applications::

lint: ## Formatting, clippy, rustdoc, shellcheck, the dependencies' licences and known weaknesses
	@sandbox/requirements.sh --lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet
	shellcheck --external-sources $(SCRIPTS)
	@CARGO='$(CARGO)' xtask/deny.sh

bench: ## Measure pgctl status, start time, switchovers, looking, and backups of 1 GB against kubectl exec
	@sandbox/requirements.sh
	@$(CARGO) build --quiet --release --package pgctl --package pgctl-sandbox
	@PGCTL_BIN_DIR=$(or $(CARGO_TARGET_DIR),target)/release sandbox/bench.sh
	@PGCTL_BIN_DIR=$(or $(CARGO_TARGET_DIR),target)/release sandbox/bench-looking.sh
	@PGCTL_BIN_DIR=$(or $(CARGO_TARGET_DIR),target)/release sandbox/bench-pooler.sh
	@PGCTL_BIN_DIR=$(or $(CARGO_TARGET_DIR),target)/release sandbox/bench-backup.sh

docs: ## Generate completions, man pages, the command reference and the rendered manifests
	$(CARGO) xtask generate

book: ## The documents as a book, in target/book: begin at index.html
	@CARGO='$(CARGO)' xtask/book.sh

packages: ## What a release consists of, in target/packages: a static program, .deb, image, SBOM, SHA256SUMS
	@CARGO='$(CARGO)' xtask/packages.sh

version: ## Set the version of the release, and its day, in every place that has it (VERSION=1.2.3)
	@test -n '$(VERSION)' || { echo 'Which one? make version VERSION=1.2.3' >&2; exit 2; }
	$(CARGO) xtask version '$(VERSION)' --released "$$(date -u +%F)"
	$(CARGO) xtask generate
