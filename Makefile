# `make` prints what there is. Every target installs what it needs first; the first time takes about ten minutes.
SHELL := bash
, := ,
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

WORKER_BUILD := 0.8.7
# As in Cargo.toml: the tool and the library must be one version.
WASM_BINDGEN := 0.2.129
CARGO_FUZZ := 0.13.2
# Builds the WASM, and nothing else; see scripts/build-wasm.
export NIGHTLY := nightly-2026-05-20

# No questions, no telemetry, nothing fetched that a run does not need.
export WRANGLER_SEND_METRICS := false
export CLOUDFLARE_CF_FETCH_ENABLED := false
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

.PHONY: dev
dev: build ## Transom on http://127.0.0.1:8787 with a backend that prints what arrives; Ctrl-C ends it
	@scripts/local dev

.PHONY: say
say: ## While `make dev` runs: a message as a customer sends it (make say TEXT="hola")
	@scripts/local say "$${TEXT:-hola}"
# As it is written: make would take `$50` for a variable.
say: override export TEXT := $(value TEXT)

.PHONY: demo
demo: build ## A customer's message travels to a backend and an answer back, told step by step
	@scripts/local demo

.PHONY: test
test: lint ## Everything that must hold: lint, native tests, the built WASM in the real runtime (some five minutes when warm)
	$(call say,Native tests)
	cargo test --workspace --lib --bins --examples
	cargo test --workspace --doc
	$(MAKE) --no-print-directory wasm
	$(call say,Deploying$(,) but not really)
	scripts/variables
	wrangler deploy --dry-run
	$(call say,End-to-end tests: the WASM in workerd)
	cargo test --workspace --test '*'

.PHONY: torture
torture: build/index.js ## Break whatever can break around it, and count what was lost: about 14 minutes (a short form is in `make test`)
	$(call say,Torture)
	TORTURE=long cargo test --test torture -- --nocapture --test-threads 1

.PHONY: lint
lint: tools ## Formatting, clippy for host and WASM, and licences where cargo-deny is installed
	$(call say,Formatting and lints)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --lib --target wasm32-unknown-unknown --features panic-routes,bench-routes -- -D warnings
	@# Advisories need the network: cargo deny check
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
		else echo "cargo-deny is not installed, so licences are not checked: cargo install --locked cargo-deny"; fi

.PHONY: fuzz
fuzz: .tools/cargo-fuzz-$(CARGO_FUZZ)-stamp ## Look for a body that breaks something (10 minutes a target; FOR=60 make fuzz: one)
	scripts/fuzz "$${FOR:-600}"

.PHONY: fmt
fmt: tools ## Format all Rust
	cargo fmt --all

.PHONY: deploy
deploy: tools ## Put it on Cloudflare (README.md says what to set first)
	scripts/variables
	@if grep -q 'not authenticated' <<<"$$(wrangler whoami 2>&1)"; then \
		echo "Not logged in at Cloudflare. Run \`npx wrangler login\`, or set CLOUDFLARE_API_TOKEN, and try again." >&2; \
		exit 1; \
	fi
	wrangler deploy # which builds it, as wrangler.toml says

# What the WASM is made from, and by: the versions of the tools stand here and in package-lock.json. The directories count
# too, so that a deleted file is noticed.
SOURCES := $(shell find src scripts/nightly) Cargo.toml Cargo.lock Makefile package-lock.json scripts/build-wasm

.PHONY: build
build: build/index.js ## The Worker as it is deployed, into build/ (1 to 3 minutes; some seconds after a change)

build/index.js: $(SOURCES) | tools
	$(call say,Building the WASM: 1 to 3 minutes the first time)
	scripts/build-wasm build

.PHONY: wasm
wasm: build/index.js build-panic/index.js ## Both builds that the end-to-end tests run

# The same Worker with the routes that panic on purpose, for the tests.
build-panic/index.js: $(SOURCES) | tools
	$(call say,Building the WASM with the routes that panic on purpose)
	scripts/build-wasm build-panic --features panic-routes

build-bench/index.js: $(SOURCES) | tools
	$(call say,Building the WASM with the route that stores nothing)
	scripts/build-wasm build-bench --features bench-routes

.PHONY: bench
bench: build/index.js build-bench/index.js ## Measure, beside the alternatives: 8 minutes, into docs/performance.md (BENCH_SECONDS=0.2 for a quick look)
	$(call say,Measuring)
	cargo run --release --quiet -p bench --bin bench

# --- tools: each stamp is a file named by version, so that a new version is installed and an old one is kept

.PHONY: tools
tools: ## Install what the others need; they do it themselves (about 8 minutes on a bare machine)
tools: .tools/rust-stamp .tools/$(NIGHTLY)-stamp .tools/worker-build-$(WORKER_BUILD)-stamp \
	.tools/wasm-bindgen-$(WASM_BINDGEN)-stamp node_modules/.package-lock.json

.tools/rust-stamp: rust-toolchain.toml
	@command -v rustup >/dev/null || { echo "Rust is missing: install rustup from https://rustup.rs and run make again." >&2; exit 1; }
	$(call say,Looking for the Rust of rust-toolchain.toml: half a minute if it is not there)
	rustc --version
	@installed=$$(rustup component list --installed); \
	for part in clippy rustfmt rust-std-wasm32-unknown-unknown; do \
		grep -q "^$$part" <<<"$$installed" || rustup component add "$$part"; done
	@mkdir -p .tools && touch $@

.tools/$(NIGHTLY)-stamp: | .tools/rust-stamp
	$(call say,Looking for Rust $(NIGHTLY): half a minute if it is not there)
	@installed=$$(rustup component list --toolchain $(NIGHTLY) --installed 2>/dev/null || true); \
	grep -q '^rust-src' <<<"$$installed" && grep -q '^rust-std-wasm32' <<<"$$installed" || \
		rustup toolchain install $(NIGHTLY) --profile minimal -c rust-src -t wasm32-unknown-unknown
	@mkdir -p .tools && touch $@

.tools/worker-build-$(WORKER_BUILD)-stamp: | .tools/rust-stamp
	$(call say,Looking for worker-build $(WORKER_BUILD): 2 to 3 minutes if it is not there)
	@cargo install --quiet --locked --version $(WORKER_BUILD) --root .tools worker-build || \
		{ echo "If it is those that are missing: on Linux, worker-build needs OpenSSL's headers and pkg-config, apt install libssl-dev pkg-config" >&2; exit 1; }
	@touch $@

.tools/wasm-bindgen-$(WASM_BINDGEN)-stamp: | .tools/rust-stamp
	$(call say,Looking for wasm-bindgen $(WASM_BINDGEN): 2 minutes if it is not there)
	cargo install --quiet --locked --version $(WASM_BINDGEN) --root .tools wasm-bindgen-cli
	@touch $@

.tools/cargo-fuzz-$(CARGO_FUZZ)-stamp: | .tools/$(NIGHTLY)-stamp
	$(call say,Looking for cargo-fuzz $(CARGO_FUZZ): 1 minute if it is not there)
	cargo install --quiet --locked --version $(CARGO_FUZZ) --root .tools cargo-fuzz
	@touch $@

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js from https://nodejs.org and run make again." >&2; exit 1; }
	$(call say,Installing wrangler and its kin into node_modules: half a minute)
	npm ci --no-progress --loglevel=error
	@touch $@
