package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/maint"
)

func gcCommand(file *string) *cobra.Command {
	var o maint.GCOptions
	verbose := false
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what the upstream dropped long ago",
		Long: `Remove files of ours that the upstream dropped longer ago than the mirror's
keep_dropped: an index that was read to its end no longer names them, or mirrorctl
sync found that a whole listing lacks them. A file that any index names now stays,
and so does what others put into the docroot. An error page is never a reason.
Metadata that is called by its digest goes sooner, but for the last keep_generations.

Beside them go unfinished files that nobody has gone on with for a week, and
damaged ones that mirrorctl verify took away a month ago. The daemon does all this
once a day.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				return collect(c, s, o, verbose || o.DryRun)
			})
		},
	}
	c.Flags().BoolVarP(&o.DryRun, "dry-run", "n", false, "tell what would be removed, and remove nothing")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell of each file")
	return c
}

func collect(c *cobra.Command, s maint.Site, o maint.GCOptions, verbose bool) error {
	now := time.Now()
	if verbose {
		o.Tell = func(d maint.Collection) {
			fmt.Fprintf(c.OutOrStdout(), "%s: dropped %s, by the word of %s\n", maint.Quote(d.Name), moment(d.Since, now), maint.Quote(mirror.Name(d.Via)))
		}
	}
	sum, err := s.GC(c.Context(), o)
	t := table{tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)}
	what := "removed ("
	if o.DryRun {
		what = "to be removed ("
	}
	t.always(sum.Removed, what+size(sum.Bytes)+")")
	t.some(sum.Dirs, "directories removed: they were empty then")
	t.some(sum.Waiting, "dropped, and kept for now: keep_dropped")
	t.some(sum.Back, "dropped, and confirmed by the upstream since")
	t.some(sum.Others, "left alone, since they are not ours any more")
	t.w.Flush()
	for _, f := range sum.Failed {
		fmt.Fprintf(c.ErrOrStderr(), "mirrorctl: %s: %s\n", maint.Quote(f.Name), oneLine(f.Text))
	}
	if err == nil && len(sum.Failed) > 0 {
		return errReported
	}
	return err
}
