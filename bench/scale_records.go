package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mirror/bench/content"
	"mirror/bench/load"
	"mirror/store/index"
)

const (
	recordBatch = 10_000 // records in a transaction, while the database is filled
	lookups     = 20_000
	recordMiss  = 500 // misses
	whyRuns     = 15

	// cached is from where on the record is larger than the 2 MB of it that a
	// connection keeps in memory, so that a lookup reads of the file.
	cached = 1e4

	// collected is from where on looking through the record leaves enough behind
	// for the collector to run at all.
	collected = 1e4
)

// scaleRecords lets the record grow.
func scaleRecords(ctx context.Context, b *bench, plan scalePlan) (*series, error) {
	g := &growth{amount: "files on record", label: count, columns: []*column{
		{name: "lookup", unit: "µs", format: "%.1f", from: cached},
		{name: "lookup of none", unit: "µs", format: "%.1f", from: cached},
		{name: "miss", unit: "ms", format: "%.2f", from: 1e3},
		{name: "processor", unit: "µs a miss", format: "%.0f", from: 1e3},
		{name: "start", unit: "ms", format: "%.0f", from: 1e3},
		{name: "looking through it", unit: "µs a file", format: "%.1f", each: true, from: 1e4},
		{name: "peak memory", unit: "MiB", format: "%.0f", from: collected},
		{name: "mirrorctl why", unit: "ms", format: "%.0f", from: 1e3},
	}}
	s := &series{title: "Files on record", growth: g, note: fmt.Sprintf(
		"One database that grows. Lookups: the mean of %s, of names in no order; a thousand records lie in the memory of the connection. Misses: %d of %s, one after another; the median of the time, the mean of the processor time. "+
			"Start: from exec until a first file is in the docroot. After it the daemon looks once through the record for mutable files, in the background: its processor time.",
		count(lookups), recordMiss, size(4*kib))}
	control, err := b.build(ctx, "mirrorctl")
	if err != nil {
		return s, err
	}
	r := &recorded{control: control}
	if err := b.origin.Set(ctx, 0, 0); err != nil {
		return s, err
	}
	if r.scaled, err = b.newScaled(); err != nil {
		return s, err
	}
	for _, n := range plan.records {
		began := time.Now()
		values, err := r.at(ctx, n)
		if err = errors.Join(err, r.end()); err != nil { // its database is the next one's
			return s, errors.Join(fmt.Errorf("%d: %w", n, err), r.stop())
		}
		g.add(float64(n), values...)
		b.scaleDone(s.title, count(float64(n)), began)
	}
	r.Process = nil
	return s, r.stop()
}

// recorded is a daemon whose record grows from one start to the next.
type recorded struct {
	*scaled
	control string // mirrorctl
	files   int    // on record
}

// at returns the costs with n files on record.
func (r *recorded) at(ctx context.Context, n int) ([]float64, error) {
	if err := r.fill(ctx, n); err != nil {
		return nil, err
	}
	known, unknown, err := r.lookups(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.start(ctx, fmt.Sprintf("records-%d", n)); err != nil {
		return nil, err
	}
	started := time.Since(r.began)
	looking, err := r.rest(ctx)
	if err != nil {
		return nil, err
	}
	miss, processor, path, err := r.misses(ctx)
	if err != nil {
		return nil, err
	}
	why, err := r.why(ctx, path)
	if err != nil {
		return nil, err
	}
	after, err := r.used()
	return []float64{known, unknown, miss, processor, ms(started), micros(looking) / float64(r.files), after.peak, why}, err
}

// restful is how little of a processor a daemon uses that has nothing to do.
const (
	restTime = 200 * time.Millisecond
	restful  = 2 * time.Millisecond
)

// rest waits until the daemon has nothing more to do, and returns the processor
// time that it has used since it was started.
func (r *recorded) rest(ctx context.Context) (time.Duration, error) {
	before, err := r.CPU()
	for err == nil {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(restTime):
		}
		var now time.Duration
		if now, err = r.CPU(); now-before < restful {
			return now, err
		}
		before = now
	}
	return 0, err
}

// record is the i-th file on record. None of them is on the disk.
func (r *recorded) record(i int) index.Record {
	digest := sha256.Sum256(fmt.Append(nil, i))
	at := time.Unix(1_700_000_000+int64(i), 0)
	return index.Record{
		Name:     fmt.Sprintf("4096/pool/main/%c/package-%06d/package-%[2]d_1.2.3-4_amd64.deb", 'a'+i%26, i),
		Upstream: fmt.Sprintf("http://one.example/4096/pool/main/%c/package-%06d/package-%[2]d_1.2.3-4_amd64.deb", 'a'+i%26, i),
		Size:     4 * kib, ModTime: at, Inode: uint64(i), ETag: fmt.Sprintf(`"%x-1000"`, i), LastModified: "Sun, 02 Feb 2020 20:20:20 GMT",
		ContentType: "application/octet-stream", Digest: digest[:], Fetched: at, Checked: at, Ours: true,
	}
}

// fill records files until there are n.
func (r *recorded) fill(ctx context.Context, n int) error {
	x, err := index.Open(r.state)
	if err != nil {
		return err
	}
	for err == nil && r.files < n {
		batch := make([]index.Record, min(recordBatch, n-r.files))
		for i := range batch {
			batch[i] = r.record(r.files + i)
		}
		err = x.Publish(ctx, batch)
		r.files += len(batch)
	}
	return errors.Join(err, x.Close())
}

// lookups returns what it takes to look up a file that is on record, and one that
// is not, in µs, with a connection of its own.
func (r *recorded) lookups(ctx context.Context) (known, unknown float64, err error) {
	x, err := index.Open(r.state)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	var wanted []index.Record
	random := rand.New(rand.NewPCG(1, 2)) // the same names in every run
	for range lookups {
		wanted = append(wanted, r.record(random.IntN(r.files)))
	}
	there := func(want index.Record) error {
		got, ok, err := x.File(ctx, want.Name)
		if err == nil && (!ok || !got.Describes(want.Size, want.ModTime) || got.Inode != want.Inode) {
			err = fmt.Errorf("the record of %s is %v: %+v", want.Name, ok, got)
		}
		return err
	}
	absent := func(like index.Record) error {
		_, ok, err := x.File(ctx, like.Name+".none")
		if err == nil && ok {
			err = fmt.Errorf("%s.none is on record", like.Name)
		}
		return err
	}
	if _, err = mean(wanted, there); err != nil { // what of the file is not in memory is read
		return 0, 0, err
	}
	if known, err = mean(wanted, there); err != nil {
		return 0, 0, err
	}
	unknown, err = mean(wanted, absent)
	return known, unknown, err
}

// mean returns how long look takes, in µs: the mean of a part of the records at a
// time, and the median of the parts, so that a pause of the machine is in one.
func mean(all []index.Record, look func(index.Record) error) (float64, error) {
	const part = 1000
	var parts []float64
	for some := range slices.Chunk(all, part) {
		begun := time.Now()
		for _, record := range some {
			if err := look(record); err != nil {
				return 0, err
			}
		}
		parts = append(parts, micros(time.Since(begun))/float64(len(some)))
	}
	return median(parts), nil
}

// misses returns the median time of a miss in ms, the mean of its processor time
// in µs, and the path of one.
func (r *recorded) misses(ctx context.Context) (took, processor float64, path string, err error) {
	c := load.NewClient(r.addr)
	defer c.Close()
	before, err := r.used()
	if err != nil {
		return 0, 0, "", err
	}
	var all []float64
	var paths []string
	for i := range recordMiss {
		paths = append(paths, content.Path(4*kib, fmt.Sprintf("pool/main/m/missing-%d/%d.deb", r.files, i)))
		timing, err := c.Get(ctx, paths[i])
		if err != nil {
			return 0, 0, "", fmt.Errorf("%w\n%s", err, r.logs())
		}
		all = append(all, ms(timing.Last))
	}
	if err := r.settle(ctx, paths...); err != nil {
		return 0, 0, "", err
	}
	after, err := r.used()
	return median(all), micros(after.cpu-before.cpu) / recordMiss, paths[0], err
}

// why returns how long mirrorctl takes to tell of a file, in ms.
func (r *recorded) why(ctx context.Context, path string) (float64, error) {
	var all []float64
	for range whyRuns {
		cmd := exec.CommandContext(ctx, r.control, "why", "-config", filepath.Join(r.dir, "mirror.toml"), path)
		begun := time.Now()
		out, err := cmd.CombinedOutput()
		all = append(all, ms(time.Since(begun)))
		if err != nil || !strings.Contains(string(out), "http://"+r.b.setup.Origin+path) {
			return 0, fmt.Errorf("mirrorctl why does not know where %s is from: %w: %s", path, err, out)
		}
	}
	return median(all), nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
