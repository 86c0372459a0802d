package maint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/store/index"
)

// RefreshOptions is what is refreshed.
type RefreshOptions struct {
	Force bool // also what is not due, and what no client has used for keep_fresh
	// Tell is called with each file that is refreshed, one at a time; nil: nobody
	// wants to know.
	Tell func(name mirror.Name, how fetch.Brought, err error)
}

// Refreshed is what a refresh did.
type Refreshed struct {
	Files     int // mutable ones of ours
	Unused    int // that no client has used for keep_fresh
	Fresh     int // that need not be asked for yet
	Confirmed int
	Replaced  int
	Failed    int
}

// refreshJobs is how many are refreshed at a time: clients come first.
const refreshJobs = 4

// Refresh has the mutable files of ours below dirs confirmed by their upstreams, or
// those that are such files themselves: those that are due, and in use.
func (s Site) Refresh(ctx context.Context, dirs []mirror.Name, o RefreshOptions) (Refreshed, error) {
	var names []mirror.Name
	for _, dir := range dirs {
		below, err := s.below(dir)
		if err != nil {
			return Refreshed{}, err
		}
		for rec, err := range s.Engine.Index().Files(ctx, string(dir)) {
			if err != nil {
				return Refreshed{}, err
			}
			if name := mirror.Name(rec.Name); s.isMutable(rec) && (name == dir || strings.HasPrefix(rec.Name, below)) {
				names = append(names, name)
			}
		}
	}
	if err := s.Engine.Recover(ctx); err != nil {
		return Refreshed{}, err
	}
	return s.refresh(ctx, names, o)
}

func (s Site) isMutable(rec index.Record) bool {
	m, rest, ok := s.Conf.Match(rec.Name)
	return ok && rec.Ours && rec.Target == "" && m.IsMutable(rest)
}

// refresh is Refresh for mutable files.
func (s Site) refresh(ctx context.Context, names []mirror.Name, o RefreshOptions) (Refreshed, error) {
	if o.Tell == nil {
		o.Tell = func(mirror.Name, fetch.Brought, error) {}
	}
	var sum Refreshed
	leaders := s.leaders(ctx, names, o.Force, &sum)
	var wg sync.WaitGroup
	var mu sync.Mutex
	gate := make(chan struct{}, refreshJobs)
	for _, name := range leaders {
		select {
		case gate <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			how, err := s.Engine.Refresh(ctx, name)
			<-gate
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, fs.ErrNotExist): // it went meanwhile
				return
			case err != nil:
				sum.Failed++
			case how == fetch.Replaced:
				sum.Replaced++
			default:
				sum.Confirmed++
			}
			o.Tell(name, how, err)
		})
	}
	wg.Wait()
	return sum, ctx.Err()
}

// leaders returns what is to be refreshed for those of the files that are due: one does
// for many. Those that are not it counts.
func (s Site) leaders(ctx context.Context, names []mirror.Name, force bool, sum *Refreshed) []mirror.Name {
	var leaders []mirror.Name
	known := make(map[mirror.Name]bool)
	for _, name := range names {
		d, ok := s.Engine.Duty(ctx, name)
		if !ok {
			continue
		}
		m, _, _ := s.Conf.Match(string(name))
		sum.Files++
		switch {
		case force:
		case d.Unused > m.KeepFresh:
			sum.Unused++
			continue
		case !d.IsDue:
			sum.Fresh++
			continue
		}
		if !known[d.Leader] {
			known[d.Leader] = true
			leaders = append(leaders, d.Leader)
		}
	}
	return leaders
}

// Keeper keeps fresh what clients use, as a daemon does: it knows the mutable files
// without reading the whole record again and again.
type Keeper struct {
	Site
	names map[mirror.Name]bool
	seq   int64 // of the last change that names knows
}

// changesRead is how many lines of the change log are read at a time.
const changesRead = 1000

// Round refreshes what is due.
func (k *Keeper) Round(ctx context.Context) error {
	if err := k.learn(ctx); err != nil {
		return fmt.Errorf("the mutable files cannot be listed: %w", err)
	}
	names := make([]mirror.Name, 0, len(k.names))
	for name := range k.names {
		names = append(names, name)
	}
	_, err := k.refresh(ctx, names, RefreshOptions{})
	return err
}

// learn brings names up to date.
func (k *Keeper) learn(ctx context.Context) error {
	x := k.Engine.Index()
	for k.names != nil {
		changes, err := x.Changes(ctx, k.seq, changesRead)
		if errors.Is(err, index.ErrGap) {
			break
		}
		if err != nil {
			return err
		}
		for _, c := range changes {
			k.seq = c.Seq
			name := mirror.Name(c.Name)
			if c.Op == index.OpRemove {
				delete(k.names, name)
			} else if m, rest, ok := k.Conf.Match(c.Name); ok && m.IsMutable(rest) {
				k.names[name] = true
			}
		}
		if len(changes) < changesRead {
			return nil
		}
	}
	seq, err := x.Sequence(ctx)
	if err != nil {
		return err
	}
	names := make(map[mirror.Name]bool)
	for rec, err := range x.Files(ctx, "") {
		if err != nil {
			return err
		}
		if k.isMutable(rec) {
			names[mirror.Name(rec.Name)] = true
		}
	}
	k.names, k.seq = names, seq
	return nil
}

// RefreshEvery is how often a daemon looks what is due: a tenth of the shortest
// max_age, so that files are not much older than theirs.
func RefreshEvery(conf *config.Config) time.Duration {
	const least, most = 2 * time.Second, time.Minute
	every := most
	for i := range conf.Mirrors {
		if m := &conf.Mirrors[i]; m.KeepFresh > 0 {
			every = min(every, m.MaxAge/10)
		}
	}
	return max(every, least)
}
