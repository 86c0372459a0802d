package main

import (
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirror"
	"mirror/config"
	"mirror/internal/socket"
	"mirror/maint"
)

func checkCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "check-config",
		Short: "Read the configuration and say what is wrong with it",
		Long: `Read the configuration and its keyrings, open the docroot and the state directory,
and move a test file from the one to the other. The exit status is 1 if the mirror cannot
work; what works but looks wrong is a warning.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSite(c.Context(), *file, c.ErrOrStderr(), func(s maint.Site) error {
				if err := check(s); err != nil {
					return err
				}
				if err := summary(c.OutOrStdout(), *file, s.Conf); err != nil {
					return err
				}
				for _, advice := range s.Advice() {
					fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", oneLine(advice))
				}
				return nil
			})
		},
	}
}

// check finds what the daemon would refuse at its start, or at every index, after what
// config and the opening of the site have found.
func check(s maint.Site) error {
	if err := s.Engine.Tree().Probe(); err != nil {
		return fmt.Errorf("a test file could not be published: %w", err)
	}
	if server := s.Conf.Server; server.FastCGI.Network == "unix" {
		if _, err := socket.LookupGroup(server.FastCGIGroup); err != nil {
			return fmt.Errorf("server.fastcgi_group: %w", err)
		}
	}
	return s.CheckKeyrings()
}

// summary prints what is configured.
func summary(w io.Writer, file string, conf *config.Config) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...any) {
		for i, cell := range cells {
			sep := "\t"
			if i == len(cells)-1 {
				sep = "\n"
			}
			fmt.Fprint(t, oneLine(fmt.Sprint(cell)), sep)
		}
	}
	line("configuration", file)
	line("docroot", conf.Docroot)
	line("state", conf.State)
	line("served at", conf.Base)
	line("FastCGI", listening(conf))
	line("HTTP", orNone(conf.Server.HTTP))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	line("PREFIX", "MISS", "MUTABLE", "UPSTREAM")
	for i := range conf.Mirrors {
		m := &conf.Mirrors[i]
		row := []any{maint.Quote(mirror.Name(m.Prefix)), m.Miss, mutable(m)}
		for _, u := range m.Upstream {
			line(append(row, upstream(u))...)
			row = []any{"", "", ""}
		}
	}
	return t.Flush()
}

func listening(conf *config.Config) string {
	server := conf.Server
	switch server.FastCGI.Network {
	case "":
		return "a socket that is handed over, or CGI"
	case "tcp":
		return "tcp:" + server.FastCGI.Address
	}
	text := fmt.Sprintf("%s:%s, mode %04o", server.FastCGI.Network, server.FastCGI.Address, server.FastCGIMode)
	if server.FastCGIGroup != "" {
		text += ", group " + server.FastCGIGroup
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// mutable says how many patterns tell mutable names, and where their files are if
// not in the docroot.
func mutable(m *config.Mirror) string {
	text := "none"
	if n := len(m.Mutable); n > 0 {
		text = plural(int64(n), "pattern")
	}
	if m.MutableIn == config.InState {
		text += ", in state"
	}
	return text
}

// upstream is its URL without user and password, and says that there are any.
func upstream(u *url.URL) string {
	if u.User != nil {
		return config.Redacted(u) + " (with a password)"
	}
	return config.Redacted(u)
}
