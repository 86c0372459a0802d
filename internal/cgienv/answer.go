package cgienv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// PanicError is a handler's panic, recovered.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // where, as runtime/debug prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("the handler panicked: %v", e.Value) }

// RefusedError is an environment that is no request; the client got a 400.
type RefusedError struct{ Reason error }

func (e *RefusedError) Error() string { return "refused: " + e.Reason.Error() }
func (e *RefusedError) Unwrap() error { return e.Reason }

// Answer makes a request of env, has h answer it over wire, and ends the answer
// in every case: wire.End has been called when Answer returns.
//
// The error is for the log; the client has its answer already. It is nil, a
// *RefusedError, a *PanicError, http.ErrAbortHandler (the handler meant it, so
// log nothing), ErrShort, or the wire's.
func Answer(ctx context.Context, wire Wire, env map[string]string, h Handler) (err error) {
	r, refusal := Request(env)
	if refusal != nil {
		w := newResponse(wire, env["REQUEST_METHOD"])
		w.text(http.StatusBadRequest, "bad request: "+refusal.Error())
		return errors.Join(&RefusedError{refusal}, w.finish())
	}
	w := newResponse(wire, r.Method)
	returned := false
	defer func() {
		if returned {
			err = w.finish()
			return
		}
		switch v := recover(); v {
		case nil: // runtime.Goexit: nobody is left to read err
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		w.fail()
	}()
	h(w, r.WithContext(ctx), env)
	returned = true
	return nil
}
