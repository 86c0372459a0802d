package crash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// door is one way to ask for a file. An answer that looks whole has no error.
type door func(*file) ([]byte, error)

func (r *rig) doors() []door { return []door{r.viaDaemon(0), r.viaDaemon(1), r.viaCGI} }

// client asks for random files through one door. An answer that looks whole
// has to be a version of the file; a broken one is what a crash is allowed to be.
func (r *rig) client(seed int, stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(uint64(seed), 1))
	ask := r.doors()[seed%3]
	for {
		select {
		case <-stop:
			return
		default:
		}
		f := r.files[rnd.IntN(len(r.files))]
		if rnd.IntN(2) == 0 {
			f = r.suites[rnd.IntN(len(r.suites))].any(rnd)
		}
		b, err := ask(f)
		if err != nil {
			r.broken.Add(1)
			pause(stop, 2*time.Millisecond) // a daemon that is down refuses at once
			continue
		}
		f.whole.Add(1)
		if _, ok := f.version(b); !ok {
			r.t.Errorf("%s: a whole answer of %d bytes that are not the file", f.path, len(b))
		}
	}
}

// errStatus is an answer that is not the file, which is honest in a storm as
// long as it says so. 404 never is: both upstreams have every file.
func (r *rig) errStatus(f *file, status string) error {
	if strings.HasPrefix(status, "404") {
		r.t.Errorf("%s: 404 for a file that the upstreams have", f.path)
	}
	return errors.New("status " + status)
}

func (r *rig) viaDaemon(d int) door {
	return func(f *file) ([]byte, error) {
		resp, err := http.Get("http://" + r.ports[d] + f.escaped())
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, r.errStatus(f, resp.Status)
		}
		return io.ReadAll(resp.Body)
	}
}

// viaCGI runs the CGI program as a web server would that can stream.
func (r *rig) viaCGI(f *file) ([]byte, error) {
	cmd := r.command("mirror-cgi")
	cmd.Env = []string{
		"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1", "MIRROR_STREAM=1",
		"REQUEST_URI=" + f.escaped(), "MIRROR_CONFIG=" + r.conf(0),
	}
	out, err := cmd.Output()
	head, body, ok := bytes.Cut(out, []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("no header: %w", err)
	}
	length := -1
	for line := range strings.SplitSeq(string(head), "\r\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch strings.ToLower(key) {
		case "status":
			if !strings.HasPrefix(value, "200") {
				return nil, r.errStatus(f, value)
			}
		case "content-length":
			length, _ = strconv.Atoi(value)
		}
	}
	if length != len(body) { // the web server would break the connection
		return nil, io.ErrUnexpectedEOF
	}
	return body, nil
}

// sweep deletes published files, as an administrator may, so that there is
// always something to fetch. What it finds has to be whole.
func (r *rig) sweep(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for pause(stop, time.Duration(rnd.IntN(3))*time.Millisecond) {
		f := r.files[rnd.IntN(len(r.files))]
		name := filepath.Join(r.place(f), f.path)
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		b, err := io.ReadAll(file)
		fi, err2 := file.Stat()
		file.Close()
		if err != nil || err2 != nil {
			r.t.Errorf("%s cannot be read: %v %v", f.path, err, err2)
		} else if wrong := f.check(b, fi); wrong != "" {
			r.t.Errorf("%s as published: %s", f.path, wrong)
		}
		os.Remove(name)
	}
}
