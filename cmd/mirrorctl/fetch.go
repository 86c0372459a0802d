package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/maint"
)

// parallel is how many files are fetched at a time: more would take slots that
// clients of the mirror wait for.
const parallel = 4

func fetchCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "fetch PATH...",
		Short: "Fetch files into the docroot, as requests would",
		Long: `Fetch files into the docroot and wait until they stand there. What a daemon is
fetching already is followed, not fetched twice. Ctrl-C leaves what has arrived,
and the next request or fetch goes on from there.`,
		Args: paths,
		RunE: func(c *cobra.Command, args []string) error {
			f := &fetching{display: newDisplay(c.ErrOrStderr())}
			err := withSite(c.Context(), *file, f.display, func(s maint.Site) error {
				names, err := files(s.Conf, args)
				if err != nil {
					return err
				}
				f.Site = s
				f.all(c.Context(), names)
				f.display.end()
				s.Engine.Close(c.Context()) // when interrupted, this breaks off what runs
				f.tellInterrupted(names)
				return nil
			})
			if err == nil && f.failed {
				return errReported
			}
			return err
		},
	}
}

// fetching is one run of the command.
type fetching struct {
	maint.Site
	display *display

	mu     sync.Mutex    // guards what follows
	failed bool          // some file was not fetched
	broken []mirror.Name // not fetched, since the user interrupted
}

// all fetches the files, some at a time.
func (f *fetching) all(ctx context.Context, names []mirror.Name) {
	var wg sync.WaitGroup
	queue := make(chan mirror.Name)
	for range min(parallel, len(names)) {
		wg.Go(func() {
			for name := range queue {
				f.one(ctx, name)
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	wg.Wait()
}

func (f *fetching) one(ctx context.Context, name mirror.Name) {
	begun := time.Now()
	b := f.display.bar(name)
	done, err := f.Fetch(ctx, name, b.show)
	b.end()
	switch {
	case err == nil:
		f.display.line("%s: %s", maint.Quote(name), outcome(done, time.Since(begun)))
		return
	case ctx.Err() != nil:
		f.mu.Lock()
		f.broken = append(f.broken, name)
		f.mu.Unlock()
	default:
		f.display.line("mirrorctl: %s", oneLine(about(name, err).Error()))
	}
	f.mu.Lock()
	f.failed = true
	f.mu.Unlock()
}

// outcome says how a fetch ended well.
func outcome(done maint.Fetched, took time.Duration) string {
	switch done.How {
	case maint.HowHere:
		return "already there, " + size(done.Size)
	case maint.HowCurrent:
		return "still current, " + size(done.Size)
	case maint.HowReplaced:
		return "replaced by a newer version, " + size(done.Size)
	}
	text := fmt.Sprintf("fetched, %s in %s", size(done.Size), took.Round(10*time.Millisecond))
	if done.Upstream != "" {
		text += ", from " + oneLine(done.Upstream)
	}
	return text
}

// tellInterrupted says what the user's Ctrl-C has left, once it has settled.
func (f *fetching) tellInterrupted(names []mirror.Name) {
	for _, name := range names {
		if !slices.Contains(f.broken, name) {
			continue
		}
		r, err := f.Why(context.Background(), name)
		switch {
		case err != nil:
			f.display.line("mirrorctl: %s: interrupted: %s", maint.Quote(name), oneLine(err.Error()))
		case r.Fetching:
			f.display.line("mirrorctl: %s: interrupted; another process goes on with it", maint.Quote(name))
		case r.File != nil:
			f.display.line("mirrorctl: %s: interrupted, but it is there", maint.Quote(name))
		case r.Unfinished != nil && r.Unfinished.Resumable:
			f.display.line("mirrorctl: %s: interrupted at %s; the next fetch or request goes on from there", maint.Quote(name), progress(r.Unfinished))
		default:
			f.display.line("mirrorctl: %s: interrupted before anything worth keeping had arrived", maint.Quote(name))
		}
	}
}
