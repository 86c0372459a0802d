package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mirror/internal/origin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mirrorctl": func() { os.Exit(program()) }})
}

// TestScripts runs the real program against an upstream of each script's own,
// whose URL is $URL. MIRROR_CONFIG is $WORK/mirror.toml, whose text the script
// gives: $URL and $WORK stand for themselves in it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			up := &scriptOrigin{Origin: origin.New(t)}
			env.Values[originKey{}] = up
			env.Setenv("URL", up.URL)
			// The wrong schemes.
			env.Setenv("HTTPSURL", strings.Replace(up.URL, "http:", "https:", 1))
			env.Setenv("TLSURL", strings.Replace(origin.New(t, origin.TLS()).URL, "https:", "http:", 1))
			env.Setenv(configKey, env.WorkDir+"/mirror.toml")
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each run takes a second longer
			if err := os.MkdirAll(env.WorkDir+"/doc", 0o755); err != nil {
				return err
			}
			return expandConfigs(env)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"origin": originCommand,
			"until":  untilCommand,
		},
	})
}

// expandConfigs replaces the variables in the script's *.toml files.
func expandConfigs(env *testscript.Env) error {
	entries, err := os.ReadDir(env.WorkDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".toml") {
			continue
		}
		path := env.WorkDir + "/" + entry.Name()
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(os.Expand(string(text), env.Getenv)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

type originKey struct{}

// scriptOrigin is a script's origin and what it holds back.
type scriptOrigin struct {
	*origin.Origin
	mu      sync.Mutex
	release func() // guarded by mu
}

// originCommand tells the upstream what to do:
//
//	origin set PATH SIZE [SEED]    there is a file
//	origin text PATH TEXT          there is a file with this text
//	origin page PATH FILE          there is an HTML page: a file of the script's
//	origin remove PATH             there is none
//	origin hold PATH N             each answer stops after N bytes
//	origin rate PATH N             each answer has N bytes a second
//	origin release                 those that were held go on
//	origin down, origin up         connections are refused, or not
//	origin count PATH N            it was asked for PATH N times
func originCommand(ts *testscript.TestScript, neg bool, args []string) {
	up := ts.Value(originKey{}).(*scriptOrigin)
	up.mu.Lock()
	defer up.mu.Unlock()
	number := func(i int) int64 {
		n, err := strconv.ParseInt(args[i], 10, 64)
		ts.Check(err)
		return n
	}
	switch key := fmt.Sprint(args[0], " ", len(args)-1); key {
	case "set 2":
		up.Set(args[1], origin.File{Seed: 1, Size: number(2)})
	case "text 2":
		up.Set(args[1], origin.File{Body: []byte(args[2]), ModTime: time.Now().Add(-time.Hour)})
	case "page 2":
		up.Set(args[1], origin.File{Body: []byte(ts.ReadFile(args[2])), ContentType: "text/html"})
	case "remove 1":
		up.Remove(args[1])
	case "hold 2":
		up.release = up.HoldAfter(args[1], number(2))
	case "rate 2":
		up.Behave(args[1], origin.Behaviour{Rate: number(2)})
	case "release 0":
		up.release()
	case "down 0":
		up.Down()
	case "up 0":
		up.Up()
	case "count 2":
		if n := up.Count(args[1], "GET"); int64(n) != number(2) {
			ts.Fatalf("%s was asked for %d times, want %s", args[1], n, args[2])
		}
	default:
		ts.Fatalf("there is no %q", key)
	}
}

// patience bounds how long until waits, for a machine that is busy.
const patience = 30 * time.Second

// untilCommand runs a command until its output matches: until PATTERN COMMAND...
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := ts.Exec(args[1], args[2:]...); err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%q never said %q", args[1:], args[0])
}
