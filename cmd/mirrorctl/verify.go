package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/config"
	"mirror/maint"
)

// verifyRate is how many bytes a second are read where nobody says: half of what a
// disk that turns reads, so that clients get the other half.
const verifyRate = 50 << 20

func verifyCommand(file *string) *cobra.Command {
	var o maint.VerifyOptions
	var rate, after string
	verbose, asJSON := false, false
	c := &cobra.Command{
		Use:   "verify [PATH]",
		Short: "Read what is here, and repair what is damaged",
		Long: `Read every recorded file of a directory and everything below it, or of the whole
mirror, and compare it with the digest that it was fetched with and with those that
the repository's indexes tell. What is not as it should be is fetched again and
replaced in one step. It may run beside a daemon, whose clients keep their part of
the disk and its cache: see --rate.

A damaged file that no upstream gives is moved into the state directory, unless
--keep says otherwise: nobody should be served wrong bytes, and the next request
fetches it. It is kept there for a month. What others put into the docroot is
compared as well, and only told of.

The exit status is 1 if something is not right in the end.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return onePath(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			y := &verifying{VerifyOptions: o, out: c.OutOrStdout(), display: newDisplay(c.ErrOrStderr()), verbose: verbose || o.DryRun, json: asJSON}
			y.Rate = -1
			if rate != "" {
				var err error
				if y.Rate, err = config.ParseSize(rate); err != nil {
					return fmt.Errorf("--rate %q %w", rate, err)
				}
			}
			return y.run(c, *file, args, after)
		},
	}
	f := c.Flags()
	f.BoolVarP(&o.DryRun, "dry-run", "n", false, "tell what is wrong, and change nothing")
	f.BoolVar(&o.Keep, "keep", false, "leave damaged files that cannot be repaired in the docroot")
	f.BoolVar(&o.Missing, "missing", false, "also fetch what is on record and has gone from the docroot")
	f.StringVar(&rate, "rate", "", "how many bytes are read a second, at most: a `SIZE` (20MiB), 0 for no limit; server.verify_rate, or 50MiB")
	f.StringVar(&after, "after", "", "go on behind the file `PATH`, where a run was interrupted")
	f.BoolVarP(&verbose, "verbose", "v", false, "tell of each file that was repaired, has gone or was changed by others")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a line, for programs; the last one is the summary")
	return c
}

// verifying is one run of the command.
type verifying struct {
	maint.VerifyOptions
	out           io.Writer
	display       *display
	verbose, json bool
}

func (y *verifying) run(c *cobra.Command, file string, args []string, after string) error {
	var sum maint.Verified
	err := withSite(c.Context(), file, y.display, func(s maint.Site) error {
		name, err := y.names(s, args, after)
		if err != nil {
			return err
		}
		if y.Rate < 0 {
			y.Rate = s.Conf.Server.VerifyRate
			if y.Rate == 0 {
				y.Rate = verifyRate
			}
		}
		y.Progress = new(maint.VerifyProgress)
		y.Tell = y.tell
		bars := y.display.verifyBars(y.Progress)
		sum, err = s.Verify(c.Context(), name, y.VerifyOptions)
		if err != nil { // what runs is broken off, before it is told
			s.Engine.Close(c.Context())
		}
		bars.end()
		y.display.end()
		if err == nil || sum.Files > 0 {
			y.summary(sum)
		}
		if err != nil && sum.Last != "" {
			y.display.line("mirrorctl: --after %s goes on from here", maint.Quote(sum.Last))
		}
		return err
	})
	if err == nil && sum.Unsettled > 0 {
		return errReported
	}
	return err
}

// names understands the paths of the command line.
func (y *verifying) names(s maint.Site, args []string, after string) (name mirror.Name, err error) {
	if len(args) == 1 {
		a, err := parseArgument(s.Conf, args[0])
		if err != nil {
			return "", err
		}
		name = a.name
	}
	if after != "" {
		a, err := parseArgument(s.Conf, after)
		if err != nil {
			return "", fmt.Errorf("--after: %w", err)
		}
		y.After = a.name
	}
	return name, nil
}

// tell prints what somebody has to know, and with --verbose all that is told.
func (y *verifying) tell(v maint.Verdict) {
	if y.json {
		_ = y.encode(v)
		return
	}
	text := maint.Quote(v.Name) + ": " + v.State
	if v.Text != "" {
		text += ": " + oneLine(v.Text)
	}
	if v.Done != "" {
		text += "; " + v.Done
	}
	switch v.Done {
	case maint.Repaired, maint.Recorded:
	default:
		if v.State != maint.Changed && (v.State != maint.Missing || v.Text != "") {
			y.display.line("mirrorctl: %s", text)
			return
		}
	}
	if y.verbose {
		y.display.line("%s", text)
	}
}

func (y *verifying) encode(v any) error {
	out := json.NewEncoder(y.out)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// summary prints what was found and done.
func (y *verifying) summary(sum maint.Verified) {
	if y.json {
		_ = y.encode(struct {
			Summary maint.Verified `json:"summary"`
			Seconds float64        `json:"seconds"`
		}{sum, sum.Took.Seconds()})
		return
	}
	would := ""
	if y.DryRun {
		would = " (nothing was changed: --dry-run)"
	}
	rate := ""
	if sum.Took > 0 {
		rate = ", " + size(int64(float64(sum.Bytes)/sum.Took.Seconds())) + " a second"
	}
	fmt.Fprintf(y.out, "%s, %s in %s%s%s\n", plural(int64(sum.Files), "file"), size(sum.Bytes), sum.Took.Round(10*time.Millisecond), rate, would)
	t := table{tabwriter.NewWriter(y.out, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.always(sum.Right, "right")
	t.some(sum.Misread, "of them read wrongly at first: the memory or the way to the disk may be bad")
	t.some(sum.Recorded, "of them without a digest until now")
	t.some(sum.Damaged, "damaged: not the bytes that were fetched")
	t.some(sum.Wrong, "wrong: not what their repository says")
	t.some(sum.Repaired, "repaired: fetched again")
	t.some(sum.Quarantined, "damaged and not to be had: taken out of the docroot")
	t.some(sum.Unreadable, "cannot be opened")
	t.some(sum.Missing, "on record, and gone from the docroot")
	t.some(sum.Changed, "changed by others since they were recorded: mirrorctl reindex")
	t.some(sum.Busy, "left out: being fetched all the time")
	t.some(sum.Unsettled, "not right, and left as they are")
	t.w.Flush()
}
