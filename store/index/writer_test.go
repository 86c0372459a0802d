package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

// holdWriter keeps the writer busy until release is called.
func holdWriter(t *testing.T, x *Index) (release func()) {
	t.Helper()
	begun, end, outcome := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		outcome <- x.write(context.Background(), "hold", false, func(*transaction) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	return func() {
		close(end)
		must(t, <-outcome)
	}
}

// together makes the writes share one transaction, in the given order.
func together(t *testing.T, x *Index, writes []func() error) []error {
	t.Helper()
	release := holdWriter(t, x)
	wait := queueUp(t, x, writes)
	release()
	return wait()
}

// queueUp starts the writes, each once the one before it is queued; wait waits
// for their outcomes.
func queueUp(t *testing.T, x *Index, writes []func() error) (wait func() []error) {
	t.Helper()
	outcomes := make([]error, len(writes))
	var all sync.WaitGroup
	for i, write := range writes {
		all.Go(func() { outcomes[i] = write() })
		waitUntil(t, func() bool { return waiting(x) == i+1 })
	}
	return func() []error {
		all.Wait()
		return outcomes
	}
}

// waiting is how many writes are queued.
func waiting(x *Index) int {
	x.queue.mu.Lock()
	defer x.queue.mu.Unlock()
	return len(x.queue.waiting)
}

// waitUntil lets others run until a condition holds, and fails if it never does.
func waitUntil(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the condition never came to hold")
		}
	}
}

// TestGroupCommit: those that wait share one transaction, and one that fails
// after it has written leaves no trace and harms nobody.
func TestGroupCommit(t *testing.T) {
	x := open(t, t.TempDir())
	var writes []func() error
	for i := range 50 {
		writes = append(writes, func() error {
			return x.write(t.Context(), "publish", false, func(tx *transaction) error {
				if i == 7 {
					return errors.Join(tx.publish(aRecord("bad")), errors.New("after the fact"))
				}
				return tx.publish(aRecord(fmt.Sprint(i)))
			})
		})
	}
	must(t, x.PutPartial(t.Context(), aPartial("a"))) // opens the writer
	commits := 0
	must(t, x.writer.conn.Raw(func(conn any) error {
		conn.(*sqlite3.SQLiteConn).RegisterCommitHook(func() int { commits++; return 0 })
		return nil
	}))
	for i, err := range together(t, x, writes) {
		if (err != nil) != (i == 7) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if commits != 2 { // one for the write that held the others up
		t.Errorf("%d commits, want 2", commits)
	}
	if got := len(names(t, x, "")); got != 49 {
		t.Errorf("%d files are recorded, want 49", got)
	}
	expectFile(t, x, "bad", nil)
}

// Only a transaction with an intent in it waits for the disk: for the log, or in the safe
// mode by SQLite's doing.
func TestDurable(t *testing.T) {
	const normal, extra = 1, 3 // what PRAGMA synchronous says
	for _, mode := range []string{modeWAL, modeDelete} {
		x := openMode(t, t.TempDir(), mode)
		synced := 0
		x.sync = func(path string) error {
			if synced++; path != x.path+"-wal" {
				t.Errorf("%s is synced", path)
			}
			return syncFile(path)
		}
		if mode == modeWAL {
			must(t, x.PutPartial(t.Context(), aPartial("a")))
			if synced != 0 {
				t.Error("a partial file waits for the disk")
			}
			must(t, errors.Join(together(t, x, []func() error{
				func() error { return x.PutPartial(t.Context(), aPartial("b")) },
				func() error { return x.Intend(t.Context(), []Partial{aPartial("c")}) },
			})...))
			if synced != 1 {
				t.Errorf("an intent, and a partial file with it, synced the log %d times, want once", synced)
			}
			x.sync = func(string) error { return syscall.EIO }
			err := together(t, x, []func() error{
				func() error { return x.PutPartial(t.Context(), aPartial("d")) },
				func() error { return x.Intend(t.Context(), []Partial{aPartial("e")}) },
			})
			if err[0] != nil || !errors.Is(err[1], syscall.EIO) {
				t.Errorf("where the disk fails, a partial file: %v; an intent: %v", err[0], err[1])
			}
			continue
		}
		expect := func(durable bool, want int64) func() error {
			return func() error {
				return x.write(t.Context(), "ask", durable, func(tx *transaction) error {
					var got int64
					_, err := tx.row(`PRAGMA synchronous`, []any{&got})
					if got != want {
						t.Errorf("%s, durable %v: synchronous is %d, want %d", mode, durable, got, want)
					}
					return err
				})
			}
		}
		must(t, expect(false, normal)())
		must(t, expect(true, extra)())
		must(t, expect(false, normal)())
		must(t, errors.Join(together(t, x, []func() error{expect(false, extra), expect(true, extra)})...))
		must(t, x.Intend(t.Context(), []Partial{aPartial("a")}))
		if !x.writer.durable || synced != 0 {
			t.Errorf("%s: Intend did not wait for the disk, or for a log", mode)
		}
	}
}

// A caller that gives up while it waits is let go at once, and nothing is written.
func TestWithdraw(t *testing.T) {
	x := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	release := holdWriter(t, x)
	wait := queueUp(t, x, []func() error{
		func() error { return x.PutPartial(ctx, aPartial("withdrawn")) },
	})
	cancel()
	if err := wait()[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("the write that was given up: %v", err)
	}
	release()
	expectPartial(t, x, "withdrawn", nil)
}

func TestCloseFinishesWhatIsQueued(t *testing.T) {
	const n = maxBatch + 10 // two transactions
	dir := t.TempDir()
	x := open(t, dir)
	var writes []func() error
	for i := range n {
		writes = append(writes, func() error { return x.Publish(t.Context(), []Record{aRecord(fmt.Sprint(i))}) })
	}
	release := holdWriter(t, x)
	wait := queueUp(t, x, writes)
	closed := make(chan error)
	go func() { closed <- x.Close() }()
	waitUntil(t, func() bool {
		x.queue.mu.Lock()
		defer x.queue.mu.Unlock()
		return x.queue.closed
	})
	release()
	must(t, <-closed)
	must(t, errors.Join(wait()...))
	if got := len(names(t, open(t, dir), "")); got != n {
		t.Errorf("%d files are recorded, want %d", got, n)
	}
}

// TestDeleted deletes the database of a process that goes on. Others, who come
// first, create it anew; what they record must not be harmed when the process
// notices, nor by the -wal and -shm that it still uses.
func TestDeleted(t *testing.T) {
	for _, mode := range []string{modeWAL, modeDelete} {
		for _, all := range []bool{false, true} {
			for _, others := range []int{0, 2} {
				t.Run(fmt.Sprintf("%s/all=%v/others=%d", mode, all, others), func(t *testing.T) {
					dir := t.TempDir()
					x := openMode(t, dir, mode)
					for i := range 20 {
						must(t, x.Publish(t.Context(), []Record{aRecord(fmt.Sprint(i))}))
					}
					must(t, os.Remove(x.path))
					if all && mode == modeWAL {
						must(t, os.Remove(x.path+"-wal"))
						must(t, os.Remove(x.path+"-shm"))
					}
					for i := range others {
						out, err := process(t, "publish", dir, i, mode, 3).CombinedOutput()
						if err != nil {
							t.Fatalf("%v: %s", err, out)
						}
					}
					x.writer.look = time.Time{} // as if a second had passed
					must(t, x.Publish(t.Context(), []Record{aRecord("after")}))
					expectFile(t, x, "after", ptr(aRecord("after")))
					expectNames(t, dir, mode, 3*others+1)
				})
			}
		}
	}
}

func TestTurn(t *testing.T) {
	now := at(1e9)
	for name, c := range map[string]struct {
		turn turn
		over bool
	}{
		"first":           {turn{}, false},
		"within the turn": {turn{began: now.Add(1 - turnTime), ended: now}, false},
		"turn over":       {turn{began: now.Add(-turnTime), ended: now.Add(1 - pauseTime)}, true},
		"after a pause":   {turn{began: now.Add(-turnTime), ended: now.Add(-pauseTime)}, false},
	} {
		if got := c.turn.over(now); got != c.over {
			t.Errorf("%s: over is %v, want %v", name, got, c.over)
		}
	}
}
