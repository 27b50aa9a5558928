# Every target is one command of compose/local; `make help` lists them.
PYTHON ?= python3
LOCAL := $(PYTHON) -m compose.local

.DEFAULT_GOAL := help
.PHONY: help up down status logs tour rotate-secrets backup backup-verify restore clean test test-faults test-minio test-monitoring test-cluster test-compose test-rotation test-backup test-api fuzz lint docs lock audit sbom bench bench-up bench-storage bench-generator

help: ## list all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo
	@echo "  Ports and the data folder come from the environment: .env.example documents every variable."

up: ## install, start and supervise everything, then run the tour (TOUR=0 skips it, ONLY=service,service, STORAGE=minio)
	@$(LOCAL) up $(if $(ONLY),--only $(ONLY))

down: ## stop all services
	@$(LOCAL) down

status: ## every service: state, address, process, uptime, memory
	@$(LOCAL) status

logs: ## the last lines of every log (PART=web: one service, FOLLOW=1: keep reading, RUN=id: one run in all logs)
	@$(LOCAL) logs $(PART) $(if $(FOLLOW),--follow) $(if $(RUN),--run "$(RUN)")

tour: ## run one scenario through the whole pipeline and print its ledger
	@$(LOCAL) tour

rotate-secrets: ## generate new passwords, tokens and keys and restart the services that use them; no data is lost
	@$(LOCAL) rotate-secrets

backup: ## back up databases, secrets and recordings (not the tables) to one file (FILE=path; default: in backups/)
	@$(LOCAL) backup $(if $(FILE),--file "$(FILE)")

backup-verify: ## check the digest of every file in a backup (FILE=path)
	@$(LOCAL) backup-verify $(if $(FILE),--file "$(FILE)")

restore: ## restore an installation from a backup (FILE=path) into an empty data folder
	@$(LOCAL) restore $(if $(FILE),--file "$(FILE)")

clean: ## stop and delete the installation's data (YES=1: no confirmation, ALL=1: also delete installed packages)
	@$(LOCAL) clean $(if $(YES),--yes) $(if $(ALL),--all)

test: ## install the test dependencies and run all tests (ARGS="tests/compose -k ports" for a subset)
	@$(LOCAL) test $(ARGS)

test-faults: ## kill or suspend every process of an installation; the tour must still pass (about 8 minutes)
	@$(LOCAL) test-faults

test-minio: ## pipeline tests and the tour with tables in MinIO, while MinIO is killed, frozen and full (about 12 minutes)
	@$(LOCAL) test-minio

test-monitoring: ## monitor a tour with Prometheus; make every alert fire and resolve (about 16 minutes)
	@$(LOCAL) test-monitoring

test-cluster: ## run the tour on a local Spark standalone master with two workers (about 5 minutes)
	@$(LOCAL) test-cluster

test-compose: ## run the whole system in podman containers and kill each in turn (as root, with podman, buildah, debootstrap)
	@$(LOCAL) test-compose

test-rotation: ## rotate every secret of a separate installation; the tour must still pass (about 8 minutes)
	@$(LOCAL) test-rotation

test-backup: ## back up a separate installation while its stream runs, delete it and restore it (about 8 minutes)
	@$(LOCAL) test-backup

test-api: ## send generated requests to every API operation and form (EXAMPLES=300 per schema, SEED=…)
	@API_EXAMPLES=$(or $(EXAMPLES),300) API_SEED=$(SEED) $(LOCAL) test tests/access/test_contract.py tests/access/test_forms.py -s

fuzz: ## test the recording readers with generated files (SECONDS=600, SEED=…)
	@FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_SEED=$(SEED) $(LOCAL) test tests/scenarios/test_recording_fuzz.py -s

lint: ## check Python, templates, JavaScript, CSS and spelling: ruff, mypy, import-linter, djlint, biome, codespell
	@$(LOCAL) lint

docs: ## build the documentation site into site/; a broken link or a page outside the navigation fails
	@$(LOCAL) docs

lock: ## update locks/ from pyproject.toml
	@$(LOCAL) lock

audit: ## check all locked packages for known vulnerabilities; exit code 3 if some were not checked (OSV_URL, NPM_REGISTRY)
	@$(LOCAL) audit $(if $(OSV_URL),--osv-url "$(OSV_URL)") $(if $(NPM_REGISTRY),--npm-registry "$(NPM_REGISTRY)")

sbom: ## write a software bill of materials (CycloneDX) to sbom/
	@$(LOCAL) sbom

bench: bench-up bench-storage bench-generator ## run all benchmarks below, one after another

bench-up: ## measure startup, idle load and page times; one JSON line per figure (BENCH_COLD=1: also with empty caches)
	@$(LOCAL) bench-up

bench-storage: ## compare ingest and the tour with tables in MinIO and in a folder, and ingest with and without headers; one JSON line per figure
	@$(LOCAL) bench-storage

bench-generator: ## compare the event generator with kafka-producer-perf-test; one JSON line per figure
	@$(LOCAL) bench-generator
