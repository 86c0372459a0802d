// Mirrorctl is the operator's tool of the mirror.
//
//	mirrorctl check-config     read the configuration and say what is wrong
//	mirrorctl fetch PATH...    fetch files as requests would
//	mirrorctl sync PATH        bring a directory and everything below it
//	mirrorctl refresh [PATH]   confirm what changes upstream
//	mirrorctl verify [PATH]    read what is here, and repair what is damaged
//	mirrorctl gc               remove what the upstream dropped long ago
//	mirrorctl why PATH         tell the state of a name, and what comes next
//	mirrorctl reindex          bring the record into line with the docroot
//	mirrorctl adopt PATH...    make files of others ours
//	mirrorctl ls PATH|URL      print a directory, and what is here of it
//	mirrorctl parse FILE       print what a saved listing says
//	mirrorctl snippet SERVER   print the web server's part of the configuration
//
// The configuration is the file that -config names, else MIRROR_CONFIG, else
// /etc/mirror/mirror.toml. It may run beside a daemon, as the user who owns the
// state directory. The exit status is 1 if anything failed,
// and 130 if it was interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(program()) }

func program() int {
	syscall.Umask(0o002) // modes are given explicitly
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// Who presses Ctrl-C a second time does not want to wait.
	context.AfterFunc(ctx, stop)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(longFlags(args))
	out := &output{Writer: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errReported):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "mirrorctl: interrupted")
	default:
		// Each line is a problem of its own.
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(stderr, "mirrorctl: %s\n", oneLine(line))
		}
	}
	if ctx.Err() != nil {
		return interrupted
	}
	return 1
}

// output is where a command prints, and remembers the first error: a summary that went
// to a full disk was not told, whatever else went well.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// interrupted is the status of what Ctrl-C has ended, as shells have it: 128 and
// the number of SIGINT.
const interrupted = 130

// errReported is the error of a command that has said what went wrong.
var errReported = errors.New("reported already")

const configKey, defaultConfig = "MIRROR_CONFIG", "/etc/mirror/mirror.toml"

func rootCommand() *cobra.Command {
	path := os.Getenv(configKey)
	if path == "" {
		path = defaultConfig
	}
	root := &cobra.Command{
		Use:           "mirrorctl",
		Short:         "Look after an on-demand mirror",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.Long = `Look after an on-demand mirror.

A PATH is that of a URL ("/debian/a%20file", with or without the base), a
whole URL, a file below the docroot, or a plain name ("debian/a file").`
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand(root))
	root.SuggestionsMinimumDistance = 2 // letters
	root.CompletionOptions.HiddenDefaultCmd = true
	if info, ok := debug.ReadBuildInfo(); ok {
		root.Version = info.Main.Version // of the commit, where it was built from a clone
	}
	root.Flags().Bool("version", false, "tell the version") // without -v, which is --verbose
	file := root.PersistentFlags().String("config", path, "the configuration `FILE`; "+configKey+" names another default")
	root.AddCommand(checkCommand(file), fetchCommand(file), syncCommand(file), refreshCommand(file), verifyCommand(file), gcCommand(file), whyCommand(file), reindexCommand(file), adoptCommand(file),
		lsCommand(file), parseCommand(), snippetCommand(file))
	return root
}

// helpCommand is cobra's, but for a command that there is not.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err == nil && c == root {
				err = noArguments(root, rest)
			}
			if err != nil {
				return err
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("there is no command %q: is %s meant?", args[0], strings.Join(near, " or "))
		}
		return fmt.Errorf("there is no command %q: see mirrorctl --help", args[0])
	}
	return fmt.Errorf("%s takes no arguments, but was given %q", c.Name(), args[0])
}

func paths(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs a path: mirrorctl %s", c.Name(), c.Use)
	}
	return nil
}

func onePath(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one path at a time, but was given %d", c.Name(), len(args))
	}
	return paths(c, args)
}
