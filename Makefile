# SPDX-License-Identifier: EUPL-1.2
# Leitstelle. `make` prints the targets.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A checkout that belongs to another user (a container, CI) has no readable
# git state; nothing here needs it.
export GOFLAGS ?= -buildvcs=false

MODULES := shared services/directory services/intake services/triage services/notification deployments/standalone
SERVICES := directory intake triage notification

# golangci-lint brings 200 modules of its own: it is built outside the workspace
# and runs inside it.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := GOWORK=off go run -exec "env GOWORK=$(CURDIR)/go.work" \
	github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
WORK_DIRS = $$(go list -m -f '{{.Dir}}/...')

# One private PostgreSQL for all packages of a test run.
WITHSTACK := go run ./shared/devstack/withstack
TEST_TIMEOUT ?= 30m
# Packages tested at the same time; each has real databases and maybe a browser.
TEST_PARALLEL ?= 2

##@ Use it

.PHONY: run
run: setup-run build ## install what is missing, start the whole system, print addresses and sign-ins
	bin/leitstelle $(ARGS)

.PHONY: demo
demo: setup-run build ## play the road of a report against a fresh instance, step by step
	bin/leitstelle demo $(ARGS)

.PHONY: build
build: ## build bin/leitstelle
	go build -trimpath -o bin/leitstelle ./deployments/standalone/cmd/leitstelle

.PHONY: setup
setup: ## install what running and testing needs (PostgreSQL, Chromium, a C compiler)
	deployments/setup.sh postgresql chromium gcc
	@deployments/setup.sh 7zip strace || echo "Without them two tests look less closely."

.PHONY: setup-run
setup-run:
	deployments/setup.sh postgresql

##@ Work on it

.PHONY: test
test: setup ## run every test there is: Go with -race, real PostgreSQL and NATS, the browser
	$(WITHSTACK) go test -race -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) work
	@echo "== the rules of the application switched off: the database alone keeps organisations apart"
	$(WITHSTACK) go test -tags norules -timeout $(TEST_TIMEOUT) -run TestD17 ./deployments/standalone

.PHONY: test-short
test-short: setup-run ## run the tests without the race detector, the browser and the end-to-end module
	$(WITHSTACK) go test -timeout $(TEST_TIMEOUT) ./shared/... $(foreach s,$(SERVICES),./services/$(s)/...)

.PHONY: lint
lint: ## run the linters of .golangci.yml over all modules
	$(GOLANGCI) run --timeout 15m --allow-parallel-runners $(WORK_DIRS)

.PHONY: fmt
fmt: ## format all Go files (gofumpt, goimports)
	$(GOLANGCI) fmt $(WORK_DIRS)

.PHONY: tidy
tidy: ## tidy every module, then the workspace
	for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy); done
	go work sync

.PHONY: golden
golden: setup-run ## write the golden pages and events again; read the difference before you commit it
	$(WITHSTACK) go test -p $(TEST_PARALLEL) ./shared/event $$(grep -rl pagetest --include='*_test.go' services shared | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

.PHONY: docs
docs: ## write docs/events.md, docs/configuration.md and the table of docs/datenschutz.md from the code
	go run ./shared/event/gen > docs/events.md.new && mv docs/events.md.new docs/events.md
	go run ./deployments/standalone/cmd/settings > docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md
	go run ./deployments/standalone/cmd/retention docs/datenschutz.md > docs/datenschutz.md.new && mv docs/datenschutz.md.new docs/datenschutz.md

.PHONY: migration
migration: ## make an empty migration: make migration SVC=triage NAME=case_labels
	@[ -n "$(SVC)" ] && [ -n "$(NAME)" ] || { echo "usage: make migration SVC=triage NAME=case_labels" >&2; exit 2; }
	@dir=services/$(SVC)/internal/store/migrations; \
	last=$$(ls $$dir | sort | tail -n 1 | cut -d_ -f1); \
	file=$$dir/$$(printf '%05d' $$((10#$${last:-0} + 1)))_$(NAME).sql; \
	printf -- '-- SPDX-License-Identifier: EUPL-1.2\n-- +goose Up\n' > $$file; echo $$file

.PHONY: bench
bench: setup-run ## measure intake, stream and alert against bare programs on this machine
	go run ./deployments/standalone/cmd/bench $(ARGS)

##@ Ship it

.PHONY: check
check: ## everything that CI runs
	@for step in check-fmt check-vet check-modules check-docs lint test; do \
		printf '\n######## make %s (%s)\n' $$step "$$(date -u +%H:%M:%S)"; \
		$(MAKE) --no-print-directory $$step; done

.PHONY: check-fmt
check-fmt:
	@out=$$(gofmt -l $(MODULES)); [ -z "$$out" ] || { echo "not formatted (make fmt):" $$out >&2; exit 1; }

.PHONY: check-vet
check-vet:
	go vet work

.PHONY: check-modules
check-modules:
	for m in $(MODULES); do (cd $$m && echo "== $$m" && GOWORK=off go mod tidy -diff && GOWORK=off go build ./...); done

.PHONY: check-docs
check-docs:
	go run ./shared/event/gen | diff -u docs/events.md - || { echo "docs/events.md is stale: make docs" >&2; exit 1; }
	go run ./deployments/standalone/cmd/settings | diff -u docs/configuration.md - || { echo "docs/configuration.md is stale: make docs" >&2; exit 1; }
	go run ./deployments/standalone/cmd/retention docs/datenschutz.md | diff -u docs/datenschutz.md - || { echo "docs/datenschutz.md is stale: make docs" >&2; exit 1; }

.PHONY: images
images: ## build the container image of each service (needs Docker)
	for s in $(SERVICES); do \
		docker build -f deployments/Dockerfile --build-arg SERVICE=$$s -t leitstelle/$$s:$${VERSION:-dev} .; done

.PHONY: secrets
secrets: ## make the passwords and keys that docker-compose.yml needs, where they are missing
	go run ./deployments/standalone/cmd/secrets deployments/secrets

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
