package config

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// maxSocketPath is in bytes: sun_path of unix(7) holds 108, with the NUL that
// ends it.
const maxSocketPath = 107

func (r *resolver) server(t *serverTable) Server {
	at := func(name string) key { return key{table: "server", name: name} }
	s := Server{
		FastCGIMode:  r.fileMode(at("fastcgi_mode"), t.FastCGIMode, defaultFastCGIMode),
		FastCGIGroup: string(t.FastCGIGroup),
		HTTP:         t.HTTP,
		Grace:        r.duration(at("grace"), t.Grace, defaultGrace, 0, maxGrace),
		Handover:     r.handover(at("handover"), t.Handover),
		Stream:       r.stream(at("stream"), t.Stream),
		VerifyRate:   r.size(at("verify_rate"), t.VerifyRate, defaultVerifyRate),
	}
	listen, err := r.listen(t.FastCGI)
	if err != nil {
		r.fail(at("fastcgi"), "= %q %s", t.FastCGI, err)
	}
	s.FastCGI = listen
	if listen.Network == "tcp" && t.FastCGIMode != "" {
		r.fail(at("fastcgi_mode"), "has no meaning for a tcp socket, which every user of the machine can connect to: leave it out, or use a unix socket")
	}
	if listen.Network == "tcp" && t.FastCGIGroup != "" {
		r.fail(at("fastcgi_group"), "has no meaning for a tcp socket, which every user of the machine can connect to: leave it out, or use a unix socket")
	}
	if s.HTTP != "" {
		if err := checkHostPort(s.HTTP); err != nil {
			r.fail(at("http"), "= %q %s", s.HTTP, err)
		}
	}
	return s
}

// listen reads "unix:PATH" or "tcp:HOST:PORT". The error continues a sentence.
func (r *resolver) listen(text string) (Listen, error) {
	if text == "" {
		return Listen{}, nil
	}
	network, address, _ := strings.Cut(text, ":")
	switch network {
	case "unix":
		if address == "" || strings.ContainsFunc(address, isControl) || strings.HasPrefix(address, "@") {
			return Listen{}, errors.New(`names no file: write it as "unix:/run/mirror/fcgi.sock"`)
		}
		path := r.absolute(address)
		if len(path) > maxSocketPath {
			return Listen{}, fmt.Errorf("has a path of %d bytes, and Linux takes %d: choose a shorter one, below /run for instance", len(path), maxSocketPath)
		}
		return Listen{Network: network, Address: path}, nil
	case "tcp":
		if strings.HasPrefix(address, ":") {
			// FastCGI has no authentication: who may connect is who may ask.
			return Listen{}, fmt.Errorf("names no host: write tcp:127.0.0.1%s, or tcp:0.0.0.0%s if everybody may ask", address, address)
		}
		return Listen{Network: network, Address: address}, checkHostPort(address)
	}
	return Listen{}, errors.New(`is no socket: write "unix:/run/mirror/fcgi.sock" or "tcp:127.0.0.1:9000"`)
}

// checkHostPort checks an address to listen on. An empty host means all
// addresses of the machine, port 0 a free one. The error continues a sentence.
func checkHostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, "/ ") {
		return errors.New(`is no address: write a host and a port, such as "127.0.0.1:8080" or "[::1]:8080"`)
	}
	if !isPort(port, 0) {
		return fmt.Errorf("has the port %q: a port is a number from 0 to 65535", port)
	}
	return nil
}

// declared is the configured text for "as the front declares".
const declared = "declared"

// handoverAccel is the start of the handover to nginx; the URL path of its
// internal location follows.
const handoverAccel = "accel:"

func (r *resolver) handover(k key, text string) string {
	switch text {
	case "", declared:
		return ""
	case HandoverNone, "sendfile", "local", "local-nostatus":
		return text
	}
	location, ok := strings.CutPrefix(text, handoverAccel)
	if !ok {
		r.fail(k, `= %q is not known: write "declared", "accel:/LOCATION", "sendfile", "local", "local-nostatus" or "none"`, text)
		return ""
	}
	if len(location) < 2 || location[0] != '/' || strings.HasSuffix(location, "/") || strings.ContainsFunc(location, isControl) {
		r.fail(k, `= %q names no internal location: write it with a slash at its start and none at its end, as in "accel:/_mirror_ready"`, text)
	}
	return text
}

func (r *resolver) stream(k key, text scalar) StreamMode {
	switch text {
	case "", declared:
		return StreamDeclared
	case "true":
		return StreamAlways
	case "false":
		return StreamNever
	}
	r.fail(k, `= %q must be true, false or "declared"`, text)
	return StreamDeclared
}
