package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"mirror/bench/content"
	"mirror/bench/contestant"
	"mirror/bench/plot"
	"mirror/bench/proc"
	"mirror/internal/loopback"
)

// scalePlan is how far the work grows.
type scalePlan struct {
	fetches   []int
	records   []int
	followers []int
	sizes     []int64
}

var (
	wholeScale = scalePlan{
		fetches:   []int{1, 10, 100, 1000},
		records:   []int{1e3, 1e4, 1e5, 1e6},
		followers: []int{1, 10, 100, 500, 2000},
		sizes:     []int64{1e6, 10e6, 100e6, 1e9, 10e9, 100e9},
	}
	quickScale = scalePlan{
		fetches:   []int{1, 10, 100},
		records:   []int{1e3, 1e4, 1e5},
		followers: []int{1, 10, 100},
		sizes:     []int64{1e6, 10e6, 100e6, 1e9},
	}
)

// scale measures how the cost of work grows with the work.
func scale(ctx context.Context, b *bench) ([]*series, error) {
	plan := wholeScale
	if b.plan == quick {
		plan = quickScale
	}
	var all []*series
	for _, part := range []func(context.Context, *bench, scalePlan) (*series, error){
		scaleFetches, scaleRecords, scaleFollowers, scaleSizes,
	} {
		s, err := part(ctx, b, plan)
		if err != nil {
			return all, fmt.Errorf("%s: %w", s.title, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// scaled is one daemon with its built-in front, in a directory of its own.
type scaled struct {
	b                   *bench
	dir, docroot, state string
	addr                string
	*proc.Process
	began   time.Time // when it was started
	profile string    // the prefix of its profiles' names; empty: there are none
}

// newScaled makes the directory of a daemon.
func (b *bench) newScaled() (*scaled, error) {
	b.serial++
	d := &scaled{b: b, dir: filepath.Join(b.dir, fmt.Sprint(b.serial))}
	d.docroot, d.state = filepath.Join(d.dir, "docroot"), filepath.Join(d.dir, "state")
	return d, errors.Join(os.MkdirAll(d.docroot, 0o755), os.Mkdir(d.state, 0o700))
}

// scaleConfig leaves everything at its default but the limits of fetches, of which a
// thousand are to run at a time.
const scaleConfig = `docroot = %q
state = %q
[server]
http = %q
[limits]
fetches = %d
per_upstream = %[4]d
[[mirror]]
prefix = "/"
upstream = ["http://%s/"]
`

// scaleFetchLimit is above all fetches that are ever begun at a time.
const scaleFetchLimit = 1024

// start starts the daemon and returns once it has brought a first file.
func (d *scaled) start(ctx context.Context, name string) error {
	_, d.addr = loopback.Address()
	file, log := filepath.Join(d.dir, "mirror.toml"), filepath.Join(d.dir, "mirror.log")
	text := fmt.Sprintf(scaleConfig, d.docroot, d.state, d.addr, scaleFetchLimit, d.b.setup.Origin)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	out, err := os.Create(log)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(d.b.setup.Daemon, "-config", file)
	cmd.Stderr = out
	if d.b.goProfile != "" {
		d.profile = filepath.Join(d.b.goProfile, name)
		cmd.Env = append(os.Environ(), "MIRROR_PROFILE="+d.profile)
	}
	path := content.Path(1, fmt.Sprintf("started/%d/%d", d.b.serial, time.Now().UnixNano()))
	d.began = time.Now()
	if d.Process, err = d.b.group.Start(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.addr+path, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(request)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return d.settle(ctx, path)
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-d.Ended():
			return fmt.Errorf("it ended at once: %s", d.logs())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w: %s", err, d.logs())
		case <-time.After(time.Millisecond):
		}
	}
}

func (d *scaled) logs() []byte {
	text, err := os.ReadFile(filepath.Join(d.dir, "mirror.log"))
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-2000):]
}

// end ends the daemon.
func (d *scaled) end() error {
	if d.Process == nil {
		return nil
	}
	select {
	case <-d.Ended():
		return nil
	default:
	}
	defer d.Process.Stop()
	if d.profile == "" {
		return nil
	}
	if err := syscall.Kill(d.PID(), syscall.SIGUSR1); err != nil {
		return err
	}
	return appears(d.profile + ".allocs")
}

// stop ends the daemon, and gives back the room of what it has fetched.
func (d *scaled) stop() error { return errors.Join(d.end(), quieten(d.dir)) }

// startFresh starts a daemon in a directory of its own, with an upstream that sends so
// many bytes a second to each connection, and returns what it has used until it is idle.
// Stop it, also after an error.
func (b *bench) startFresh(ctx context.Context, name string, rate int64) (d *scaled, idle used, err error) {
	if d, err = b.newScaled(); err != nil {
		return d, idle, err
	}
	if err := errors.Join(b.origin.Set(ctx, rate, 0), b.origin.Reset(ctx), d.start(ctx, name)); err != nil {
		return d, idle, err
	}
	idle, err = d.used()
	return d, idle, err
}

// brought waits until the files at paths, each of so many bytes, have their names, and
// returns what the daemon has used by then. The upstream has sent each byte once.
func (d *scaled) brought(ctx context.Context, size int64, paths ...string) (used, error) {
	if err := d.settle(ctx, paths...); err != nil {
		return used{}, err
	}
	after, err := d.used()
	return after, errors.Join(err, sentOnce(ctx, d.b, paths, size))
}

// appears waits until there is such a file.
func appears(file string) error {
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(file)
		if err == nil || time.Now().After(limit) {
			return err
		}
	}
}

// used is what a daemon has used so far.
type used struct {
	cpu  time.Duration
	peak float64 // of its resident memory, in MiB
}

func (d *scaled) used() (u used, err error) {
	peak, err1 := d.Peak()
	cpu, err2 := d.CPU()
	return used{cpu, float64(peak) / mib}, errors.Join(err1, err2)
}

// nameTime bounds how long a file may be without its name after its client has all
// of it: 100 GB may have to be read once more for their digest.
const nameTime = 5 * time.Minute

// settle waits until the files have their names.
func (d *scaled) settle(ctx context.Context, paths ...string) error {
	if err := contestant.Named(ctx, d.docroot, nameTime, d.Ended(), paths...); err != nil {
		return fmt.Errorf("%w\n%s", err, d.logs())
	}
	return nil
}

func (b *bench) scaleDone(what, amount string, began time.Time) {
	fmt.Fprintf(os.Stderr, "%-8s %-28s %-12s %6.1f s\n", b.measure, what, amount, time.Since(began).Seconds())
}

// count writes an amount of things.
func count(v float64) string { return plot.Number(v) }
