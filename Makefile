# Two commands do everything: `make demo` and `make test`. Each sets up what is missing first.
#
# Every cargo step is over the whole workspace with one profile and the same flags, so that nothing heavy is built twice.

export PATH := $(PATH):$(HOME)/.cargo/bin
target := $(or $(CARGO_TARGET_DIR),target)
examples := $(patsubst examples/%.rs,%,$(wildcard examples/*.rs))
benches := $(patsubst benches/%.rs,%,$(wildcard benches/*.rs))

.PHONY: help demo build test test-wgpu check-train check-lean soak bench setup

help:
	@echo 'make demo    set up, build, take in a sample history, show what is remembered and how it changes'
	@echo 'make test    format, lints, all tests, doc tests, examples, documentation; what CI runs'
	@echo 'make test-wgpu  encoders on a graphics device, Vulkan in software if there is no other; CI runs it too'
	@echo 'make check-train  the program that trains the heads still compiles; CI runs it too'
	@echo 'make check-lean  the command line without the feed of Kafka still compiles; CI runs it too'
	@echo 'make soak    eight platforms for SECONDS=3600, then in a storm for as long: latency, memory, everything once'
	@echo 'make bench   every figure of the README; arguments for one: cargo bench --profile dev --bench NAME -- ARGS'
	@echo 'make build   the command line, in $(target)/debug/nexus'
	@echo 'make setup   check what a build needs, install what is missing'

setup:
	@scripts/setup

build: setup
	cargo build --workspace --bins

demo: build
	@NEXUS=$(target)/debug/nexus scripts/demo

test: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace
	@for name in $(examples); do echo "example $$name"; $(target)/debug/examples/$$name >/dev/null || exit 1; done
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --lib

# Vulkan in software, whatever else the machine has: what it computes does not depend on the machine.
test-wgpu: setup
	@scripts/setup vulkan
	VK_ICD_FILENAMES=$$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -1) XDG_RUNTIME_DIR=$${XDG_RUNTIME_DIR:-/tmp} \
		cargo test -p nexus-inference --features wgpu --lib --test it -- wgpu

# The program that trains the heads builds with features that nothing else wants.
check-train: setup
	cargo check -p nexus-inference --features train --example heads

# With the features of `make test` but this one: only our crates are checked again.
check-lean: setup
	cargo clippy --workspace --all-targets --no-default-features -- -D warnings

# Two tests, one after the other: what is said is in recall within a moment; whatever fails, memory comes right.
SECONDS ?= 3600
soak: setup
	NEXUS_SOAK=$(SECONDS) cargo test --workspace --test it -- --nocapture eight_platforms

bench: setup
	@for name in $(benches); do cargo bench --profile dev --bench $$name || exit 1; done
