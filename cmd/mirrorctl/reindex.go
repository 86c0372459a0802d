package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirror/maint"
)

func reindexCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Bring the record into line with the docroot",
		Long: `Record every file below a mirror's prefix, and forget those that have gone. It
adopts nothing: files that the record does not know are served, but never
replaced, but for those in the state directory, where nobody else puts any. Files
move to where mutable_in says. It may run at any time, also after the database was deleted.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				return reindex(c, s)
			})
		},
	}
}

func reindex(c *cobra.Command, s maint.Site) error {
	line := newCounter(c.ErrOrStderr())
	done, err := s.Reindex(c.Context(), func(r maint.Reindexed) {
		line.show(func() string { return plural(int64(r.Known+r.New+r.Ours+r.Changed), "file") })
	})
	line.end()
	report := table{tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)}
	report.always(done.Known, "as recorded")
	report.always(done.New, "new to the record")
	report.some(done.Ours, "new to the record, and ours, since the state directory has them")
	report.some(done.Changed, "changed since they were recorded")
	report.always(done.Gone, "gone, and their records with them")
	report.some(done.Busy, "left out: being fetched right now")
	report.skipped(done.Skipped)
	report.w.Flush()
	if done.New+done.Changed > 0 && err == nil {
		fmt.Fprintln(c.OutOrStdout(), "What is new or changed is served, but not ours to replace: see mirrorctl adopt.")
	}
	return err
}

// table prints counts and what they count.
type table struct{ w *tabwriter.Writer }

func (t table) always(n int, what string) {
	fmt.Fprintf(t.w, "%s\t  %s\n", number(int64(n)), what)
}

func (t table) some(n int, what string) {
	if n > 0 {
		t.always(n, what)
	}
}

func (t table) skipped(s maint.Skipped) {
	t.some(s.Links, "left out: symbolic links")
	t.some(s.Special, "left out: neither files nor directories")
	t.some(s.Unnamed, "left out: names that no request can ask for")
}
