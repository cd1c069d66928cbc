# What people and CI run. `make run` and `make test` need a Rust toolchain and Node; whatever else
# they need they install, or say what is missing.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run release test check unit panel docs browser sdk api spaces bucket fuzz bench sbom audit tools

# Cargo's own check-ups, installed once into the project's cache.
TOOLS := $(CURDIR)/.cache/tools
export PATH := $(TOOLS)/bin:$(PATH)

help: ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: ## Build the gateway and start it in demo mode on port 10001
	@command -v cargo >/dev/null || { echo "Rust is missing: see https://rustup.rs"; exit 1; }
	@./tests/panel/build
	@./tests/docs/build
	cargo build --release --locked -p img-router
	IMG_ROUTER_DEMO=1 target/release/img-router serve

release: ## Build the release binary, with panel and documentation where Node is there
	@./tests/panel/build
	@./tests/docs/build
	cargo build --release --locked -p img-router

test: ## Run everything that CI runs
	@./tests/run

check: tools ## Formatting, lints, dependency rules, spelling
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --log-level error check bans licenses sources
	cargo machete
	typos

# Most tests wait for a gateway or a platform more than they work: two for each processor.
unit: ## Rust tests only
	cargo nextest run --workspace --locked --test-threads $$((2 * $$(nproc)))

panel: ## The panel's types, lints and unit tests; builds it into web/dist
	./tests/panel/run

docs: ## The documentation: builds it into docs/.vitepress/dist, follows its links
	./tests/docs/run

browser: panel ## The panel in a real browser, against the real binary
	cargo build --locked -p img-router -p ir-sim
	./tests/browser/run

sdk: ## The official OpenAI clients against the real binary
	cargo build --locked -p img-router -p ir-sim
	./tests/sdk/run

api: ## What /openapi.json tells, held against the real binary (schemathesis)
	cargo build --locked -p img-router -p ir-sim
	./tests/api/run

bucket: ## Copies to an S3 server that checks signatures, by the real binary
	cargo build --locked -p img-router
	./tests/s3/run

spaces: ## HuggingFace Spaces on real Gradio servers of three versions
	cargo build --locked -p img-router
	./tests/gradio/run

fuzz: ## Fuzz targets with libFuzzer, FUZZ_SECONDS each (10), see fuzz/README.md
	./fuzz/run

bench: ## Memory, throughput and added latency, beside nginx
	./bench/run.sh

sbom: ## Bills of materials (CycloneDX) of binary, panel and documentation, in target/sbom
	@./tests/tools $(TOOLS) sbom
	@./tests/sbom

audit: tools ## Known flaws of all dependencies; needs the internet for their databases
	cargo deny --log-level error check advisories
	npm audit --prefix web --omit=dev
	npm audit --prefix docs --omit=dev

tools:
	@./tests/tools $(TOOLS)
