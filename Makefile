.DEFAULT_GOAL := help
.PHONY: help demo test test-versions bench clean

help: ## What can be made here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Sample a made-up production into a new database, on two throw-away servers
	@.ci/install-postgres
	cargo run --release --locked -- demo

test: ## Run all tests (they start their own servers)
	@.ci/install-postgres
	@.ci/test

test-versions: ## Run the tests against PostgreSQL 16, 17 and 18 as well (fetched with npm and pip)
	@.ci/install-postgres
	@.ci/test-versions

bench: ## Measure against the yardstick; results go to benches/results
	@.ci/install-postgres
	cargo build --release --locked
	cargo bench --locked
	benches/run
	benches/files

clean: ## Remove what was built
	cargo clean
