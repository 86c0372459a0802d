package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mirror/maint"
)

// syncBars show how far a sync is: on a terminal a bar that counts bytes, with the
// files, the rate and the time that is left; elsewhere a line now and then.
type syncBars struct {
	stop chan struct{}
	done sync.WaitGroup
}

const (
	// refreshBars is how often the bar learns how far it is.
	refreshBars = 100 * time.Millisecond
	// plainEvery is the pause between two lines where there is no terminal.
	plainEvery = 10 * time.Second
)

func (d *display) syncBars(p *maint.Progress) *syncBars {
	b := &syncBars{stop: make(chan struct{})}
	d.mu.Lock()
	progress := d.progress
	d.mu.Unlock()
	begun := time.Now()
	if progress == nil {
		b.every(plainEvery, func() { d.line("%s", progressLine(p, time.Since(begun))) })
		return b
	}
	bar := progress.New(0, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return filesText(p) }, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(
			decor.CountersKibiByte("% .1f / % .1f", decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return rateText(p, time.Since(begun)) }, decor.WCSyncSpace),
		))
	b.every(refreshBars, func() {
		bar.SetTotal(max(p.Bytes.Load(), p.Arrived.Load(), 1), false)
		bar.SetCurrent(p.Arrived.Load())
	})
	b.done.Go(func() {
		<-b.stop
		bar.Abort(true)
	})
	return b
}

func (b *syncBars) every(pause time.Duration, f func()) {
	b.done.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f()
			case <-b.stop:
				return
			}
		}
	})
}

func (b *syncBars) end() {
	close(b.stop)
	b.done.Wait()
}

func filesText(p *maint.Progress) string {
	if !p.Listed.Load() {
		return plural(p.Directories.Load(), "directory") + " listed"
	}
	return fmt.Sprintf("%s of %s", number(p.Done.Load()), plural(p.Files.Load(), "file"))
}

// rateText is the mean rate, and how long the rest takes at it.
func rateText(p *maint.Progress, took time.Duration) string {
	arrived, files := p.Arrived.Load(), p.Done.Load()
	rate := float64(arrived) / took.Seconds()
	text := size(int64(rate)) + "/s"
	left := time.Duration(0)
	switch bytes := p.Bytes.Load() - arrived; {
	case bytes > 0 && rate > 0:
		left = time.Duration(float64(bytes) / rate * float64(time.Second))
	case files > 0: // sizes are not known: by their number
		left = time.Duration(float64(p.Files.Load()-files) / float64(files) * float64(took))
	}
	if left >= time.Second {
		text += ", " + left.Round(time.Second).String() + " left"
	}
	return text
}

func progressLine(p *maint.Progress, took time.Duration) string {
	if !p.Listed.Load() {
		return filesText(p)
	}
	return fmt.Sprintf("%s, %s of %s, %s", filesText(p), size(p.Arrived.Load()), size(p.Bytes.Load()), rateText(p, took))
}
