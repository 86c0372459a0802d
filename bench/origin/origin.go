package origin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"mirror/bench/proc"
)

// Origin is a running origin.
type Origin struct {
	Addr    string // "host:port" of the files
	control string
	stdin   io.Closer
}

// startTime bounds how long the origin may take to say where it listens.
const startTime = 10 * time.Second

// Start starts this very program again, as the origin.
func Start(ctx context.Context, group *proc.Group) (*Origin, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, argument)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if _, err := group.Start(cmd); err != nil {
		return nil, err
	}
	lines := make(chan string, 2)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	o := &Origin{stdin: in}
	for _, addr := range []*string{&o.Addr, &o.control} {
		select {
		case *addr = <-lines:
		case <-time.After(startTime):
		case <-ctx.Done():
		}
		if *addr == "" {
			return nil, fmt.Errorf("the origin did not start")
		}
	}
	return o, nil
}

// Set sets the speed of the origin: the rate of each connection in bytes a
// second and the delay of each answer; 0 is none.
func (o *Origin) Set(ctx context.Context, rate int64, delay time.Duration) error {
	_, err := o.ask(ctx, http.MethodPost, fmt.Sprintf("/set?rate=%d&delay=%s", rate, delay))
	return err
}

// SetLine sets the speed of the line to the origin, in bytes a second, that all
// connections share, and no other limit.
func (o *Origin) SetLine(ctx context.Context, rate int64) error {
	_, err := o.ask(ctx, http.MethodPost, fmt.Sprintf("/set?line=%d", rate))
	return err
}

// Reset forgets the counts.
func (o *Origin) Reset(ctx context.Context) error {
	_, err := o.ask(ctx, http.MethodPost, "/reset")
	return err
}

// Counts returns what was asked for since Reset, by path.
func (o *Origin) Counts(ctx context.Context) (map[string]Count, error) {
	body, err := o.ask(ctx, http.MethodGet, "/counts")
	if err != nil {
		return nil, err
	}
	var paths map[string]Count
	if err := json.Unmarshal(body, &paths); err != nil {
		return nil, fmt.Errorf("the origin's counts: %w", err)
	}
	return paths, nil
}

// Count returns what was asked for at path since Reset.
func (o *Origin) Count(ctx context.Context, path string) (Count, error) {
	paths, err := o.Counts(ctx)
	return paths[path], err
}

func (o *Origin) ask(ctx context.Context, method, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+o.control+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the origin's control: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the origin's control: %s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}
