package source

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// dialer returns a DialContext that refuses private addresses for every
// "host:port" that is not configured. The address is looked at when it is
// dialled, after the name was resolved, so that no answer of a name server can
// lead a redirect into the local network.
func dialer(o HTTPOptions) func(context.Context, string, string) (net.Conn, error) {
	free := &net.Dialer{Timeout: o.Connect}
	if o.RedirectToPrivate {
		return free.DialContext
	}
	public := &net.Dialer{Timeout: o.Connect, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !isPublic(ap.Addr()) {
			return fmt.Errorf("a redirect leads to the private address %s; allow it with redirect_to_private", ap.Addr())
		}
		return nil
	}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if o.Configured[strings.ToLower(addr)] {
			return free.DialContext(ctx, network, addr)
		}
		return public.DialContext(ctx, network, addr)
	}
}

// special are blocks of the IANA special-purpose registries that may lead
// somewhere private, beyond those that netip knows itself.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network, RFC 791
	netip.MustParsePrefix("100.64.0.0/10"),  // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments, RFC 6890
	netip.MustParsePrefix("198.18.0.0/15"),  // benchmarking, RFC 2544
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved, RFC 1112
	netip.MustParsePrefix("64:ff9b:1::/48"), // local-use NAT64, RFC 8215
	netip.MustParsePrefix("::/96"),          // IPv4-compatible, RFC 4291
	netip.MustParsePrefix("fec0::/10"),      // site-local, RFC 3879
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	// NAT64 and 6to4 carry an IPv4 address; it decides.
	if b := a.As16(); a.Is6() {
		switch {
		case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
			return isPublic(netip.AddrFrom4([4]byte(b[12:16])))
		case netip.MustParsePrefix("2002::/16").Contains(a):
			return isPublic(netip.AddrFrom4([4]byte(b[2:6])))
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
