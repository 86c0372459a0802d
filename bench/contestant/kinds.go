package contestant

import (
	"context"
	"slices"

	"mirror/bench/floor"
)

// Kind is a contestant, by the name that the tables show.
type Kind string

// The contestants.
const (
	OursNginx   Kind = "ours behind nginx (FastCGI)"
	OursBuiltin Kind = "ours built-in"
	OursApache  Kind = "ours behind Apache (proxy_fcgi)"
	OursCGI     Kind = "ours behind Apache (CGI)"

	// The same with connections = 8.
	OursNginx8   Kind = "ours behind nginx, connections = 8"
	OursBuiltin8 Kind = "ours built-in, connections = 8"

	NginxStore    Kind = "nginx proxy_store"
	NginxCache    Kind = "nginx proxy_cache_lock"
	NginxSlice    Kind = "nginx slice"
	Squid         Kind = "Squid"
	Varnish       Kind = "Varnish (memory)"
	VarnishFile   Kind = "Varnish (file)"
	TrafficServer Kind = "Apache Traffic Server"
	AptCacherNG   Kind = "apt-cacher-ng"
	ModCache      Kind = "Apache mod_cache"

	Direct Kind = "direct"         // the origin itself: the limit
	Curl   Kind = "curl to a file" // the same with a real client and a disk

	Aria4 Kind = "aria2c -x4 -s4" // ranges of the origin, at once, into a file
	Aria8 Kind = "aria2c -x8 -s8"

	// What the least of a mirror costs in Go: see bench/floor.
	Floor        Kind = "bare Go proxy that syncs (no mirror)"
	FloorLedger  Kind = "bare Go proxy that syncs, locks and records (no mirror)"
	FloorSockets Kind = "bare sockets in Go that sync, lock and record (no mirror)"
)

// Ours are what this project builds, with the defaults.
var Ours = []Kind{OursNginx, OursBuiltin, OursApache, OursCGI}

// Peers are what others have built.
var Peers = []Kind{NginxStore, NginxCache, NginxSlice, Squid, Varnish, VarnishFile, TrafficServer, AptCacherNG, ModCache}

// Floors are no mirrors, but what the least of one costs in Go.
var Floors = []Kind{Floor, FloorLedger, FloorSockets}

// Ours reports whether it is what this project builds.
func (k Kind) Ours() bool {
	return slices.Contains(Ours, k) || k == OursNginx8 || k == OursBuiltin8
}

// starts is how each is started.
var starts = map[Kind]func(*Running, context.Context) error{
	OursNginx:     (*Running).startBehindNginx,
	OursBuiltin:   (*Running).startBuiltin,
	OursApache:    (*Running).startBehindApache,
	OursCGI:       (*Running).startApacheCGI,
	OursNginx8:    with8((*Running).startBehindNginx),
	OursBuiltin8:  with8((*Running).startBuiltin),
	NginxStore:    startNginx("store.conf"),
	NginxCache:    startNginx("cache.conf"),
	NginxSlice:    startNginx("slice.conf"),
	Squid:         (*Running).startSquid,
	Varnish:       (*Running).startVarnish,
	VarnishFile:   (*Running).startVarnishFile,
	TrafficServer: (*Running).startTrafficServer,
	AptCacherNG:   (*Running).startAptCacherNG,
	ModCache:      (*Running).startModCache,
	Direct:        (*Running).startNothing,
	Curl:          (*Running).startNothing,
	Aria4:         (*Running).startNothing,
	Aria8:         (*Running).startNothing,
	Floor:         startFloor(floor.Bare),
	FloorLedger:   startFloor(floor.Ledger),
	FloorSockets:  startFloor(floor.Sockets),
}

// with8 starts ours with more connections to an upstream than by default.
func with8(start func(*Running, context.Context) error) func(*Running, context.Context) error {
	return func(r *Running, ctx context.Context) error {
		r.connections = 8
		return start(r, ctx)
	}
}

// startNothing leaves clients to the origin.
func (r *Running) startNothing(context.Context) error {
	r.Addr = r.setup.Origin
	return nil
}
