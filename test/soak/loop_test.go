package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirror/internal/loopback"
	"mirror/internal/origin"
)

// scenario is one archive, its upstreams, and the clients that update from it.
type scenario struct {
	t        *testing.T
	archive  archive
	upstream *origin.Origin
	late     *origin.Origin // one generation behind; nil: there is none
	before   []change       // what late has not made yet
	groups   []*group
	pick     *rand.Rand

	// halfway is called, in every other update, before one of the changes with a
	// fixed name, and after the first of them; afterwards after each update.
	halfway, afterwards func()

	holding    atomic.Bool  // upstream stays half-updated for now
	generation atomic.Int64 // that upstream comes to, or has
}

// client is a program in a loop.
type client struct {
	tally
	name string
	program
	site *site // nil: it asks upstream directly
	held int
}

func newScenario(t *testing.T, a archive) *scenario {
	s := &scenario{t: t, archive: a, upstream: newOrigin(t), pick: rand.New(rand.NewPCG(7, uint64(len(t.Name()))))}
	s.halfway, s.afterwards = s.whole, func() {}
	return s
}

func newOrigin(t *testing.T) *origin.Origin {
	ip, _ := loopback.Address()
	return origin.New(t, origin.IP(ip))
}

// half is how long an archive stays half-updated, on average, when nobody waits.
const half = 200 * time.Millisecond

// group is clients that do their rounds at the same time: what one of them meets, the
// others meet, too.
type group struct {
	clients []*client
	// pair: the clients are compared. In some updates upstream stays half-updated for
	// a whole round of theirs.
	pair bool

	begun, ended atomic.Int64 // rounds
}

func (s *scenario) alone(c *client) { s.groups = append(s.groups, &group{clients: []*client{c}}) }

func (s *scenario) pair(through, direct *client) {
	s.groups = append(s.groups, &group{clients: []*client{through, direct}, pair: true})
}

// publish makes the next generation, and all that is done upstream for it.
func (s *scenario) publish(hold bool) {
	s.t.Helper()
	n := int(s.generation.Add(1))
	changes, err := s.archive.next(n)
	if err != nil {
		s.t.Fatal(err)
	}
	fixed := 0
	for _, c := range changes {
		if c.fixed {
			fixed++
		}
	}
	held := -1 // no change with a fixed name
	if hold {
		held = 1 + s.pick.IntN(fixed-1)
	}
	var late sync.WaitGroup
	if s.late != nil {
		before := s.before
		late.Go(func() { apply(s.late, n-1, before, func(int) {}) })
		s.before = changes
	}
	apply(s.upstream, n, changes, func(i int) {
		time.Sleep(time.Duration(s.pick.Int64N(int64(2*half) / int64(fixed))))
		if i == held {
			s.halfway()
		}
	})
	late.Wait()
	s.upstream.Forget()
}

// apply makes changes, which are those of generation n. between is called before the
// i-th of those with a fixed name.
func apply(o *origin.Origin, n int, changes []change, between func(i int)) {
	i := 0
	for _, c := range changes {
		if c.fixed {
			between(i)
			i++
		}
		if c.body == nil {
			o.Remove("/" + c.path)
		} else {
			o.Set("/"+c.path, origin.File{Body: c.body, ModTime: dated(n)})
		}
	}
}

// whole waits until each pair has done a round that begins now or later, with nothing
// to begin with.
func (s *scenario) whole() {
	s.holding.Store(true)
	defer s.holding.Store(false)
	for _, g := range s.groups {
		if g.pair {
			s.until(g, g.begun.Load()+1)
		}
	}
}

// until waits until a group has ended so many rounds.
func (s *scenario) until(g *group, rounds int64) {
	for begun := time.Now(); g.ended.Load() < rounds; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 3*longest {
			s.t.Errorf("%s does not end its round", g.clients[0].name)
			return
		}
	}
}

// run updates the archive as often as the command line says, while all clients go
// round. Between two updates a round ends, so that there are about as many of them
// however fast the machine is. All begin with the first generation. Many rounds are
// those of a client that has nothing yet: one that has all of a generation asks for
// little, and meets little. Afterwards each client has to come to the last generation.
func (s *scenario) run() {
	s.t.Helper()
	s.publish(false)
	// A mirror that holds nothing has nothing to go by while upstream is half-updated.
	for _, g := range s.groups {
		together(g.clients, s.arrive)
	}
	var (
		all  sync.WaitGroup
		over atomic.Bool
	)
	for i, g := range s.groups {
		pick := rand.New(rand.NewPCG(8, uint64(i)))
		all.Go(func() {
			for !over.Load() {
				name := always[pick.IntN(len(always))]
				anew := pick.IntN(2) == 0 || g.pair && s.holding.Load()
				g.begun.Add(1)
				together(g.clients, func(c *client) {
					if anew {
						c.forget()
					}
					s.round(c, name)
				})
				g.ended.Add(1)
			}
		})
	}
	begun := time.Now()
	for n := 1; n < *updates && (n < 5 || *atMost == 0 || time.Since(begun) < *atMost); n++ {
		s.publish(n%2 == 0)
		s.afterwards()
		g := s.groups[s.pick.IntN(len(s.groups))]
		s.until(g, g.ended.Load()+1)
		time.Sleep(time.Duration(s.pick.Int64N(int64(half)))) // not just when a round begins
	}
	over.Store(true)
	all.Wait()
	for _, g := range s.groups {
		for _, c := range g.clients {
			s.arrive(c)
		}
	}
}

func together(clients []*client, f func(*client)) {
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { f(c) })
	}
	all.Wait()
}

// round is one update of a client, and a package.
func (s *scenario) round(c *client, name string) {
	c.rounds++
	if begunAnew(c, s.do(c, "update", c.update)) || c.program.held() == 0 {
		return
	}
	c.note(c.program.held(), int(s.generation.Load()))
	s.do(c, "take", func() (string, error) { return c.take(name) })
}

// begunAnew has a client forget what did not fit. pacman would complain of it before
// it asks for anything else. apt would ask for the rest of the InRelease that it put
// aside, be told by a 416 that there is none, and take it for one of now: later than
// all that an archive has whose times lie in the past.
func begunAnew(c *client, found []class) bool {
	if !slices.Contains(found, mismatch) && !slices.Contains(found, signature) {
		return false
	}
	c.forget()
	return true
}

// note is what generation the client holds now.
func (c *client) note(held, update int) {
	if c.seen == nil {
		c.seen = make(map[int]bool)
	}
	if held == 0 {
		return
	}
	c.seen[held] = true
	if held < c.held {
		c.add([]class{backwards}, func() incident {
			return incident{client: c.name, update: update, doing: "update", said: fmt.Sprintf("from generation %d to %d", c.held, held)}
		})
	}
	c.held = held
}

// do runs the client's program once, and counts the trouble that it tells of.
func (s *scenario) do(c *client, doing string, f func() (string, error)) []class {
	var from int64
	if c.site != nil {
		from = c.site.logged()
	}
	said, err := f()
	found := judged(c.program, said, err)
	c.add(found, func() incident {
		i := incident{client: c.name, update: int(s.generation.Load()), doing: doing, said: said}
		if err != nil {
			i.said += err.Error()
		}
		if c.site != nil {
			i.mirror = c.site.since(from)
		}
		return i
	})
	return found
}

// arrive has a client update until it holds the last generation, and a package of it.
func (s *scenario) arrive(c *client) {
	s.t.Helper()
	last := int(s.generation.Load())
	for begun := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		said, err := c.update()
		found := judged(c.program, said, err)
		if !begunAnew(c, found) && len(found) == 0 && c.program.held() == last {
			said, err = c.take(always[0])
			if len(judged(c.program, said, err)) == 0 {
				c.note(last, last)
				return
			}
		}
		if time.Since(begun) > longest {
			s.t.Errorf("%s is at generation %d of %d after %v without an update: %v\n%s", c.name, c.program.held(), last, longest, err, indent(said))
			return
		}
	}
}

// report logs what became of all clients, and in full what a failed test is about.
func (s *scenario) report() {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d updates\n", s.generation.Load())
	for _, g := range s.groups {
		for _, c := range g.clients {
			fmt.Fprintf(&b, "%-28s %s\n", c.name, &c.tally)
		}
	}
	s.t.Log(b.String())
	if !s.t.Failed() && !testing.Verbose() {
		return
	}
	for _, g := range s.groups {
		for _, c := range g.clients {
			for _, i := range c.incidents {
				if c.site != nil {
					s.t.Log(i)
				}
			}
		}
	}
}
