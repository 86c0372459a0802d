package main

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// isTerminal reports whether w is one, so that somebody watches. One that does
// not know its width, such as a serial line, or says that it is dumb, as an editor's
// window does, gets no bars: there is no going back to a line.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil && size.Col > 0
}

// counter shows one line that changes, on a terminal, and nothing elsewhere.
type counter struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	text     chan string // holds the newest text
}

func newCounter(w io.Writer) *counter {
	c := &counter{text: make(chan string, 1)}
	if !isTerminal(w) {
		return c
	}
	now := ""
	c.progress = mpb.New(mpb.WithOutput(w))
	c.bar = c.progress.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			select {
			case now = <-c.text:
			default:
			}
			return now
		})))
	return c
}

// show replaces the line. It never waits.
func (c *counter) show(text func() string) {
	if c.bar == nil {
		return
	}
	select {
	case c.text <- text():
	default: // the last one was not drawn yet
	}
}

// end takes the line away.
func (c *counter) end() {
	if c.bar == nil {
		return
	}
	c.bar.Abort(true)
	c.progress.Wait()
}
