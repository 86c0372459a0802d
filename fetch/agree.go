package fetch

import (
	"errors"
	"fmt"
	"io"
	"mirror"
	"mirror/repo"
	"slices"
	"time"
)

// agree checks what no digest tells: that the signatures are those of the files,
// and that the files of a set were made together.
func (g *generation) agree() error {
	m := g.top.m
	file := func(rest string) (content, *transfer, func()) {
		name := mirror.Name(m.Prefix + rest)
		for _, t := range append(slices.Clone(g.members), g.top) {
			if t.name == name && t.part != nil {
				return t.content(), t, func() {}
			}
		}
		if f, err := g.e.openPublished(name); err == nil {
			return content{f.file, mirror.Name(rest), mirror.Name(rest), f.Meta.Size, nil}, nil, func() { f.Close() }
		}
		return content{}, nil, func() {}
	}
	var made time.Time
	for _, rest := range g.top.nature.Set {
		c, t, done := file(rest)
		defer done()
		if c.ReaderAt == nil {
			continue
		}
		n := g.e.nature(m, mirror.Name(rest))
		if n.Index != "" {
			r, err := g.e.read(g.ctx, m, c)
			switch {
			case err != nil:
			case !made.IsZero() && !r.Made.Equal(made):
				return fmt.Errorf("/%s%s: %w: it is not of the same time as what belongs to it", m.Prefix, rest, mirror.ErrHalfway)
			default:
				made = r.Made
			}
		}
		for _, signature := range n.Signatures {
			sig, st, done := file(signature)
			defer done()
			if sig.ReaderAt == nil {
				continue
			}
			if err := g.signs(c, t, sig, st); err != nil {
				return fmt.Errorf("/%s%s: %w: %v", m.Prefix, signature, mirror.ErrHalfway, err)
			}
		}
	}
	return nil
}

// signs reports why sig cannot be the signature of c. Without a keyring only their
// times tell.
func (g *generation) signs(c content, t *transfer, sig content, st *transfer) error {
	if g.top.m.Keyring != "" {
		keys, err := repo.LoadKeyring(g.top.m.Keyring)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.NewSectionReader(sig, 0, min(sig.size, mostSmall)))
		if err != nil {
			return err
		}
		return keys.Detached(io.NewSectionReader(c, 0, c.size), b, g.e.now())
	}
	if t == nil || time.Since(t.now().meta.ModTime) > settleTime {
		return nil
	}
	if st == nil || st.now().meta.ModTime.Before(t.now().meta.ModTime) {
		return errors.New("the signature is older than what it signs")
	}
	return nil
}

// settleTime is how long an upstream is given to put the signature of a new file
// beside it.
const settleTime = 10 * time.Minute
