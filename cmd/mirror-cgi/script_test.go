package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mirror/internal/origin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mirror-cgi": main})
}

// TestScripts runs the real program as a web server would: by its environment.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			o := origin.New(t)
			o.Set("/a", origin.File{Body: []byte("content")})
			o.Set("/large", origin.File{Seed: 1, Size: 3 << 20})
			// Long enough under way that a front which waits sees it grow.
			o.Set("/slow", origin.File{Seed: 2, Size: 200 << 10})
			o.Behave("/slow", origin.Behaviour{Rate: 500 << 10})
			env.Setenv("URL", o.URL)
			// The wrong scheme.
			env.Setenv("TLSURL", strings.Replace(origin.New(t, origin.TLS()).URL, "https:", "http:", 1))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each run takes a second longer
			for k, v := range map[string]string{
				"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1",
				"SCRIPT_NAME": "/mirror.cgi", "MIRROR_CONFIG": env.WorkDir + "/mirror.toml", "REQUEST_URI": "/m/a",
			} {
				env.Setenv(k, v)
			}
			path := filepath.Join(env.WorkDir, "mirror.toml")
			if text, err := os.ReadFile(path); err == nil {
				if err := os.WriteFile(path, []byte(os.Expand(string(text), env.Getenv)), 0o600); err != nil {
					return err
				}
			}
			return os.Mkdir(env.WorkDir+"/doc", 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"appears": appears, "has": has},
	})
}

// appears waits for a file, and for a text in it: appears FILE [TEXT].
func appears(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && (len(args) == 1 || strings.Contains(string(b), args[1])) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

// has looks for a text in the last output, whose lines end as in HTTP: has TEXT.
func has(ts *testscript.TestScript, neg bool, args []string) {
	if strings.Contains(ts.ReadFile("stdout"), strings.ReplaceAll(args[0], `\n`, "\r\n")) == neg {
		ts.Fatalf("%q in the answer: %v, want %v", args[0], neg, !neg)
	}
}
