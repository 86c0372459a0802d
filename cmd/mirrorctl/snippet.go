package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirror/config"
	"mirror/snippet"
)

func snippetCommand(file *string) *cobra.Command {
	var style, host string
	c := &cobra.Command{
		Use:   "snippet [SERVER]",
		Short: "Print the web server's part of the configuration",
		Long: `Print what the web server in front has to be told, made from the configuration:
the docroot and its place in the site, the socket, what is never shown, and which
names it has to ask the mirror for although they are there ("mutable", "index",
"profile"). Print it again, and reload the web server, when one of these changes.

SERVER is nginx, apache, htaccess, lighttpd or caddy. Without it, what there is is
listed. The files of deploy/ are what is printed for the defaults.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSnippets(c)
			}
			s, err := snippet.Find(args[0], style)
			if err != nil {
				return err
			}
			conf, err := config.Load(*file)
			if err != nil {
				return err
			}
			text, err := s.Text(conf, host)
			if err != nil {
				return err
			}
			if s.Daemon && conf.Server.FastCGI.Network == "" {
				note := "note: server.fastcgi is empty: the socket is that of deploy/systemd, " + snippet.DefaultSocket
				if conf.Server.HTTP != "" {
					note += " (server.http is a front of its own, for clients)"
				}
				fmt.Fprintln(c.ErrOrStderr(), note)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&style, "style", "", "the `STYLE`, where a server has several")
	c.Flags().StringVar(&host, "host", snippet.DefaultHost, "the `NAME` of the site")
	return c
}

func listSnippets(c *cobra.Command) error {
	t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	server := ""
	for _, s := range snippet.Styles {
		call := "mirrorctl snippet " + s.Server
		if s.Server == server {
			call += " --style " + s.Name
		}
		server = s.Server
		fmt.Fprintf(t, "%s\t%s\n", call, s.About)
	}
	return t.Flush()
}
