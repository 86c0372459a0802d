package render

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// browser is a tab of a headless Chromium that is driven over its DevTools
// protocol: JSON messages, each ended by a NUL, on file descriptors 3 and 4.
type browser struct {
	t       *testing.T
	to      *os.File
	from    *os.File
	read    *bufio.Reader
	session string
	calls   int
	loads   int // pages that were loaded
	// complaints is what the tab's console was told, but for plain logging:
	// errors, and what the Content-Security-Policy forbade.
	complaints []string
}

// message is a call, its answer, or an event.
type message struct {
	ID        int                       `json:"id,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Method    string                    `json:"method,omitempty"`
	Params    json.RawMessage           `json:"params,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

// patience is for one answer of the browser's on a slow machine.
const patience = time.Minute

func newBrowser(t *testing.T) *browser {
	t.Helper()
	home, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	its3, to := pipe(t)
	from, its4 := pipe(t)
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-breakpad",
		"--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir="+home, "--remote-debugging-pipe")
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{its3, its4}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (\"make test\" installs what the tests need)", err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		os.RemoveAll(home)
	})
	its3.Close()
	its4.Close()

	b := &browser{t: t, to: to, from: from, read: bufio.NewReader(from)}
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// call calls a method and decodes its result into result, if that is not nil.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.calls++
	p, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := json.Marshal(message{ID: b.calls, SessionID: b.session, Method: method, Params: p})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(out, 0)); err != nil {
		b.t.Fatalf("chromium: %v", err)
	}
	for {
		m := b.next(method)
		if m.ID != b.calls {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// next reads a message and keeps the complaints.
func (b *browser) next(waitingFor string) message {
	b.t.Helper()
	b.from.SetReadDeadline(time.Now().Add(patience))
	raw, err := b.read.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("chromium, waiting for %s: %v", waitingFor, err)
	}
	var m message
	if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
		b.t.Fatal(err)
	}
	switch m.Method {
	case "Page.loadEventFired":
		b.loads++
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		b.complaints = append(b.complaints, string(m.Params))
	}
	return m
}

// open goes to a page and waits until it is loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	before := b.loads
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	for b.loads == before {
		b.next("the page")
	}
}

// eval runs a JavaScript expression, waits for it if it is a promise, and
// returns its value, which must be of type T.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value T }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	b.call("Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
	if e := answer.ExceptionDetails; e != nil {
		b.t.Fatalf("%s: %s", expression, e.Exception.Description)
	}
	return answer.Result.Value
}

// press presses and releases a key that has no text.
func (b *browser) press(key string, code int) {
	b.t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{
			"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
	}
}

// scheme sets what the user prefers, "light" or "dark".
func (b *browser) scheme(scheme string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// width sets the window's, in CSS pixels.
func (b *browser) width(pixels int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": pixels < 600}, nil)
}

// screenshot keeps a picture where -screenshots says.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	var picture struct{ Data []byte }
	b.call("Page.captureScreenshot", nil, &picture)
	if err := os.WriteFile(fmt.Sprintf("%s/%s.png", *screenshots, name), picture.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
