package maint

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// Adopted counts what an adoption met.
type Adopted struct {
	Files   int   // adopted
	Bytes   int64 // in them
	Already int   // ours before
	Skipped Skipped
}

// adoption is one run of Adopt.
type adoption struct {
	Site
	ctx      context.Context
	tell     func(Adopted)
	count    Adopted
	problems []error
}

// Adopt makes files ours, whoever put them there: from then on they may be
// replaced when the upstream has a newer version. Directories are adopted with
// all regular files below them. tell is called as it goes on. What was refused
// is in the error, one sentence each; the others are adopted all the same.
func (s Site) Adopt(ctx context.Context, names []mirror.Name, tell func(Adopted)) (Adopted, error) {
	a := &adoption{Site: s, ctx: ctx, tell: tell}
	if err := s.Engine.Recover(ctx); err != nil {
		return a.count, err
	}
	for _, name := range names {
		if err := a.argument(name); err != nil {
			return a.count, errors.Join(append(a.problems, err)...)
		}
	}
	return a.count, errors.Join(a.problems...)
}

// argument adopts a file or directory that was asked for by its name. Only an
// error that ends everything is returned.
func (a *adoption) argument(name mirror.Name) error {
	fi, err := a.Engine.Tree().Lstat(pathOf(name))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		a.refuse(fmt.Errorf("%s: the docroot has no such file", Quote(name)))
	case err != nil:
		a.refuse(fmt.Errorf("%s cannot be looked at: %w", Quote(name), reason(err)))
	case fi.IsDir():
		return a.directory(name)
	default:
		return a.file(name)
	}
	return nil
}

func (a *adoption) directory(name mirror.Name) error {
	below := string(name) + "/"
	if name == "" {
		below = ""
	}
	if _, _, ok := a.Conf.Match(below); !ok {
		a.refuse(a.outside(name))
		return nil
	}
	w := &walker{tree: a.Engine.Tree(), file: a.file}
	err := w.walk(a.ctx, name)
	a.problems = append(a.problems, w.problems...)
	a.count.Skipped.Links += w.skipped.Links
	a.count.Skipped.Special += w.skipped.Special
	a.count.Skipped.Unnamed += w.skipped.Unnamed
	return err
}

// file adopts one file. Only an error that ends everything is returned.
func (a *adoption) file(name mirror.Name) error {
	err := a.adopt(name)
	a.tell(a.count)
	var refused *refusal
	if errors.As(err, &refused) {
		a.refuse(refused)
		return nil
	}
	return err
}

func (a *adoption) refuse(err error) { a.problems = append(a.problems, err) }

// refusal is why one file was not adopted.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(name mirror.Name, format string, args ...any) error {
	return &refusal{Quote(name) + " " + fmt.Sprintf(format, args...)}
}

func (a *adoption) adopt(name mirror.Name) error {
	if _, _, ok := a.Conf.Match(string(name)); !ok {
		return &refusal{a.outside(name).Error()}
	}
	fi, err := a.Engine.Tree().Lstat(name)
	switch {
	case err != nil:
		return refuse(name, "cannot be looked at: %v", reason(err))
	case fi.Mode()&fs.ModeSymlink != 0:
		return refuse(name, "is a symbolic link: only files can be adopted, so adopt the one that it leads to")
	case !fi.Mode().IsRegular():
		return refuse(name, "is no regular file: only files can be adopted")
	}
	rec, known, err := a.Engine.Index().File(a.ctx, string(name))
	if err != nil {
		return err
	}
	known = known && rec.Describes(fi.Size(), fi.ModTime())
	if known && rec.Ours && rec.Digest != nil {
		a.count.Already++
		return nil
	}
	if !known {
		rec = index.Record{Name: string(name), Size: fi.Size(), ModTime: fi.ModTime()}
	}
	rec.Inode = store.Inode(fi)
	return a.take(name, rec)
}

// take reads the file that rec describes, for its digest, and records it.
func (a *adoption) take(name mirror.Name, rec index.Record) error {
	// The lock keeps a fetch from replacing it while it is read.
	lock, err := a.Engine.Tree().Locks.TryLock(string(name))
	if errors.Is(err, keylock.ErrHeld) {
		return refuse(name, "is being fetched right now: adopt it when that has ended")
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if rec.Digest, err = a.digest(name, rec); err != nil {
		return err
	}
	if err := a.Engine.Index().Adopt(a.ctx, rec); err != nil {
		return err
	}
	a.count.Files++
	a.count.Bytes += rec.Size
	return nil
}

// digest returns the SHA-256 of the file that rec describes. That it was that
// very file, from the first byte to the last, is asked after reading.
func (a *adoption) digest(name mirror.Name, rec index.Record) ([]byte, error) {
	f, opened, err := a.Engine.Tree().OpenFile(name)
	if err != nil {
		return nil, refuse(name, "cannot be read: %v", reason(err))
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, untilDone{a.ctx, f}); err != nil {
		if a.ctx.Err() != nil {
			return nil, a.ctx.Err()
		}
		return nil, refuse(name, "cannot be read: %v", reason(err))
	}
	fi, err := a.Engine.Tree().Lstat(name)
	if err != nil || store.Inode(opened) != rec.Inode || store.Inode(fi) != rec.Inode || !rec.Describes(fi.Size(), fi.ModTime()) {
		return nil, refuse(name, "was changed while it was read: adopt it again when nobody writes to it")
	}
	return h.Sum(nil), nil
}

// untilDone reads until ctx is done: a large file takes minutes.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
