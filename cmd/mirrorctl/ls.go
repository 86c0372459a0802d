package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mirror/fetch"
	"mirror/listing/render"
	"mirror/maint"
)

func lsCommand(file *string) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "ls PATH|URL",
		Short: "Print a directory of the mirror and what is here of it, or any upstream's",
		Long: `Print a directory as "ls -l" does, in UTC: one of the mirror, with what is here
of it, arriving, or only upstream; or the one at a URL (http, https, ftp, ftps,
rsync, file), which is asked directly and needs no configuration. What is not
known is "-", and what is known roughly is rounded, or a range of days.`,
		Args: onePath,
		RunE: func(c *cobra.Command, args []string) error {
			p := &printer{out: bufio.NewWriter(c.OutOrStdout()), warn: c.ErrOrStderr(), json: asJSON}
			if strings.Contains(args[0], "://") {
				return p.url(c.Context(), args[0])
			}
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				return p.path(c.Context(), s, args[0])
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line, for programs")
	return c
}

// printer prints a directory.
type printer struct {
	out  *bufio.Writer
	warn io.Writer
	json bool
}

// url prints the directory at a URL.
func (p *printer) url(ctx context.Context, url string) error {
	d, err := fetch.ListURL(ctx, url)
	if err != nil {
		return err
	}
	for i := range d.Entries {
		p.row(render.Row{Entry: d.Entries[i], State: render.Unmirrored})
	}
	return p.end(d)
}

// path prints a directory of the mirror.
func (p *printer) path(ctx context.Context, s maint.Site, arg string) error {
	a, err := parseArgument(s.Conf, arg)
	if err != nil {
		return err
	}
	d, items, err := s.List(ctx, a.name, a.dir)
	if err != nil {
		return about(a.name, err)
	}
	for _, it := range items {
		p.row(render.Row{Entry: it.Entry, State: states[it.Presence], Done: it.Done})
	}
	return p.end(d)
}

var states = map[fetch.Presence]render.State{
	fetch.Absent: render.Upstream, fetch.Arriving: render.Arriving, fetch.Here: render.Here,
}

// row prints a line. An error of writing comes again at the end.
func (p *printer) row(r render.Row) {
	b := p.out.AvailableBuffer()
	switch {
	case !p.json:
		b = render.Line(b, &r)
	case r.State == render.Unmirrored:
		b = render.Object(b, &r.Entry)
	default:
		b = render.RowObject(b, &r)
	}
	p.out.Write(append(b, '\n'))
}

// end warns of what is wrong with the listing.
func (p *printer) end(d *fetch.Directory) error {
	if err := p.out.Flush(); err != nil {
		return err
	}
	warn := func(format string, args ...any) {
		fmt.Fprintf(p.warn, "warning: %s\n", oneLine(fmt.Sprintf(format, args...)))
	}
	if d.Stale != nil {
		warn("this is the listing of %s: %v", moment(d.Checked, time.Now()), d.Stale)
	}
	if !d.Ended {
		warn("the listing is not certain to be whole: there may be more")
	}
	if d.Unread > 0 {
		warn("%s of the listing could not be understood", plural(d.Unread, "line"))
	}
	return nil
}
