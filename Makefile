# `make` lists what there is. Everything needs Go, and nothing else.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Arguments for souk:   make up ARGS="--port 9000"
ARGS ?=
# What is tested, how:  make test TEST=./functions/order/... TESTFLAGS="-run Race -count 20"
TEST ?= ./...
TESTFLAGS ?=

SERVICES := $(patsubst functions/%/cmd,%,$(wildcard functions/*/cmd))
FOLDERS  := clients/go cmd deploy docs e2e emulators functions shared terraform
PROGRAMS := bin/souk $(SERVICES:%=bin/%)
# Folders stand here too: a file that is gone changes its folder's time only.
SOURCES  := go.mod go.sum $(shell find cmd emulators functions shared ! -name '*_test.go' ! -path '*/testdata/*')
# The race detector needs a C compiler. Without one the tests run all the same.
RACE      = $(shell command -v "$$(go env CC)" >/dev/null && echo -race)
LINT     := go tool -modfile=tools/go.mod golangci-lint

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target text; do \
		printf '  make %-14s %s\n' "$$target" "$$text"; done

.PHONY: up
up: build ## Start the whole system (ARGS="--port 9000"); Ctrl-C stops it
	@exec bin/souk up $(ARGS)

.PHONY: down
down: bin/souk ## Stop a system that runs in the background
	@exec bin/souk down $(ARGS)

.PHONY: status
status: bin/souk ## Show what runs, its URLs and logins
	@exec bin/souk status $(ARGS)

.PHONY: build
build: $(PROGRAMS) ## Build bin/souk and one program a service

bin/souk: $(SOURCES) tools/build
	@tools/build ./cmd/souk $@

$(SERVICES:%=bin/%): bin/%: $(SOURCES) tools/build
	@tools/build ./functions/$*/cmd $@

.PHONY: test
test: bin/souk ## Run every test against a real database server (TEST=./shared/..., TESTFLAGS=...)
	$(if $(RACE),,@echo 'no C compiler: testing without the race detector (apt-get install gcc libc6-dev)' >&2)
	bin/souk database -- go test $(RACE) -timeout 10m $(TESTFLAGS) $(TEST)

# Both servers, one after the other. MYSQL_URL names a MySQL that is there already.
.PHONY: test-databases
test-databases: bin/souk ## Run every test on MariaDB, then on MySQL with Cloud SQL's settings (needs docker, or MYSQL_URL)
	$(MAKE) test DATABASE_URL=
	@url=$${MYSQL_URL:-}; if [[ -z $$url ]]; then trap 'deploy/mysql stop' EXIT; url=$$(deploy/mysql start); fi; \
		$(MAKE) test DATABASE_URL="$$url"

.PHONY: test-compose
test-compose: ## Run the end-to-end tests against Docker Compose, which they start
	SOUK_COMPOSE=1 go test -count=1 -timeout 45m -v $(TESTFLAGS) ./e2e -long

# The size of a campaign:  make chaos CHAOS="-orders 2000 -function-kills 100"
CHAOS ?= -orders 20000 -function-kills 1000 -function-stops 40 -database-kills 20 -database-stops 10 -system-kills 10 \
	-connection-kills 100 -row-locks 100 -provider-kills 50 -provider-stops 20 -provider-faults 1000 -provider-timeout 5s \
	-sweep=false -expire -quiet 5m
.PHONY: chaos
chaos: ## Pay orders while everything is killed, and compare with the acknowledgments and the provider (CHAOS=...)
	go test ./e2e/chaos -count=1 -v -timeout 3h $(CHAOS)

.PHONY: lab
lab: ## Run the experiments on scaling in full, and compare what is seen with their hypotheses
	go test ./e2e/lab -count=1 -v -timeout 30m -full

.PHONY: test-long
test-long: bin/souk ## Run all cases of the tests of which `make test` runs a sample (shared/testsample)
	bin/souk database -- go test ./e2e -count=1 -v -timeout 1h -run '^(TestKill|TestDatabaseKilled|TestImport|TestRandomCarts)$$' -long
	go test ./shared/pricing -count=1 -v -timeout 1h -run '^TestProperties$$' -long
	bin/souk database -- go test ./functions -count=1 -timeout 1h -run '^Test(KeyedCutOff|RightsAreNeeded)$$' -long
	bin/souk database -- go test ./functions/payment -count=1 -v -timeout 1h -run '^TestInvoiceNumbers$$' -long
	bin/souk database -- go test ./functions/order -count=1 -v -timeout 1h -run '^TestRandomCarts$$' -long
	bin/souk database -- go test ./functions/webhook -count=1 -v -timeout 1h -run '^TestOutage$$' -long

.PHONY: memory
memory: bin/souk ## Measure the memory of every function under its worst requests
	bin/souk database -- go test ./functions -count=1 -v -timeout 1h -run '^TestMemory$$' -memory

REQUESTS ?= 1000000
.PHONY: requests
requests: bin/souk ## Send requests generated from openapi.yaml, valid and invalid (REQUESTS=1000000)
	bin/souk database -- go test ./e2e -count=1 -v -timeout 3h -run '^TestGeneratedRequests$$' -requests $(REQUESTS)

# What is measured, beside which commit:  make bench BENCH=orders,get BASE=be2cbdc ROWS=1000000 JSON=bench.json DOC=1
BENCH  ?=
BASE   ?=
ROWS   ?= 100000
ROUNDS ?= 5
JSON   ?=
DOC    ?=
# The data sets stay in .souk-bench.
.PHONY: bench
bench: ## Measure the shop beside floors, durably (BENCH=orders,get BASE=COMMIT ROWS=1000000 JSON=FILE DOC=1)
	@mkdir -p bin && go build -o bin/bench ./e2e/bench
	@exec bin/bench -bench '$(BENCH)' -base '$(BASE)' -rows $(ROWS) -rounds $(ROUNDS) -json '$(JSON)' \
		-document '$(if $(DOC),docs/performance.md)' $(ARGS)

.PHONY: bench-go
bench-go: bin/souk ## Run the Go benchmarks (TEST=./..., TESTFLAGS="-bench Get")
	bin/souk database --durable -- go test -run '^$$' -bench . -benchmem $(TESTFLAGS) $(TEST)

.PHONY: measure
measure: bin/souk ## Measure what calls take, for `souk cost` (cmd/souk/internal/cost/measured.yaml)
	SOUK_MEASURE=$(CURDIR)/cmd/souk/internal/cost/measured.yaml bin/souk database -- go test -count=1 -run '^TestMeasure$$' ./e2e

.PHONY: generate
generate: ## Write what follows from functions.yaml and the operations: documents, schemas, lists
	go generate ./functions
	go run ./cmd/souk lab all --report docs/scaling.md --rewrite

.PHONY: clients
clients: ## Generate and compile the clients, the TypeScript one with its example (needs npm)
	go generate ./functions
	@command -v npm >/dev/null || { echo 'no npm: install Node.js from 20 on' >&2; exit 1; }
	cd clients/typescript && npm ci --ignore-scripts --no-audit --no-fund && npm run build && npm run pretest
	cd clients/typescript && node scripts/build-example.mjs build/example-site

.PHONY: lint-openapi
lint-openapi: ## Hold functions/openapi.yaml to the rules in redocly.yaml (needs npx)
	@command -v npx >/dev/null || { echo 'no npx: install Node.js and npm' >&2; exit 1; }
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		npx --yes @redocly/cli@2.77.0 lint functions/openapi.yaml

# How long each fuzz target runs, and on how many cores:  make fuzz FUZZTIME=10m FUZZ=FuzzRequest
FUZZTIME ?= 60s
FUZZ     ?= Fuzz
FUZZERS  ?= 2
# A server covers other lines each time it is asked, which looks like news: without
# a bound on minimizing, a fuzzer would spend its time making such news smaller.
.PHONY: fuzz
fuzz: bin/souk ## Fuzz every decoder in turn (FUZZTIME=60s, FUZZ=FuzzRequest); findings land in testdata/fuzz
	@for folder in $$(grep -rl --include='*_test.go' 'func Fuzz' $(FOLDERS) | xargs -n1 dirname | sort -u); do \
		for target in $$(go test -list '$(FUZZ)' ./$$folder | grep '^Fuzz'); do \
			bin/souk database -- go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x \
				-parallel $(FUZZERS) ./$$folder; done; done

.PHONY: check
check: ## Check formatting, vet, lint and the module files
	@echo 'gofmt -l'; unformatted=$$(gofmt -l $(FOLDERS)); \
		[[ -z $$unformatted ]] || { printf 'not formatted (gofmt -w $(FOLDERS)):\n%s\n' "$$unformatted" >&2; exit 1; }
	go vet ./...
	go -C clients/go vet ./...
	go build -tags container -o /dev/null ./cmd/souk
	go vet -tags container ./cmd/souk
	@echo 'golangci-lint run (its first build takes about two minutes)'
	@$(LINT) run ./...
	go mod tidy -diff
	go -C clients/go mod tidy -diff
	go -C tools mod tidy -diff

.PHONY: lint-scripts
lint-scripts: ## Check the scripts (needs shellcheck: apt-get install shellcheck)
	@command -v shellcheck >/dev/null || { echo 'no shellcheck: apt-get install shellcheck' >&2; exit 1; }
	shellcheck -x .ci/run terraform/check tools/build $$(grep -rlE '^#!.*bash' deploy) deploy/common.sh

.PHONY: clean
clean: ## Remove what was built; data stays in .souk
	rm -rf bin

.PHONY: reset
reset: bin/souk ## Stop the system and delete its data and logins
	@bin/souk down
	rm -rf .souk
