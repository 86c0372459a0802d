package fetch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"sync"

	"mirror"
	"mirror/store"
)

// digester computes the SHA-256 of a part. Of one that grows it does so beside the
// copying, so that at the end of a large file little is left to read: until then its
// last bytes reach no client.
type digester struct {
	part *store.Part
	hash hash.Hash
	have int64 // bytes that hash has

	stop context.CancelFunc // ends follow; nil: it does not run
	done chan struct{}      // closed when it has ended
}

const (
	// mediumFile is from which size on a digest that the end of the file waits for is
	// computed while it arrives. Smaller ones are read back in a moment.
	mediumFile = 1 << 20
	// largeFile is from which size on every digest is: of such a file no machine is
	// sure to have the beginning in memory at the end, and read from a disk it would
	// take as long again until it has its name.
	largeFile = 4 << 30
)

// alongside reports whether the digest of a file of this size is computed while the
// file arrives. compared: its end waits for the digest.
func alongside(size int64, compared bool) bool {
	return size >= largeFile || compared && size >= mediumFile
}

func newDigester(part *store.Part) *digester {
	return &digester{part: part, hash: sha256.New()}
}

// follow reads what is in the part of t as it comes, until sum is called.
func (d *digester) follow(t *transfer) {
	var ctx context.Context
	ctx, d.stop = context.WithCancel(t.ctx)
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		for {
			s, err := t.await(ctx, func(s *state) bool { return s.have > d.have && s.part == d.part })
			if err != nil || d.read(s.have) != nil {
				return // sum reads what is left, and says what is wrong
			}
		}
	}()
}

// end stops following.
func (d *digester) end() {
	if d.stop != nil {
		d.stop()
		<-d.done
		d.stop = nil
	}
}

// sum returns the digest of the first size bytes, which are all there.
func (d *digester) sum(size int64) ([]byte, error) {
	d.end()
	if err := d.read(size); err != nil {
		return nil, fmt.Errorf("%w: reading back a finished file: %w", mirror.ErrStore, err)
	}
	return d.hash.Sum(nil), nil
}

// read takes in what comes before the offset to.
func (d *digester) read(to int64) error {
	buf := digestBuffers.Get().(*[]byte)
	defer digestBuffers.Put(buf)
	n, err := io.CopyBuffer(d.hash, io.NewSectionReader(d.part, d.have, to-d.have), *buf)
	d.have += n
	return err
}

var digestBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// sha256 returns the digest of the whole part.
func (t *transfer) sha256() ([]byte, error) {
	if t.digest != nil {
		return t.digest, nil
	}
	if t.digester == nil {
		t.digester = newDigester(t.part)
	}
	var err error
	t.digest, err = t.digester.sum(t.now().have)
	return t.digest, err
}
