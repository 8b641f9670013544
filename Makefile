# Needs Go, make and python3. Everything else is installed by it, pinned, into .bin and .venv.

GO ?= go

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0

FUZZTIME ?= 5m
SOAKTIME ?= 30m
COUNT ?= 20
LIVES ?= 100000

BIN := $(CURDIR)/.bin
GOLANGCI_LINT := $(BIN)/golangci-lint
# Another version, or another Go to build it with, is another stamp.
GOLANGCI_LINT_STAMP := $(BIN)/.golangci-lint-$(GOLANGCI_LINT_VERSION)-$(shell $(GO) env GOVERSION)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.DEFAULT_GOAL := help

.PHONY: build
build: ## Build bin/serin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/serin ./cmd/serin

.PHONY: test
test: lint cfn-lint unit ## Check format, code and templates, and run all tests

.PHONY: lint
lint: $(GOLANGCI_LINT_STAMP) ## Check the code's format and style
	$(GOLANGCI_LINT) run --allow-parallel-runners ./...

.PHONY: venv
venv: ## Install the tools that are written in Python
	@tools/venv

.PHONY: cfn-lint
cfn-lint: venv ## Check the CloudFormation templates
	@tools/cfn-lint

.PHONY: unit
unit: venv ## Run all tests, with the race detector where there is a C compiler
	@GO='$(GO)' tools/go-test

.PHONY: bench
bench: ## Run all benchmarks, then measure the program in memory and time
	$(GO) test -run '^$$' -bench . -benchmem ./...
	SERIN_MEASURE=1 $(GO) test -count 1 -v -run '^TestMeasure' ./cmd/serin
	SERIN_MEASURE=1 $(GO) test -count 1 -timeout 40m -v -run '^TestMeasure' ./internal/trials

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (5m), one after the other
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' tools/fuzz

.PHONY: soak
soak: ## Roll out for SOAKTIME (30m) on one sandbox, and measure what grows
	SERIN_SOAK='$(SOAKTIME)' $(GO) test -count 1 -timeout 0 -v -run '^TestSoak$$' ./internal/trials/soak

.PHONY: repeat
repeat: venv ## Run all tests COUNT (20) times with the race detector: some three hours
	$(GO) test -race -count $(COUNT) -timeout 0 ./...

.PHONY: lives
lives: ## Live LIVES (100000) random lives: an hour on two cores
	$(GO) test -count 1 -timeout 0 -run '^TestSeeds$$' ./internal/trials -seeds $(LIVES)

.PHONY: vuln
vuln: ## Look for known vulnerabilities, in what is used and in the Go that builds it
	@GO='$(GO)' GOVULNDB='$(GOVULNDB)' tools/vuln $(GOVULNCHECK_VERSION)

.PHONY: torture
torture: ## Kill the driver at every journal event and in every call that changes something, and go on
	SERIN_TORTURE=all $(GO) test -count 1 -timeout 60m -run '^TestTorture$$' ./cmd/serin

.PHONY: fmt
fmt: $(GOLANGCI_LINT_STAMP) ## Format the code
	$(GOLANGCI_LINT) fmt ./...

.PHONY: schema
schema: ## Write what is generated: the JSON Schema of deploy.json
	$(GO) generate ./...

.PHONY: pictures
pictures: ## Take the pictures of the console in docs/pictures, of the demo's tour
	SERIN_PICTURES=1 $(GO) test -count 1 -run '^TestPictures$$' ./cmd/serin

.PHONY: clean
clean: ## Remove what was built and the installed tools
	rm -rf bin .bin .venv

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(GOLANGCI_LINT_STAMP):
	rm -f $(BIN)/.golangci-lint-*
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	touch $@
