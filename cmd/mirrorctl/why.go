package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/fetch"
	"mirror/maint"
)

func whyCommand(file *string) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "why PATH",
		Short: "Tell the state of a name, and what the next request will do",
		Args:  onePath,
		RunE: func(c *cobra.Command, args []string) error {
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				return why(c, s, args[0], asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return c
}

func why(c *cobra.Command, s maint.Site, arg string, asJSON bool) error {
	a, err := parseArgument(s.Conf, arg)
	if err != nil {
		return err
	}
	if a.name == "" {
		return fmt.Errorf("%q is the docroot itself: name a file in it", arg)
	}
	r, err := s.Why(c.Context(), a.name)
	if err != nil {
		return err
	}
	if a.dir {
		r = r.Listed()
	}
	if asJSON {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(r)
	}
	return explain(c.OutOrStdout(), r, time.Now())
}

// explanation prints labelled lines, aligned.
type explanation struct {
	w   *tabwriter.Writer
	now time.Time
}

func (e explanation) line(label, format string, args ...any) {
	fmt.Fprintf(e.w, "%s:\t%s\n", label, oneLine(fmt.Sprintf(format, args...)))
}

// explain prints a report in plain words.
func explain(w io.Writer, r *maint.Report, now time.Time) error {
	e := explanation{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), now}
	e.line("path", "%s", maint.Quote(r.Name))
	e.origin(r)
	e.file(r)
	e.expected(r)
	e.freshness(r)
	if d := r.Dropped; d != nil {
		kept := "it is kept for ever"
		if !d.Until.IsZero() {
			kept = "it is kept until " + moment(d.Until, now)
		}
		if d.Generations > 0 {
			kept += fmt.Sprintf(", or for %d generations", d.Generations)
		}
		e.line("dropped", "%s, by the word of %s; %s", moment(d.Since, now), d.Via, kept)
	}
	e.fetching(r)
	if f := r.Failure; f != nil {
		e.line("last failure", "%s, kind %q", moment(f.At, now), f.Kind)
		e.line("cause", "%s", f.Cause)
		if !f.Remembered.IsZero() {
			e.line("remembered", "until %s", moment(f.Remembered, now))
		}
	}
	e.line("next", "%s", r.Next.Text)
	return e.w.Flush()
}

func (e explanation) origin(r *maint.Report) {
	if r.Prefix == "" {
		e.line("mirror", "none: it is below no configured prefix")
		return
	}
	e.line("mirror", "%s", maint.Quote(mirror.Name(r.Prefix[1:])))
	for i, url := range r.URLs {
		label := "upstream"
		if i > 0 {
			label = fmt.Sprintf("upstream %d", i+1)
		}
		e.line(label, "%s", url)
	}
	switch {
	case r.Next.Kind == fetch.NextDirectory:
	case r.Mutable:
		e.line("kind", "mutable: its content changes")
	default:
		e.line("kind", "immutable: fetched once, then never asked for again")
	}
}

// standings say whose a file in the docroot is.
var standings = map[string]string{
	"ours":        "yes",
	"interrupted": "yes; its publication was cut off before it was recorded",
	"found":       "no: a reindex found it, and nobody has adopted it",
	"changed":     "no: it was changed since it was recorded",
	"unknown":     "no: it is not recorded",
}

func (e explanation) file(r *maint.Report) {
	f := r.File
	switch {
	case r.Obstacle != "":
		e.line("in docroot", "%s", r.Obstacle)
		return
	case f == nil:
		e.line("in docroot", "no")
		return
	}
	where := "in docroot"
	if f.Aside {
		e.line(where, "no: mutable_in = \"state\"")
		where = "in state"
	}
	e.line(where, "%s, modified %s", size(f.Size), moment(f.ModTime, e.now))
	e.line("ours", "%s", standings[f.Standing])
	if f.Upstream != "" {
		e.line("came from", "%s", f.Upstream)
	}
	if !f.Fetched.IsZero() {
		e.line("fetched", "%s", moment(f.Fetched, e.now))
	}
	if r.Mutable && !f.Checked.IsZero() {
		e.line("confirmed", "%s", moment(f.Checked, e.now))
	}
	if !f.Due.IsZero() {
		e.line("due", "%s", moment(f.Due, e.now))
	}
	var validators []string
	if f.ETag != "" {
		validators = append(validators, "ETag "+f.ETag)
	}
	if f.LastModified != "" {
		validators = append(validators, "Last-Modified "+f.LastModified)
	}
	if len(validators) > 0 {
		e.line("validators", "%s", strings.Join(validators, ", "))
	}
	if f.SHA256 != "" {
		e.line("SHA-256", "%s", f.SHA256)
	}
}

func (e explanation) fetching(r *maint.Report) {
	if r.Fetching {
		e.line("fetch", "is running")
	} else {
		e.line("fetch", "none is running")
	}
	u := r.Unfinished
	if u == nil {
		return
	}
	have := progress(u)
	switch {
	case r.Fetching:
	case u.Resumable:
		have += ", can be resumed"
	default:
		have += ", cannot be resumed: " + u.Reason
	}
	e.line("unfinished", "%s", have)
	if !u.Started.IsZero() {
		e.line("begun", "%s, from %s", moment(u.Started, e.now), u.Upstream)
	}
}

func progress(u *maint.Unfinished) string {
	if u.Total <= 0 {
		return size(u.Have)
	}
	return fmt.Sprintf("%s of %s (%d %%)", size(u.Have), size(u.Total), 100*u.Have/u.Total)
}
