# Starburst. `make help` lists the targets.

GO      ?= go
BIN     := bin
PKGS    := ./...
# The product needs no C compiler.
export CGO_ENABLED ?= 0
EXAMPLES := montecarlo bootstrap features gridsearch

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## build, and run the four examples on this machine
	@scripts/demo.sh

.PHONY: first-steps
first-steps: ## do what README.md tells a new user, word for word, in a copy (needs Go; with Python and the AWS CLI all of it)
	@scripts/first-steps.sh

.PHONY: demo-r
demo-r: ## run the four examples in R, in sequence and on a fleet of this machine (installs R from Debian as root)
	@scripts/r/demo.sh

.PHONY: demo-python
demo-python: build ## build, and run the four examples in Python on this machine (needs Python 3 with venv)
	@scripts/demo-python.sh

.PHONY: demo-node
demo-node: build ## build, and run the example in Node.js on this machine (needs Node.js with npm)
	@scripts/demo-node.sh

.PHONY: demo-compiled
demo-compiled: build ## compile a C program and run it for 60 options on this machine (needs a C compiler)
	examples/compiled/run.sh

.PHONY: test
test: ## run the tests (Go only; no Docker, Java, Python or C compiler)
	$(GO) test $(PKGS)

.PHONY: golden
golden: ## write anew what tests hold help texts, messages and outputs to, and docs/commands.md
	STARBURST_UPDATE_GOLDEN=1 $(GO) test -count=1 -run 'TestHelpOfEveryCommand|TestTheReferenceIsCurrent|TestTypicalMistakes|TestGoldenOutputs' ./cmd/starburst

.PHONY: build
build: ## build the command and the examples into bin/
	@mkdir -p $(BIN)
	$(GO) build -o $(BIN)/ ./cmd/... $(addprefix ./examples/,$(EXAMPLES))

.PHONY: lambda
lambda: ## build the autoscaler as a Lambda function: dist/starburst-lambda-{arm64,x86_64}.zip, the same bytes from the same source
	GO=$(GO) scripts/lambda/build.sh

# The detector sleeps for a second at each process's end unless told otherwise, and the tests start hundreds.
.PHONY: test-race
test-race: ## run the tests under the race detector (needs a C compiler)
	GORACE=atexit_sleep_ms=50 CGO_ENABLED=1 $(GO) test -race $(PKGS)

.PHONY: test-servers
test-servers: ## run the integration tests against ElasticMQ and DynamoDB Local (needs Java and Maven)
	scripts/servers/test.sh

.PHONY: test-r
test-r: ## test the R package: codec, worker, plan(starburst), sessions, R CMD check, examples (installs R from Debian as root)
	scripts/r/test.sh

.PHONY: test-languages
test-languages: ## enqueue from Python, Node.js, Java, Rust, Go and the shell (needs their toolchains and Maven)
	scripts/languages/test.sh

.PHONY: test-terraform
test-terraform: ## apply infra/terraform to moto and MiniStack, work there, destroy it (needs Terraform, its AWS provider on disk, Python)
	scripts/terraform/test.sh

.PHONY: test-aws-calls
test-aws-calls: ## deploy, doctor and tear-down against moto, and the account test's script without an account (needs Python)
	scripts/aws/test-calls.sh

.PHONY: test-ui
test-ui: ## look at the page of `starburst ui` in Chromium: figures, actions, light and dark, phone, accessibility, size (needs Chromium and npm)
	GO=$(GO) scripts/ui/test.sh $(ARGS)

.PHONY: test-alerts
test-alerts: ## hold alert rules and dashboard to Prometheus's parser and to the metrics that exist
	$(GO) test -C infra/prometheus/check -count=1 ./...

.PHONY: test-image
test-image: ## build and push the montecarlo example's image, and hold time, size and sameness to their limits
	STARBURST_TEST_IMAGE=1 $(GO) test -count=1 -v -run TestMontecarlo ./internal/image

.PHONY: test-aws
test-aws: ## the whole thing on your AWS account: STARBURST_AWS_TEST=1 AWS_REGION=… STARBURST_AWS_MAX_USD=5
	scripts/aws/test.sh

.PHONY: test-aws-bill
test-aws-bill: ## a day after test-aws: compare its cost with AWS's own report
	scripts/aws/bill.sh

.PHONY: bench
bench: build ## push 100,000 no-op tasks through the local endpoint, in default chunks and one by one; price a million
	$(BIN)/starburst bench
	$(BIN)/starburst bench --chunk 1
	$(BIN)/starburst bench --price

.PHONY: bench-codec
bench-codec: ## compare the codec with encoding/json and tinylib/msgp on one core
	@mkdir -p .cache
	$(GO) test -C bench -bench . -cpu 1 -count 6 -benchtime 0.3s ./codec >.cache/bench-codec.txt
	@$(GO) tool -C tools benchstat -col /codec $(CURDIR)/.cache/bench-codec.txt

.PHONY: bench-workers
bench-workers: build ## measure a warm child in Python and in Node.js: round trip and throughput (needs both)
	scripts/bench-workers.sh

.PHONY: bench-languages
bench-languages: build ## push 100,000 no-op tasks through the local endpoint to one slot of Python, then of Node.js
	scripts/languages/bench.sh

.PHONY: bench-check
bench-check: ## hold the pure benchmarks against those of an older commit (bench/baseline), on this machine
	scripts/bench-check.sh

.PHONY: bench-table
bench-table: ## print the tables of docs/benchmarks.md: medians of five runs (the second needs Java and Maven)
	scripts/bench-table.sh
	SERVERS=1 scripts/servers/with-servers.sh scripts/bench-table.sh

.PHONY: bench-examples
bench-examples: build ## time the four examples against the same algorithms in sequence in R (needs R)
	scripts/bench-examples.sh

.PHONY: bench-peers
bench-peers: ## compare with other queue clients on ElasticMQ and DynamoDB Local (ARGS="-n 10000 -rounds 5"; needs Java, Maven, Python, Node.js)
	scripts/peers.sh $(ARGS)

.PHONY: chaos
chaos: ## kill, freeze and restart workers under injected faults, with SEEDS seeds (default 1; SERVERS=1: also on ElasticMQ)
	scripts/chaos.sh

.PHONY: gates
gates: ## hold the autoscaler's simulated figures to their gates, on hundreds of scenarios
	STARBURST_GATES=1 $(GO) test -count=1 ./autoscale/simulate

.PHONY: waves
waves: ## size real workers under a start-up, a launch rate and a quota, on the embedded ECS and on moto's (needs Python 3 with venv)
	STARBURST_WAVES=1 scripts/servers/with-moto.sh $(GO) test -count=1 -v -parallel 4 -timeout 6m ./internal/waves

.PHONY: soak
soak: ## half load for SOAK (default 30m); fails when goroutines or memory grow
	scripts/chaos.sh soak

.PHONY: virtual
virtual: ## play SEEDS runs (default 1000) of workers under drawn faults, on virtual time
	STARBURST_SEEDS=$(or $(SEEDS),1000) $(GO) test -count=1 -run TestSeeds ./internal/virtual

.PHONY: bodies
bodies: ## feed consumers 100,000 random and mutated bodies among 10,000 good ones (BODIES=n: n among n/10)
	STARBURST_BODIES=$(or $(BODIES),100000) $(GO) test -count=1 -timeout 60m -v -run TestNoBodyHurtsAConsumer ./internal/endtoend/

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (default 20s; or a count, 20000x) each
	scripts/fuzz.sh

.PHONY: lint
lint: ## vet, formatting, golangci-lint
	scripts/lint.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) example-results-*
