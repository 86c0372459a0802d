package fetch

import (
	"context"
	"fmt"
	"os"

	"mirror"
	"mirror/config"
	"mirror/store"
	"mirror/store/index"
)

// Open opens the docroot, the state directory and the record that conf names,
// and returns an engine that owns them: Shut closes all. It is what every
// program begins with; it touches as little as it can, since a CGI process
// lives for one request.
func Open(conf *config.Config, o Options) (*Engine, error) {
	tree, err := store.Open(conf.Docroot, conf.State)
	if err != nil {
		return nil, err
	}
	var aside func(mirror.Name) bool
	if conf.KeepsAside() {
		aside = func(name mirror.Name) bool { return conf.IsAside(string(name)) }
	}
	if err := tree.KeepAside(aside); err != nil {
		tree.Close()
		return nil, err
	}
	idx, err := index.Open(conf.State)
	if err != nil {
		tree.Close()
		return nil, fmt.Errorf("the record cannot be used: %w", err)
	}
	if o.Spawn != nil {
		idx.Brief()
	}
	return newEngine(conf, tree, idx, o), nil
}

// Shut is Close for an engine of Open. A process of one request exits without
// it: the last to close the record has to fold its journal, which takes longer
// than the request did.
func (e *Engine) Shut(ctx context.Context) error {
	e.Close(ctx)
	err := e.index.Close()
	if err2 := e.tree.Close(); err == nil {
		err = err2
	}
	return err
}

// Scratch returns an empty file in the state directory, without a name.
func (e *Engine) Scratch() (*os.File, error) { return e.tree.Scratch() }

// Tree and Index are for the operator's tool.
func (e *Engine) Tree() *store.Tree   { return e.tree }
func (e *Engine) Index() *index.Index { return e.index }
