package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"mirror/bench/content"
	"mirror/bench/contestant"
)

// The processes that are timed, each as often.
const (
	cgiHit   contestant.Kind = "mirror-cgi, a file that is there already"
	cgiMiss  contestant.Kind = "mirror-cgi, a miss of 4 KiB"
	cgiLeast contestant.Kind = "a CGI in Go that only writes 4 KiB"
	cgiNone  contestant.Kind = "/bin/true: what any process costs"

	cgiRuns = 200
	cgiGoal = 3 // x the least
)

// cgi times whole processes, from before exec to their end, as a web server
// would run them. The miss includes the publication.
func cgi(ctx context.Context, b *bench) ([]*series, error) {
	s := &series{title: "CGI: a whole process", unit: "ms", format: "%.2f", kinds: []contestant.Kind{cgiHit, cgiMiss, cgiLeast, cgiNone},
		note: "From exec to exit. A hit, one that another process was just faster with, is to take at most 5 ms.",
		goal: &goal{
			text: fmt.Sprintf("a miss in at most %dx a CGI in Go that only writes", cgiGoal),
			met:  func(s *series, miss contestant.Kind) bool { return s.median(miss) <= cgiGoal*s.median(cgiLeast) },
			as:   map[contestant.Kind]contestant.Kind{contestant.OursCGI: cgiMiss}, against: []contestant.Kind{cgiLeast},
		}}
	b.serial++
	dir := filepath.Join(b.dir, fmt.Sprint(b.serial))
	docroot := filepath.Join(dir, "doc")
	if err := os.MkdirAll(docroot, 0o755); err != nil {
		return nil, err
	}
	least, err := b.buildDir(ctx, "bench/floor/cgi", "-ldflags", "-s -w")
	if err != nil {
		return nil, err
	}
	zeros := content.ZerosPath(4*kib, "cgi") // as the least program writes
	conf := filepath.Join(dir, "mirror.toml")
	text := fmt.Sprintf("docroot = %q\n[[mirror]]\nprefix = \"/\"\nupstream = [\"http://%s/\"]\n", docroot, b.setup.Origin)
	err = errors.Join(
		os.WriteFile(conf, []byte(text), 0o600),
		os.WriteFile(filepath.Join(docroot, "hit"), make([]byte, 4*kib), 0o644))
	if err != nil {
		return nil, err
	}
	for i := range cgiRuns {
		for _, kind := range s.kinds {
			args, env, body := []string{b.setup.CGI}, []string{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "MIRROR_STREAM=1", "MIRROR_CONFIG=" + conf}, zeros
			switch kind {
			case cgiHit:
				env = append(env, "REQUEST_URI=/hit")
			case cgiMiss:
				body = content.Path(4*kib, fmt.Sprint("cgi/", i))
				env = append(env, "REQUEST_URI="+body)
			case cgiLeast:
				args = []string{least}
			default:
				args, body = []string{"/bin/true"}, content.Path(0, "")
			}
			took, err := process(ctx, args, env, body)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			s.add(&turn{Running: &contestant.Running{Kind: kind}, b: b}, ms(took))
		}
	}
	return []*series{s}, nil
}

// process runs a program, and checks that the body of what it answers is the file at
// path.
func process(ctx context.Context, args, env []string, path string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	begun := time.Now()
	err := cmd.Run()
	took := time.Since(begun)
	if err != nil {
		return 0, err
	}
	_, body, _ := bytes.Cut(out.Bytes(), []byte("\r\n\r\n"))
	file, err := content.Of(path)
	if err != nil {
		return 0, err
	}
	check := content.NewCheck(file)
	if _, err := check.Write(body); err != nil {
		return 0, err
	}
	return took, check.Whole()
}
