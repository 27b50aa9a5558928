# Every target is one command of compose/local; `make help` lists them.
PYTHON ?= python3
LOCAL := $(PYTHON) -m compose.local

.DEFAULT_GOAL := help
.PHONY: help up down status logs tour rotate-secrets backup backup-verify restore clean test test-faults test-minio test-monitoring test-cluster test-compose test-rotation test-backup test-api fuzz lint docs lock audit sbom bench bench-up bench-storage bench-generator

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo
	@echo "  Ports and the data folder come from the environment: .env.example documents every variable."

up: ## install, start and supervise everything, then take the tour (TOUR=0: without, ONLY=part,part, STORAGE=minio)
	@$(LOCAL) up $(if $(ONLY),--only $(ONLY))

down: ## stop everything; no process stays behind
	@$(LOCAL) down

status: ## every part: state, address, process, age, memory
	@$(LOCAL) status

logs: ## the end of every log (PART=web for one part, FOLLOW=1 to keep on reading, RUN=id for one story over all parts)
	@$(LOCAL) logs $(PART) $(if $(FOLLOW),--follow) $(if $(RUN),--run "$(RUN)")

tour: ## one scenario through the whole pipeline, and its ledger
	@$(LOCAL) tour

rotate-secrets: ## draw every password, token and key again and restart what uses them; no data is lost
	@$(LOCAL) rotate-secrets

backup: ## everything but the lake in one file: databases, secrets, recordings (FILE=path; by default in backups/)
	@$(LOCAL) backup $(if $(FILE),--file "$(FILE)")

backup-verify: ## read a backup (FILE=path) and compare every part of it with its digest
	@$(LOCAL) backup-verify $(if $(FILE),--file "$(FILE)")

restore: ## make an installation from a backup (FILE=path), in an empty data folder
	@$(LOCAL) restore $(if $(FILE),--file "$(FILE)")

clean: ## stop, and delete the installation's data (YES=1 does not ask, ALL=1 also deletes what was installed)
	@$(LOCAL) clean $(if $(YES),--yes) $(if $(ALL),--all)

test: ## the whole test suite, and all that it needs (ARGS="tests/compose -k ports" for some of it)
	@$(LOCAL) test $(ARGS)

test-faults: ## every process of an installation is killed or held down, and the tour still passes (about 8 minutes)
	@$(LOCAL) test-faults

test-minio: ## the pipeline's tests and the tour with the tables in MinIO, which is killed, frozen and filled (about 12 minutes)
	@$(LOCAL) test-minio

test-monitoring: ## a real Prometheus watches a tour, and every alert is made to fire and to stop (about 16 minutes)
	@$(LOCAL) test-monitoring

test-cluster: ## the tour on a Spark standalone master with two workers on this machine (about 5 minutes)
	@$(LOCAL) test-cluster

test-compose: ## the whole system in containers on podman, each killed in turn (as root, with podman, buildah, debootstrap)
	@$(LOCAL) test-compose

test-rotation: ## every secret is rotated on an installation of its own, and the tour still passes (about 8 minutes)
	@$(LOCAL) test-rotation

test-backup: ## an installation of its own is backed up under a running stream, deleted, restored (about 8 minutes)
	@$(LOCAL) test-backup

test-api: ## many generated requests for every operation and form (EXAMPLES=300 a schema, SEED=…)
	@API_EXAMPLES=$(or $(EXAMPLES),300) API_SEED=$(SEED) $(LOCAL) test tests/access/test_contract.py tests/access/test_forms.py -s

fuzz: ## generated files for the readers of recordings (SECONDS=600, SEED=…)
	@FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_SEED=$(SEED) $(LOCAL) test tests/scenarios/test_recording_fuzz.py -s

lint: ## ruff, mypy and the import contracts
	@$(LOCAL) lint

docs: ## build the documentation site into site/; a broken link or a page outside the navigation fails
	@$(LOCAL) docs

lock: ## write locks/ anew from pyproject.toml
	@$(LOCAL) lock

audit: ## known vulnerabilities of every locked package; exit code 3 where not all could be checked (OSV_URL, NPM_REGISTRY)
	@$(LOCAL) audit $(if $(OSV_URL),--osv-url "$(OSV_URL)") $(if $(NPM_REGISTRY),--npm-registry "$(NPM_REGISTRY)")

sbom: ## what the product is built from, as CycloneDX documents in sbom/
	@$(LOCAL) sbom

bench: bench-up bench-storage bench-generator ## every measurement below, one after another

bench-up: ## measure starting, idling and the pages; one JSON line a figure (BENCH_COLD=1 also from empty caches)
	@$(LOCAL) bench-up

bench-storage: ## measure ingest and the tour with tables in MinIO against tables in a folder; one JSON line a figure
	@$(LOCAL) bench-storage

bench-generator: ## measure the event generator against kafka-producer-perf-test; one JSON line a figure
	@$(LOCAL) bench-generator
