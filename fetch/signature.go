package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"mirror"
	"mirror/repo"
	"mirror/source"
)

// checkSignature checks an index of a mirror with a keyring.
func (t *transfer) checkSignature(src upstream) error {
	if t.m.Keyring == "" || !t.nature.Inline && len(t.nature.Signatures) == 0 {
		return nil
	}
	keys, err := repo.LoadKeyring(t.m.Keyring)
	if err != nil {
		return fmt.Errorf("%w: keyring: %w", mirror.ErrStore, err)
	}
	text := io.NewSectionReader(t.part, 0, t.now().have)
	if t.nature.Inline {
		_, err := keys.Inline(text, t.e.now())
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, repo.ErrUnsigned) || len(t.nature.Signatures) == 0:
			return fmt.Errorf("%w: %s: %v", mirror.ErrWrong, src.URL(t.rest), err)
		}
	}
	var failures []string
	for _, name := range t.nature.Signatures {
		signature, err := t.e.fetchSignature(t.ctx, src, mirror.Name(name))
		switch {
		case errors.Is(err, mirror.ErrNotFound):
		case err != nil: // it says nothing of the bytes that the signature did not come
			return err
		default:
			text.Seek(0, io.SeekStart)
			if err = keys.Detached(text, signature, t.e.now()); err == nil {
				return nil
			}
		}
		failures = append(failures, fmt.Sprintf("%s: %v", path.Base(name), err))
	}
	return fmt.Errorf("%w: %s is not signed by a key of the mirror's keyring: %s", mirror.ErrWrong, src.URL(t.rest), strings.Join(failures, "; "))
}

// maxSignature bounds what is read of a signature, in bytes.
const maxSignature = 1 << 20

// fetchSignature fetches a signature from one upstream, and keeps it nowhere.
func (e *Engine) fetchSignature(ctx context.Context, src upstream, rest mirror.Name) ([]byte, error) {
	f, err := e.tree.Scratch()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, err = src.Fetch(ctx, source.Request{Path: rest, MaxSize: maxSignature, RefuseHTML: true,
		Start: func(mirror.Meta) (*os.File, error) { return f, nil }, Wrote: func(int) {}})
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, maxSignature))
}
