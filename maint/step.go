package maint

import (
	"time"

	"mirror/config"
	"mirror/fetch"
)

// directoryText is what becomes of a request for a directory.
const directoryText = "it is a directory: a request with a slash at its end gets its page, which mirrorctl ls prints; without one it is redirected"

// Listed is the report for a name that is asked for with a slash at its end, as that of
// a directory is.
func (r *Report) Listed() *Report {
	if r.File != nil || r.Obstacle != "" || r.Prefix == "" {
		return r
	}
	listed := *r
	listed.Next = Step{Kind: fetch.NextDirectory, Text: "the page of the directory, if it is one upstream: mirrorctl ls prints it"}
	return &listed
}

// step puts into words what the next request will do.
func (s Site) step(in *fetch.Inspection) Step {
	step := Step{Kind: in.Next, Until: in.Until}
	switch in.Next {
	case fetch.NextServe:
		step.Text = servedText(in)
	case fetch.NextRefresh:
		step.Text = served(in) + ", while the upstream is asked whether it has changed"
	case fetch.NextConfirm:
		step.Text = "the upstream is asked first whether it has changed; served as it is if no answer comes within a moment"
	case fetch.NextDirectory:
		step.Text = directoryText
	case fetch.NextRefuse:
		step.Text = "403: what stands in the docroot is no file that may be served, and it is not ours to replace"
	case fetch.NextOutside:
		step.Text = "404, and no upstream is asked: it is not below " + s.prefixes()
	case fetch.NextRecall:
		step.Text = "404 at once: all upstreams said that there is no such file, and are not asked again before " + clock(in.Until)
	case fetch.NextFollow:
		step.Text = "the fetch that is running is followed"
	case fetch.NextPublish:
		step.Text = "the unfinished file is whole: it is served, and published"
	case fetch.NextResume:
		step.Text = "the unfinished file is gone on with, if an upstream still has that version; " + missText(in.Mirror.Miss)
	case fetch.NextFetch:
		step.Text = "fetched from " + config.Redacted(in.Mirror.Upstream[0]) + orOthers(in.Mirror) + "; " + missText(in.Mirror.Miss)
	}
	return step
}

func served(in *fetch.Inspection) string {
	if in.Aside {
		return "served from the state directory"
	}
	return "served from the docroot"
}

func servedText(in *fetch.Inspection) string {
	served := served(in)
	switch {
	case in.Mirror == nil:
		return served + "; it is not below the prefix of a mirror"
	case in.Mutable && !in.Ours:
		return served + ", and never refreshed, since it is not ours (mirrorctl adopt makes it so)"
	case in.Mutable && in.Fetching:
		return served + ", and is being refreshed"
	case in.Mutable:
		return served + "; the upstream is asked for a newer one after " + clock(in.Until)
	}
	return served + ", by the web server alone"
}

func missText(mode config.MissMode) string {
	switch mode {
	case config.MissWait:
		return "the client gets it once it is whole"
	case config.MissRedirect:
		return "the client is sent to the upstream meanwhile"
	}
	return "the client gets it as it arrives, where the web server can do that"
}

func orOthers(m *config.Mirror) string {
	if len(m.Upstream) == 1 {
		return ""
	}
	return ", or from the next upstream where that fails"
}

// clock is a moment for people, in the local time zone.
func clock(t time.Time) string { return t.Local().Format(time.DateTime) }
