package main

import (
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mirror/maint"
)

// verifyBars show how far a verification is, as syncBars do for a sync.
func (d *display) verifyBars(p *maint.VerifyProgress) *syncBars {
	b := &syncBars{stop: make(chan struct{})}
	d.mu.Lock()
	progress := d.progress
	d.mu.Unlock()
	if progress == nil {
		b.every(plainEvery, func() { d.line("%s, %s of %s", readText(p), size(p.Read.Load()), size(p.Bytes.Load())) })
		return b
	}
	begun := time.Now()
	bar := progress.New(0, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return readText(p) }, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(
			decor.CountersKibiByte("% .1f / % .1f", decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return readRate(p, time.Since(begun)) }, decor.WCSyncSpace),
		))
	b.every(refreshBars, func() {
		bar.SetTotal(max(p.Bytes.Load(), p.Read.Load(), 1), false)
		bar.SetCurrent(p.Read.Load())
	})
	b.done.Go(func() {
		<-b.stop
		bar.Abort(true)
	})
	return b
}

func readText(p *maint.VerifyProgress) string {
	return fmt.Sprintf("%s of %s", number(p.Done.Load()), plural(p.Files.Load(), "file"))
}

// readRate is the mean rate, and how long the rest takes at it.
func readRate(p *maint.VerifyProgress, took time.Duration) string {
	read := p.Read.Load()
	rate := float64(read) / took.Seconds()
	text := size(int64(rate)) + "/s"
	if rest := p.Bytes.Load() - read; rest > 0 && rate > 0 {
		if left := time.Duration(float64(rest) / rate * float64(time.Second)); left >= time.Second {
			text += ", " + left.Round(time.Second).String() + " left"
		}
	}
	return text
}
