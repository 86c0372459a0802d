package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mirror"
	"mirror/maint"
)

// display shows how fetches go on: on a terminal a bar for each that runs, and
// above them a line for each that has ended; elsewhere the lines alone. It is
// safe for concurrent use.
type display struct {
	w io.Writer

	mu       sync.Mutex    // one line at a time
	progress *mpb.Progress // guarded by mu; nil: no terminal, or ended
}

func newDisplay(w io.Writer) *display {
	d := &display{w: w}
	if isTerminal(w) {
		d.progress = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())
	}
	return d
}

// Write implements io.Writer: whole lines, above the bars.
func (d *display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.progress != nil {
		return d.progress.Write(p)
	}
	return d.w.Write(p)
}

func (d *display) line(format string, args ...any) {
	fmt.Fprintf(d, format+"\n", args...)
}

// end takes the bars away. Lines may still come.
func (d *display) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.progress != nil {
		d.progress.Wait()
		d.progress = nil
	}
}

// bar is that of one file. It is used by one goroutine.
type bar struct {
	progress *mpb.Progress // nil: no terminal
	label    string
	bar      *mpb.Bar // nil until the size is known
	total    int64
	at       time.Time // of the last step
}

// labelWidth leaves room for the bar itself on a terminal of 80 columns.
const labelWidth = 28

func (d *display) bar(name mirror.Name) *bar {
	d.mu.Lock()
	defer d.mu.Unlock()
	label := []rune(maint.Quote(name))
	if len(label) > labelWidth { // the end is what tells files apart
		label = append([]rune("..."), label[len(label)-labelWidth+3:]...)
	}
	return &bar{progress: d.progress, label: string(label), at: time.Now()}
}

// speedAge is how many steps the shown speed is averaged over.
const speedAge = 60

func (b *bar) show(have, total int64) {
	if b.progress == nil {
		return
	}
	if b.bar == nil {
		b.total = total
		b.bar = b.progress.New(total, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(b.label, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(
				decor.Percentage(decor.WCSyncSpace),
				decor.TotalKibiByte("% .1f", decor.WCSyncSpace),
				decor.EwmaSpeed(decor.SizeB1024(0), "% .1f", speedAge, decor.WCSyncSpace),
			))
	}
	if total != b.total { // the upstream has another version
		b.total = total
		b.bar.SetTotal(total, false)
	}
	now := time.Now()
	b.bar.EwmaSetCurrent(have, now.Sub(b.at))
	b.at = now
}

func (b *bar) end() {
	if b.bar != nil {
		b.bar.Abort(true)
	}
}
