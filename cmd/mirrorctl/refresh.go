package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/fetch"
	"mirror/maint"
)

func refreshCommand(file *string) *cobra.Command {
	force, verbose := false, false
	c := &cobra.Command{
		Use:   "refresh [PATH...]",
		Short: "Confirm what changes upstream: indexes that are due and in use",
		Long: `Ask the upstreams for newer versions of files whose content changes (see "mutable"
in the configuration), of the whole mirror or of files and directories. Only those
are asked for that are due (max_age) and that clients have read lately (keep_fresh).
What belongs together is refreshed together.

mirror-fcgi does the same by itself. Where there is only the CGI program, cron does:

  */10 * * * *  mirrorctl --config /home/me/mirror.toml refresh

It prints what has failed only. The exit status is 1 then: what is here stays as it is.`,
		RunE: func(c *cobra.Command, args []string) error {
			display := newDisplay(c.ErrOrStderr())
			var sum maint.Refreshed
			err := withSite(c.Context(), *file, display, func(s maint.Site) error {
				names := []mirror.Name{""}
				if len(args) > 0 {
					names = nil
				}
				for _, arg := range args {
					a, err := parseArgument(s.Conf, arg)
					if err != nil {
						return err
					}
					names = append(names, a.name)
				}
				var err error
				sum, err = s.Refresh(c.Context(), names, maint.RefreshOptions{Force: force, Tell: func(name mirror.Name, how fetch.Brought, err error) {
					switch {
					case err != nil:
						display.line("mirrorctl: %s: %s", maint.Quote(name), oneLine(err.Error()))
					case !verbose: // cron would send a letter of it
					case how == fetch.Replaced:
						display.line("%s: replaced by a newer version", maint.Quote(name))
					default:
						display.line("%s: still current", maint.Quote(name))
					}
				}})
				return err
			})
			display.end()
			if err != nil {
				return err
			}
			if verbose {
				fmt.Fprintf(c.OutOrStdout(), "%s: %d not used lately, %d fresh; asked for: %d still current, %d replaced, %d failed\n",
					plural(int64(sum.Files), "mutable file"), sum.Unused, sum.Fresh, sum.Confirmed, sum.Replaced, sum.Failed)
			}
			if sum.Failed > 0 {
				return errReported
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "also what is not due, or not used")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell of each file, and how many there are")
	return c
}
