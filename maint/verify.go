package maint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// VerifyOptions is how a verification goes about it.
type VerifyOptions struct {
	DryRun  bool  // tell what is wrong, and change nothing
	Keep    bool  // a damaged file that cannot be repaired stays in the docroot
	Missing bool  // files that are recorded and have gone are fetched again
	Rate    int64 // bytes read a second; 0: as fast as it goes

	After mirror.Name // only names that sort behind this one: where a run was broken off

	Progress *VerifyProgress // nil: nobody watches
	// Tell is called with each file that is not right, and with those that have
	// got a digest; nil: nobody wants to know.
	Tell func(Verdict)
	// Passed is called with each name that is settled; nil: nobody wants to know.
	Passed func(mirror.Name)
}

// VerifyProgress is how far a verification is. Its fields grow.
type VerifyProgress struct {
	Files, Bytes atomic.Int64 // that are to be read
	Done, Read   atomic.Int64 // of these
}

// The states of a file.
const (
	Right      = "right"
	Damaged    = "damaged"    // its bytes are not those that were fetched, or the disk does not give them
	Wrong      = "wrong"      // it is as it was fetched, and its repository says otherwise
	Unreadable = "unreadable" // it cannot be opened
	Missing    = "missing"    // it is recorded, and not there
	Changed    = "changed"    // somebody else has put something there since it was recorded
	Busy       = "busy"       // it is being fetched all the time
)

// What was done about a file that is not right.
const (
	Repaired    = "repaired"    // it was fetched anew, and is right now
	Quarantined = "quarantined" // no upstream has it: it is in the state directory now
	Recorded    = "recorded"    // it had no digest, and has one now
)

// Verdict is what was found of one file.
type Verdict struct {
	Name  mirror.Name `json:"-"`
	Path  string      `json:"path"`           // escaped, below base: lossless whatever the name holds
	State string      `json:"state"`          // one of the states
	Done  string      `json:"done,omitempty"` // one of what can be done; "": nothing
	Text  string      `json:"text,omitempty"` // what is wrong, and why it stays so
}

// isSettled reports whether nobody has to do anything about it.
func (v Verdict) isSettled() bool {
	switch v.State {
	case Right, Changed, Busy:
		return true
	case Missing:
		return v.Text == "" // the next request fetches it
	}
	return v.Done != ""
}

// Verified is what a verification found and did.
type Verified struct {
	Files int   `json:"files"` // looked at
	Bytes int64 `json:"bytes"` // read

	Right      int `json:"right"`
	Damaged    int `json:"damaged"`
	Wrong      int `json:"wrong"`
	Unreadable int `json:"unreadable"`
	Missing    int `json:"missing"`
	Changed    int `json:"changed"`
	Busy       int `json:"busy"`

	Misread     int `json:"misread"` // right, but not at the first reading
	Repaired    int `json:"repaired"`
	Quarantined int `json:"quarantined"`
	Recorded    int `json:"recorded"`  // digests
	Unsettled   int `json:"unsettled"` // not right, and nothing could be done about it

	Last mirror.Name   `json:"-"` // that was settled
	Took time.Duration `json:"-"`
}

// Verify reads every recorded file at a name or below it, at a bounded rate, and
// compares it with the digest that it was fetched with and with those that its
// repository's indexes tell. What is not right is fetched anew, and replaced by
// one rename: until then, and if it cannot be had, it stays. But a damaged file
// that no upstream gives is taken out of the docroot, since a wrong byte is worse
// than none. The error is what ended it.
func (s Site) Verify(ctx context.Context, name mirror.Name, o VerifyOptions) (Verified, error) {
	lock, err := s.alone("verify", "verification")
	if err != nil {
		return Verified{}, err
	}
	defer lock.Unlock()
	return s.verify(ctx, name, o)
}

// verify is Verify for whoever has seen to it that it runs once.
func (s Site) verify(ctx context.Context, name mirror.Name, o VerifyOptions) (Verified, error) {
	if err := s.Engine.Recover(ctx); err != nil {
		return Verified{}, err
	}
	if o.Progress == nil {
		o.Progress = new(VerifyProgress)
	}
	if o.Tell == nil {
		o.Tell = func(Verdict) {}
	}
	if o.Passed == nil {
		o.Passed = func(mirror.Name) {}
	}
	v := &verifying{Site: s, VerifyOptions: o, ctx: ctx}
	v.reader = reader{pace: pace{rate: o.Rate}, read: v.count}
	begun := time.Now()
	err := v.run(name)
	v.sum.Took = time.Since(begun)
	return v.sum, err
}

// verifying is one run of Verify.
type verifying struct {
	Site
	VerifyOptions
	ctx    context.Context
	reader reader
	sum    Verified
}

func (v *verifying) count(n int) {
	v.sum.Bytes += int64(n)
	v.Progress.Read.Add(int64(n))
}

func (v *verifying) run(name mirror.Name) error {
	below, err := v.below(name)
	if err != nil {
		return err
	}
	rec, isFile, err := v.Engine.Index().File(v.ctx, string(name))
	if err != nil {
		return err
	}
	files, size, err := v.Engine.Index().Total(v.ctx, below)
	if err != nil {
		return err
	}
	if isFile {
		files, size = files+1, size+rec.Size
	}
	if files == 0 && name != "" {
		return fmt.Errorf("%s: the record has no file there: `mirrorctl reindex` records what others have put into the docroot", Quote(name))
	}
	v.Progress.Files.Store(files)
	v.Progress.Bytes.Store(size)
	if isFile && v.After < name {
		if err := v.file(rec); err != nil {
			return err
		}
	}
	for rec, err := range v.Engine.Index().FilesAfter(v.ctx, below, string(v.After)) {
		if err == nil {
			err = v.file(rec)
		}
		if err != nil {
			return err
		}
	}
	return v.ctx.Err()
}

// file settles one file. Only an error that ends everything is returned.
func (v *verifying) file(rec index.Record) error {
	name := mirror.Name(rec.Name)
	if _, _, ok := v.Conf.Match(rec.Name); !ok {
		return v.ctx.Err() // of a mirror that is not configured any more
	}
	verdict, rec, err := v.judge(rec)
	if err != nil || verdict.State == "" {
		return err
	}
	if err := v.act(&verdict, rec); err != nil {
		return err
	}
	v.add(verdict)
	v.Progress.Done.Add(1)
	v.sum.Last = name
	v.Passed(name)
	return nil
}

// judge examines a file until nobody has changed it meanwhile, and returns the
// record that the verdict is about. No verdict: it was removed.
func (v *verifying) judge(rec index.Record) (Verdict, index.Record, error) {
	name := mirror.Name(rec.Name)
	for range maxTries {
		verdict, err := v.examine(rec)
		if err != nil || verdict.State == Right {
			return verdict, rec, err
		}
		// Without the lock a refresh may have replaced the file since its record
		// was read.
		now, known, free, err := v.now(name)
		switch {
		case err != nil:
			return Verdict{}, rec, err
		case !free:
			if err := v.Engine.Idle(v.ctx, name); err != nil {
				return Verdict{}, rec, err
			}
		case !known:
			return Verdict{}, rec, nil
		case sameFile(now, rec):
			return verdict, rec, nil
		default:
			rec = now
		}
	}
	return Verdict{Name: name, State: Busy}, rec, nil
}

// now returns the record of a name as it is while nobody fetches it, unless
// somebody does.
func (v *verifying) now(name mirror.Name) (rec index.Record, known, free bool, err error) {
	lock, err := v.Engine.Tree().Locks.TryLock(string(name))
	if errors.Is(err, keylock.ErrHeld) {
		return rec, false, false, nil
	}
	if err != nil {
		return rec, false, false, err
	}
	defer lock.Unlock()
	rec, known, err = v.Engine.Index().File(v.ctx, string(name))
	return rec, known, true, err
}

// sameFile reports whether two records are of the same bytes, fetched once.
func sameFile(a, b index.Record) bool {
	return a.Describes(b.Size, b.ModTime) && a.Inode == b.Inode && a.Ours == b.Ours && a.Target == b.Target &&
		bytes.Equal(a.Digest, b.Digest) && a.Fetched.Equal(b.Fetched)
}

// examine compares what stands in the docroot with its record.
func (v *verifying) examine(rec index.Record) (Verdict, error) {
	name := mirror.Name(rec.Name)
	verdict := func(state, text string) (Verdict, error) {
		return Verdict{Name: name, State: state, Text: text}, v.ctx.Err()
	}
	if rec.Target != "" {
		return verdict(v.link(rec), "")
	}
	f, fi, err := v.Engine.Tree().OpenFile(name)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		return verdict(Missing, "")
	case errors.Is(err, mirror.ErrForeign), errors.Is(err, mirror.ErrIsDirectory), errors.Is(err, store.ErrLinked):
		return verdict(Changed, "")
	default:
		return verdict(Unreadable, err.Error())
	}
	defer f.Close()
	if !rec.Describes(fi.Size(), fi.ModTime()) {
		return verdict(Changed, "")
	}
	quietly(f)
	keep := isCached(f, rec.Size)
	claims := v.claims(rec)
	digest, err := v.reader.sum(v.ctx, f, keep, claims.hashes()...)
	if v.ctx.Err() != nil {
		return verdict(Unreadable, "")
	}
	if err == nil && (rec.Digest == nil || bytes.Equal(digest, rec.Digest)) {
		return v.compare(rec, f, digest, claims)
	}
	// Is it the disk, or only the memory that it was read into?
	forget(f, 0)
	claims.reset()
	digest, err = v.reader.sum(v.ctx, f, keep, claims.hashes()...)
	now, statErr := f.Stat()
	switch {
	case err != nil:
		return verdict(Damaged, "it cannot be read: "+reason(err).Error())
	case statErr != nil || !rec.Describes(now.Size(), now.ModTime()):
		return verdict(Changed, "")
	case bytes.Equal(digest, rec.Digest):
		v.sum.Misread++
		return v.compare(rec, f, digest, claims)
	}
	return verdict(Damaged, fmt.Sprintf("its SHA-256 is %.8x..., and was %.8x... when it was fetched", digest, rec.Digest))
}

// link returns the state of a symbolic link.
func (v *verifying) link(rec index.Record) string {
	fi, err := v.Engine.Tree().Lstat(mirror.Name(rec.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return Missing
	}
	if err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		return Changed
	}
	if target, err := v.Engine.Tree().Readlink(mirror.Name(rec.Name)); err != nil || target != rec.Target {
		return Changed
	}
	return Right
}

// add counts a verdict, and tells it if anybody should know.
func (v *verifying) add(d Verdict) {
	s := &v.sum
	s.Files++
	*map[string]*int{
		Right: &s.Right, Damaged: &s.Damaged, Wrong: &s.Wrong, Unreadable: &s.Unreadable,
		Missing: &s.Missing, Changed: &s.Changed, Busy: &s.Busy,
	}[d.State]++
	switch d.Done {
	case Repaired:
		s.Repaired++
	case Quarantined:
		s.Quarantined++
	case Recorded:
		s.Recorded++
	}
	if !d.isSettled() {
		s.Unsettled++
	}
	if d.State != Right || d.Done != "" {
		d.Path = "/" + d.Name.Escape()
		v.Tell(d)
	}
}
