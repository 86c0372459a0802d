package main

import (
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/maint"
)

func adoptCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "adopt PATH...",
		Short: "Make files ours that others put into the docroot",
		Long: `Make files ours, and all files below directories, so that a newer version at the
upstream may replace them. Their SHA-256 is recorded, so each is read once.`,
		Args: paths,
		RunE: func(c *cobra.Command, args []string) error {
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				return adopt(c, s, args)
			})
		},
	}
}

func adopt(c *cobra.Command, s maint.Site, args []string) error {
	var names []mirror.Name
	for _, arg := range args {
		a, err := parseArgument(s.Conf, arg)
		if err != nil {
			return err
		}
		names = append(names, a.name)
	}
	line := newCounter(c.ErrOrStderr())
	done, err := s.Adopt(c.Context(), names, func(a maint.Adopted) {
		line.show(func() string { return plural(int64(a.Files+a.Already), "file") + ", " + size(a.Bytes) })
	})
	line.end()
	if err != nil && done.Files+done.Already == 0 {
		return err
	}
	report := table{tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)}
	report.always(done.Files, "adopted ("+size(done.Bytes)+")")
	report.some(done.Already, "ours already")
	report.skipped(done.Skipped)
	report.w.Flush()
	return err
}
