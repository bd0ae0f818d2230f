# Needs Go, git and make; every other tool is built from the Go module proxy on first use (test/tools).

SHELL := bash
.DEFAULT_GOAL := help

# git describe gives the version, so Go need not ask git too (that fails in another user's checkout).
export GOFLAGS := $(strip $(shell go env GOFLAGS) -buildvcs=false)
export GOWORK := off

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
IMAGE ?= forewarm:$(VERSION)
BENCH ?= .
E2E ?= .
BENCH_COUNT ?= 6
BENCH_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/forewarm/bench
TRACES ?= ../shared/traces
YARDSTICK_SPAN ?= 0
YARDSTICK_SWEEP ?= 6
YARDSTICK_CAPACITY ?= known,learned,half,double,plain
YARDSTICK_FLAGS ?=
BENCH_ADAPTER_FLAGS ?=

TOOL = test/tools/tool
BUILD = CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## static binaries: bin/forewarm and bin/demo
	$(BUILD) -o bin/forewarm ./cmd/forewarm
	$(BUILD) -o bin/demo ./cmd/demo

# ./test talks to real servers, so its results are never taken from the test cache.
.PHONY: test
test: ## all tests, with a real Prometheus server
	@export FOREWARM_TEST_PROMETHEUS; FOREWARM_TEST_PROMETHEUS=$$($(TOOL) prometheus) || exit; \
	status=0; \
	go test $$(go list -e ./... | grep -Ev '/forewarm/test(/|$$)') || status=1; \
	go test -count=1 ./test/... || status=1; \
	if [ $$status -eq 0 ]; then echo 'test: all packages passed'; else echo 'test: FAILED, see above'; fi; \
	exit $$status

.PHONY: race
race: ## the tests under the race detector (needs a C compiler)
	@command -v "$$(go env CC)" >/dev/null || { \
		echo "race: the race detector needs cgo, and this machine has no C compiler ($$(go env CC))" >&2; exit 2; }
	@export FOREWARM_TEST_PROMETHEUS; FOREWARM_TEST_PROMETHEUS=$$($(TOOL) prometheus) || exit; \
	CGO_ENABLED=1 go test -race ./...

.PHONY: lint
lint: ## formatting, module files, vet and golangci-lint; all of them run before it fails
	@golangci=$$($(TOOL) golangci-lint) || exit; \
	status=0; \
	unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .) || status=1; \
	if [ -n "$$unformatted" ]; then echo 'lint: not gofmt-ed:'; echo "$$unformatted"; status=1; fi; \
	go mod tidy -diff || { echo 'lint: go.mod or go.sum is not tidy'; status=1; }; \
	go vet ./... || status=1; \
	"$$golangci" run ./... || status=1; \
	if [ $$status -eq 0 ]; then echo 'lint: clean'; else echo 'lint: FAILED, see above'; fi; \
	exit $$status

.PHONY: fmt
fmt: ## rewrite Go files the way lint wants them
	@$$($(TOOL) golangci-lint) fmt ./...

.PHONY: vuln
vuln: ## known vulnerabilities in the code we call (asks vuln.go.dev)
	@$$($(TOOL) govulncheck) ./...

.PHONY: generate
generate: ## rewrite generated files
	go generate ./...

.PHONY: bench-scaler
bench-scaler: ## the KEDA scaler under the load of another process: CPU and delay per call, memory per stream
	go test ./scaler -run '^$$' -bench 'Calls|Streams' -benchtime 1x

# The comparison belongs in the pull request. benchstat cannot judge fewer than six runs.
.PHONY: bench
bench: ## benchmarks, compared with the run before (BENCH=regexp BENCH_COUNT=n)
	@benchstat=$$($(TOOL) benchstat) || exit; \
	set -o pipefail; \
	mkdir -p '$(BENCH_DIR)'; old='$(BENCH_DIR)/old.txt'; new='$(BENCH_DIR)/new.txt'; \
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCH_COUNT) ./... | tee "$$new" || exit; \
	echo; \
	if [ -f "$$old" ]; then "$$benchstat" "$$old" "$$new"; \
	else "$$benchstat" "$$new"; echo 'bench: the first run; nothing to compare with yet'; fi; \
	mv "$$new" "$$old"

# Builds etcd, kube-apiserver, Prometheus and prometheus-adapter on first use: tens of minutes on two cores.
.PHONY: bench-adapter
bench-adapter: build ## cost of a custom metrics request, beside prometheus-adapter and the least there can be
	@go build -trimpath -o bin/floor ./test/bench/floor
	@go run ./test/bench/adapter --forewarm "$$PWD/bin/forewarm" --floor "$$PWD/bin/floor" $(BENCH_ADAPTER_FLAGS)

# Ten minutes on two cores bound what is swept: six headrooms per policy. YARDSTICK_CAPACITY=known,learned leaves out wrong
# priors and the plain blend; YARDSTICK_SPAN=96h is a quick look, not comparable with the whole.
.PHONY: yardstick
yardstick: ## policies x development traces (TRACES=folder), else shipped workloads; YARDSTICK_SPAN, YARDSTICK_SWEEP
	@GOGC=400 go run ./cmd/forewarm simulate --yardstick '$(TRACES)' --span '$(YARDSTICK_SPAN)' --sweep '$(YARDSTICK_SWEEP)' \
		--capacity '$(YARDSTICK_CAPACITY)' $(YARDSTICK_FLAGS)

.PHONY: yardstick-burst
yardstick-burst: ## policies x the llm-d bursty profile, request by request, beside the bound
	@go run ./cmd/forewarm simulate --burst

.PHONY: yardstick-idle
yardstick-idle: ## when to let the last replica go: rules on sparse tenants (TRACES=folder), else on a shipped workload
	@go run ./cmd/forewarm simulate --idle '$(TRACES)/servegen_m-large_clients_600s.csv.gz'

.PHONY: demo
demo: ## the whole loop on a laptop: no cluster, no Prometheus
	go run ./cmd/demo

# The first time builds a control plane and KEDA from source: 13 and 15 minutes on two quiet cores. Then it is
# within 12 minutes, most of which is waiting.
.PHONY: e2e
e2e: ## real Kubernetes, HPA, KEDA and Prometheus (E2E=regexp FOREWARM_E2E_WITHOUT_KEDA=reason)
	@for tool in kustomize prometheus-operator prometheus etcd kubernetes kwok lws; do $(TOOL) $$tool >/dev/null || exit; done
	@[ -n "$$FOREWARM_E2E_WITHOUT_KEDA" ] || $(TOOL) keda >/dev/null
	go test -tags e2e -count=1 -timeout 30m -v -run '$(E2E)' ./test/e2e

.PHONY: image
image: ## container image IMAGE (needs a docker daemon)
	@command -v docker >/dev/null || { echo 'image: this machine has no docker command' >&2; exit 2; }
	@docker version >/dev/null 2>&1 || { echo 'image: docker is installed, but no daemon answers' >&2; exit 2; }
	DOCKER_BUILDKIT=1 docker build -t '$(IMAGE)' --build-arg VERSION='$(VERSION)' \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .

.PHONY: clean
clean: ## remove bin
	rm -rf bin
