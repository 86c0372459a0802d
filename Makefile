# `make help` lists what there is.

GO ?= go
# The CGI binary is one static file: shared hosting has no libraries to rely on.
STATIC := -tags sqlite_omit_load_extension,netgo,osusergo -ldflags '-s -w -linkmode external -extldflags -static'
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@latest

PEERS := nginx:nginx-light apache2:apache2 /usr/lib/apache2/modules/mod_xsendfile.so:libapache2-mod-xsendfile \
	squid:squid varnishd:varnish traffic_server:trafficserver apt-cacher-ng:apt-cacher-ng

TEST_TOOLS := gcc:gcc /usr/include/stdlib.h:libc6-dev nginx:nginx-light apache2:apache2 \
	/usr/lib/apache2/modules/mod_fcgid.so:libapache2-mod-fcgid \
	/usr/lib/apache2/modules/mod_xsendfile.so:libapache2-mod-xsendfile \
	lighttpd:lighttpd caddy:caddy spawn-fcgi:spawn-fcgi curl:curl wget:wget aria2c:aria2 \
	apt-ftparchive:apt-utils perl:perl gpg:gpg gpg-agent:gpg-agent sqlite3:sqlite3 rsync:rsync chromium:chromium \
	dnf:dnf pacman:pacman-package-manager pip3:python3-pip

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

.PHONY: build
build: ## the three programs, into bin/
	@scripts/need gcc:gcc /usr/include/stdlib.h:libc6-dev
	$(GO) build -o bin/ ./cmd/mirror-fcgi ./cmd/mirrorctl
	CGO_ENABLED=1 $(GO) build $(STATIC) -o bin/ ./cmd/mirror-cgi

.PHONY: run
run: ## a mirror at once: make run UPSTREAM=http://one.example/debian/ [PORT=8080]
	@scripts/need gcc:gcc /usr/include/stdlib.h:libc6-dev
	@$(GO) build -o bin/ ./cmd/mirror-fcgi ./scripts/upstream
	@PORT=$(or $(PORT),8080) scripts/run '$(UPSTREAM)'

.PHONY: test
test: ## installs what the tests need, and runs all of them
	scripts/need $(TEST_TOOLS)
	scripts/need-ftpd
	$(MAKE) check

# Some tests become another user or mount a small disk: they need root.
ifneq ($(shell id -u),0)
AS_ROOT := sudo env "PATH=$(PATH)" GOFLAGS=-buildvcs=false
endif

.PHONY: check
check: ## what CI runs: format, vet, staticcheck, every test with the race detector
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet -tags power ./...
	$(GO) run $(STATICCHECK) -tags power ./...
	$(AS_ROOT) $(GO) test -race -timeout 15m ./...

.PHONY: soak
soak: ## apt, dnf and pacman update through the mirror while their archives are updated a thousand times
	scripts/need $(TEST_TOOLS)
	$(AS_ROOT) $(GO) test ./test/soak -count 1 -timeout 12h -v -updates 1000 -for 0

.PHONY: power
power: ## the power is cut, again and again, while archives change, on ext4, XFS and Btrfs (needs FUSE and loop devices)
	scripts/need $(TEST_TOOLS) mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs
	$(AS_ROOT) $(GO) test -tags power ./test/crash -run TestPowerCut -count 1 -timeout 1h -v

.PHONY: fuzz
fuzz: ## every fuzz target for a minute
	scripts/fuzz 1m

.PHONY: vuln
vuln: ## known vulnerabilities in what is linked (asks the Go vulnerability database)
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: bench
bench: ## installs the peers, and compares: into bench/RESULTS.md
	scripts/need gcc:gcc /usr/include/stdlib.h:libc6-dev $(PEERS) curl:curl aria2c:aria2 rsync:rsync lftp:lftp vsftpd:vsftpd
	$(GO) run ./bench
