package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mirror/maint"
)

func syncCommand(file *string) *cobra.Command {
	var o maint.SyncOptions
	var since string
	verbose := false
	c := &cobra.Command{
		Use:   "sync PATH",
		Short: "Bring a directory and everything below it",
		Long: `Bring a directory of a mirror and everything below it: what is missing or has
changed is fetched, links are made, and directories get their times. What is
there already stays, so a sync that was interrupted goes on where it was.

A PATTERN is written as in the configuration's "mutable": "*.iso" is compared
with the last element of a name, "dists/*/main" with all of it below the
mirror's prefix.

What is ours and no longer upstream stays as long as keep_dropped says, for
mirrorctl gc to remove; with --delete it goes at once. Both on proof alone: where a
listing did not come whole, or a catalog is older than a file, that stays. So does
what --include, --exclude and --since leave out, and what others put into the
docroot. If more than half of the files would go, or all because the directory is
empty upstream, as on a disk that is not mounted, none does, and with --delete the
exit status is 1.`,
		Args: onePath,
		RunE: func(c *cobra.Command, args []string) error {
			if since != "" {
				var err error
				if o.Since, err = parseSince(since, time.Now()); err != nil {
					return err
				}
			}
			switch {
			case o.Jobs < 0 || c.Flags().Changed("jobs") && o.Jobs == 0:
				return fmt.Errorf("--jobs %d: at least one file has to be asked for at a time", o.Jobs)
			case o.MaxDelete < 0 || c.Flags().Changed("max-delete") && o.MaxDelete == 0:
				return fmt.Errorf("--max-delete %d: give the number of files that may go, or leave --delete out", o.MaxDelete)
			case o.MaxDelete > 0 && !o.Delete:
				return errors.New("--max-delete says how many files --delete may take away: give that, too")
			}
			y := &syncing{SyncOptions: o, out: c.OutOrStdout(), display: newDisplay(c.ErrOrStderr()), verbose: verbose || o.DryRun}
			return y.run(c, *file, args[0])
		},
	}
	f := c.Flags()
	f.BoolVarP(&o.DryRun, "dry-run", "n", false, "tell what would be done, and do nothing")
	f.BoolVar(&o.Delete, "delete", false, "take away what is ours and no longer upstream")
	f.IntVar(&o.MaxDelete, "max-delete", 0, "delete nothing if more than `N` files would go; instead of: more than half")
	f.StringArrayVar(&o.Include, "include", nil, "only files that match the `PATTERN`; may be repeated")
	f.StringArrayVar(&o.Exclude, "exclude", nil, "no files and directories that match the `PATTERN`; may be repeated")
	f.StringVar(&since, "since", "", "only files as new as `TIME`: a date, a time, or how long ago (36h, 7d)")
	f.IntVarP(&o.Jobs, "jobs", "j", 0, "ask for `N` files at a time: 4, or as many as limits.per_upstream lets")
	f.BoolVarP(&verbose, "verbose", "v", false, "tell of each name")
	return c
}

// parseSince understands 2006-01-02, 2006-01-02T15:04:05Z, 2006-01-02 15:04:05 in
// local time, and a duration before now, which may be in days.
func parseSince(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) {
		return now.AddDate(0, 0, -days), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("--since: %q is neither a date (2024-11-12), nor a time (2024-11-12T08:00:00Z), nor how long ago (36h, 7d)", text)
}

// syncing is one run of the command.
type syncing struct {
	maint.SyncOptions
	out     io.Writer
	display *display
	verbose bool
}

func (y *syncing) run(c *cobra.Command, file, arg string) error {
	failed := false
	err := withSite(c.Context(), file, y.display, func(s maint.Site) error {
		a, err := parseArgument(s.Conf, arg)
		if err != nil {
			return err
		}
		y.Progress = new(maint.Progress)
		y.Tell = y.tell
		bars := y.display.syncBars(y.Progress)
		sum, err := s.Sync(c.Context(), a.name, y.SyncOptions)
		if err != nil { // what runs is broken off, before it is told
			s.Engine.Close(c.Context())
		}
		bars.end()
		y.display.end()
		failed = len(sum.Failed) > 0
		if err == nil || sum.Directories > 0 {
			y.summary(sum)
		}
		return err
	})
	if err == nil && failed {
		return errReported
	}
	return err
}

// tell prints failures as they happen, and with --verbose everything.
func (y *syncing) tell(a maint.Action) {
	line := maint.Quote(a.Name)
	if a.Text != "" {
		join := ": "
		if strings.HasSuffix(a.Verb, "link") {
			join = " -> "
		}
		line += join + oneLine(a.Text)
	}
	switch {
	case a.Verb == "fail":
		y.display.line("mirrorctl: %s", line)
	case y.verbose && y.DryRun:
		fmt.Fprintf(y.out, "%-15s  %s\n", "would "+a.Verb, line)
	case y.verbose:
		y.display.line("%-9s  %s", a.Verb, line)
	}
}

// summary prints what a sync did.
func (y *syncing) summary(sum maint.Synced) {
	would := ""
	if y.DryRun {
		would = " (nothing was done: --dry-run)"
	}
	fmt.Fprintf(y.out, "%s listed, in %s%s\n", plural(int64(sum.Directories), "directory"), sum.Took.Round(10*time.Millisecond), would)
	count := func(n int, what, rest string) {
		if n > 0 {
			fmt.Fprintf(y.out, "%9s  %s%s\n", number(int64(n)), what, rest)
		}
	}
	rate := ""
	if sum.Took > 0 && !y.DryRun {
		rate = ", " + size(int64(float64(sum.Bytes)/sum.Took.Seconds())) + " a second"
	}
	done, made := "", " made"
	if y.DryRun {
		done, made = "would be ", " would be made"
	}
	count(sum.Fetched, done+"fetched", ": "+size(sum.Bytes)+rate)
	count(sum.Replaced, done+"replaced by a newer version", "")
	count(sum.Asked, done+"asked for: they may have changed", "")
	count(sum.Current, "as they are upstream", "")
	count(sum.Symlinks, "symbolic links", made)
	count(sum.HardLinks, "hard links", made)
	count(sum.Deleted, done+"deleted", "")
	count(sum.DeletedDirs, strings.TrimSpace("directories "+done)+" deleted", "")
	count(sum.Dropped, "no longer upstream: kept for now, see mirrorctl gc", "")
	count(sum.Hidden, "hidden names left out: they are never mirrored", "")
	count(sum.Excluded, "left out, as --include, --exclude and --since say", "")
	y.notes(sum.Kept, "left alone, since they are not ours")
	y.notes(sum.Refused, "links and odd names refused")
	y.notes(sum.Undeleted, "directories in which nothing "+map[bool]string{false: "was", true: "would be"}[y.DryRun]+" deleted")
	y.notes(sum.Failed, "failed")
}

// maxNotes is how many names of a kind the summary tells; --verbose tells all.
const maxNotes = 100

func (y *syncing) notes(list []maint.Note, what string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(y.out, "%9s  %s:\n", number(int64(len(list))), what)
	for i, n := range list {
		if i == maxNotes {
			fmt.Fprintf(y.out, "           ... and %s more\n", number(int64(len(list)-i)))
			return
		}
		fmt.Fprintf(y.out, "           %s: %s\n", maint.Quote(n.Name), oneLine(n.Text))
	}
}
