package main

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mirror/listing"
	"mirror/listing/render"
	"mirror/maint"
)

func parseCommand() *cobra.Command {
	var f parseFlags
	c := &cobra.Command{
		Use:   "parse FILE",
		Short: "Print what a saved listing says: a page, an FTP list, an ls-lR.gz",
		Long: `Print what a saved listing says: a web server's directory page (HTML, JSON, XML),
what an FTP server answers to LIST or MLSD, what rsync prints, or a list of a
whole tree (ls-lR, find -ls, fullfiletimelist; packed with gzip or xz or not).
FILE is "-" for the standard input. No configuration is needed.

A time that the listing writes without a zone is a range of days, unless --zone
says which zone it is in. What was recognised, and what was not understood, is
told on the standard error. The exit status is 1 if it is no listing.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("parse takes one file, but was given %d: mirrorctl %s", len(args), c.Use)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.parse(c, args[0]) },
	}
	forms := strings.Join(maint.Forms, ", ")
	c.Flags().StringVar(&f.as, "as", "auto", "the `FORM` to read it as: "+forms)
	c.Flags().StringVar(&f.base, "base", "", "the `URL` of the page")
	c.Flags().StringVar(&f.contentType, "content-type", "", "the `TYPE` that the page was sent as")
	c.Flags().StringVar(&f.now, "now", "", "the `TIME` of the listing, for dates without a year: 2024-11-12T10:00:00Z, or seconds since 1970; else now")
	c.Flags().StringVar(&f.zone, "zone", "", "the `ZONE` of times that are written without one: Europe/Berlin, UTC")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line, for programs")
	return c
}

// parseFlags are what the command line says.
type parseFlags struct {
	as, base, contentType, now, zone string
	json                             bool
}

func (f *parseFlags) parse(c *cobra.Command, file string) error {
	saved, err := f.saved()
	if err != nil {
		return err
	}
	in, what := os.Stdin, "the standard input"
	if file != "-" {
		if in, err = os.Open(file); err != nil {
			return fmt.Errorf("the listing cannot be opened: %w", err)
		}
		defer in.Close()
		what = file
	}
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	var b []byte
	sum, err := saved.Parse(in, func(p maint.Part) error {
		for i := range p.Entries {
			if err := context.Cause(c.Context()); err != nil {
				return err
			}
			b = append(f.appendEntry(b[:0], p, &p.Entries[i]), '\n')
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if sum.Format != "" || err == nil {
		fmt.Fprintln(c.ErrOrStderr(), oneLine(conclusion(sum)))
	}
	if err != nil && c.Context().Err() == nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// saved checks the flags.
func (f *parseFlags) saved() (maint.Saved, error) {
	s := maint.Saved{As: f.as, ContentType: f.contentType}
	if !slices.Contains(maint.Forms, f.as) {
		return s, fmt.Errorf("--as %q is no form that can be read: %s", f.as, strings.Join(maint.Forms, ", "))
	}
	var err error
	if f.base != "" {
		if s.Base, err = url.Parse(f.base); err != nil || s.Base.Host == "" {
			return s, fmt.Errorf("--base %q is not the address of a page: write it as http://HOST/PATH/", f.base)
		}
	}
	if f.now != "" {
		if s.Clock.Now, err = timeOf(f.now); err != nil {
			return s, fmt.Errorf("--now %q is no time: write it as 2024-11-12T10:00:00Z, or as seconds since 1970", f.now)
		}
	}
	if f.zone != "" {
		if s.Clock.Zone, err = time.LoadLocation(f.zone); err != nil {
			return s, fmt.Errorf("--zone %q is not known here: write a name of the system's database, such as Europe/Berlin or UTC", f.zone)
		}
	}
	return s, nil
}

func timeOf(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	return time.Parse(time.RFC3339, text)
}

// appendEntry appends an entry as it is printed; a tree's is named by its path,
// or in JSON has its directory beside the name.
func (f *parseFlags) appendEntry(b []byte, p maint.Part, e *listing.Entry) []byte {
	switch {
	case f.json && p.Tree:
		return render.TreeObject(b, p.Dir, e)
	case f.json:
		return render.Object(b, e)
	}
	row := render.Row{Entry: *e, State: render.Unmirrored}
	if p.Dir != "" {
		row.Name = p.Dir + "/" + e.Name
	}
	return render.Line(b, &row)
}

// conclusion says in one line what there is to say of a listing as a whole.
func conclusion(s maint.Summary) string {
	text := entries(s.Entries)
	if s.Format != "" { // else there was nothing to recognise
		text = s.Format + ": " + text
	}
	switch {
	case s.Unread == 1:
		text += fmt.Sprintf("; 1 line was not understood: %q", s.FirstUnread)
	case s.Unread > 1:
		text += fmt.Sprintf("; %s lines were not understood, the first is %q", number(int64(s.Unread)), s.FirstUnread)
	}
	if s.Next != "" {
		text += fmt.Sprintf("; there is more, which is asked for with %q", s.Next)
	}
	if s.Ended {
		return text + "; it ended properly"
	}
	return text + "; it is not certain to be whole: there may be more"
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return number(int64(n)) + " entries"
}
