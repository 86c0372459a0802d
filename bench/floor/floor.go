// Package floor is the least that a Go program on net/http can do for a missing
// file: ask the upstream, give the body to the client, write it to a file, sync
// many files at once, and rename them to their names. It has no lock, no record,
// no resume, no limits, no check and no log, so it is no mirror: it says how much
// of a figure is the price of the language, its HTTP and the disk. With a ledger it
// has a lock, a digest and a record, too, as the mirror has them, and says what those cost.
// On bare sockets it has all that and no net/http: no HTTP library would get further.
package floor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// argument makes the benchmark's own binary the floor.
const argument = "-be-the-floor"

// Is reports whether this process was started to be the floor.
func Is() bool { return len(os.Args) == 6 && os.Args[1] == argument }

// Variant is what the floor has.
type Variant string

// The variants.
const (
	Bare    Variant = "bare"
	Ledger  Variant = "ledger"
	Sockets Variant = "sockets" // instead of net/http, and the ledger
)

// Args are the arguments that make the benchmark's binary the floor, which
// listens on addr and stores what origin has.
func Args(addr, docroot, origin string, v Variant) []string {
	return []string{argument, addr, docroot, origin, string(v)}
}

// Main serves until it is killed.
func Main() error {
	addr, docroot, origin := os.Args[2], os.Args[3], os.Args[4]
	p := &proxy{
		docroot: docroot, parts: filepath.Join(filepath.Dir(docroot), "parts"), origin: origin,
		whole: make(chan whole, 4096),
	}
	upstream := &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true}
	p.get = func(path string) ([]byte, error) { return get(upstream, "http://"+origin+path) }
	if err := os.Mkdir(p.parts, 0o755); err != nil {
		return err
	}
	variant := Variant(os.Args[5])
	if variant != Bare {
		var err error
		if p.ledger, err = newLedger(filepath.Dir(docroot)); err != nil {
			return err
		}
	}
	go p.publish()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if variant == Sockets {
		p.get = (&sockets{addr: origin}).get
		return p.serveSockets(l)
	}
	return http.Serve(l, p)
}

type proxy struct {
	docroot, parts, origin string
	get                    func(path string) ([]byte, error) // asks the origin
	serial                 atomic.Int64
	whole                  chan whole
	ledger                 *ledger // nil: none
}

// whole is a file that has all its bytes.
type whole struct {
	part, name string
	entry
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := p.miss(r.URL.Path, func(body []byte) error {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, err := w.Write(body)
		return err
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "floor: %v\n", err)
		panic(http.ErrAbortHandler) // the client is not to take it for whole
	}
}

func get(upstream *http.Transport, url string) ([]byte, error) {
	ask, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := upstream.RoundTrip(ask)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body := make([]byte, resp.ContentLength)
	_, err = io.ReadFull(resp.Body, body)
	return body, err
}

func (p *proxy) miss(path string, answer func(body []byte) error) error {
	e, err := p.ledger.enter(context.Background(), path[1:])
	if err != nil {
		return err
	}
	body, err := p.get(path)
	if err != nil {
		return err
	}
	if err := answer(body); err != nil {
		return err
	}
	part := filepath.Join(p.parts, strconv.FormatInt(p.serial.Add(1), 10))
	if err := os.WriteFile(part, body, 0o644); err != nil {
		return err
	}
	p.whole <- whole{part, filepath.Join(p.docroot, filepath.FromSlash(path)), p.ledger.of(e, body)}
	return nil
}

// publish gives files their names: all that are there take one sync.
func (p *proxy) publish() {
	disk, err := os.Open(p.docroot)
	if err != nil {
		panic(err)
	}
	for first := range p.whole {
		batch := []whole{first}
		for more := true; more && len(batch) < 256; {
			select {
			case f := <-p.whole:
				batch = append(batch, f)
			default:
				more = false
			}
		}
		if err := p.name(disk, batch); err != nil {
			panic(err)
		}
	}
}

func (p *proxy) name(disk *os.File, batch []whole) error {
	synced := make(chan error, 1)
	go func() { synced <- unix.Syncfs(int(disk.Fd())) }()
	if err := errors.Join(p.ledger.intend(batch), <-synced); err != nil {
		return err
	}
	dirs := make(map[string]bool)
	for _, f := range batch {
		if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
			return err
		}
		if err := os.Rename(f.part, f.name); err != nil {
			return err
		}
		dirs[filepath.Dir(f.name)] = true
	}
	for name := range dirs {
		dir, err := os.Open(name)
		if err != nil {
			return err
		}
		err = dir.Sync()
		dir.Close()
		if err != nil {
			return err
		}
	}
	return p.ledger.publish(batch)
}
