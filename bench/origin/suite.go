package origin

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/ulikunitz/xz"
)

// The files of a Debian suite of n packages; those of other serials are others.
func ReleasePath(n, serial int) string  { return suitePath(n, serial) + "InRelease" }
func PackagesPath(n, serial int) string { return suitePath(n, serial) + packagesXZ }

const packagesXZ = "main/binary-amd64/Packages.xz"

func suitePath(n, serial int) string { return fmt.Sprintf("/suite/%d/%d/dists/bench/", n, serial) }

// suite answers the path of a file of a suite, and reports whether it is one.
func (s *server) suite(w http.ResponseWriter, r *http.Request) bool {
	parts := strings.SplitN(r.URL.Path, "/", 7) // "", suite, N, SERIAL, dists, bench, rest
	if len(parts) < 7 || parts[1] != "suite" {
		return false
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		return false
	}
	packages := s.packages(n)
	body := packages
	switch parts[6] {
	case "InRelease":
		body = fmt.Appendf(nil, "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: bench\nDate: Sun, 02 Feb 2020 20:20:20 UTC\nSHA256:\n %x %d %s\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n", sha256.Sum256(packages), len(packages), packagesXZ)
	case packagesXZ:
	default:
		return false
	}
	w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
	return true
}

// packages returns a Packages.xz, which takes some seconds the first time.
func (s *server) packages(n int) []byte {
	s.suites.mu.Lock()
	defer s.suites.mu.Unlock()
	if s.suites.files[n] == nil {
		var b bytes.Buffer
		w, _ := xz.NewWriter(&b)
		for i := range n {
			// As long as the stanzas of a real one.
			fmt.Fprintf(w, `Package: package-%[1]d
Version: 1.2.%[1]d-3+deb13u1
Installed-Size: %[1]d
Maintainer: The maintainers of package %[1]d <package-%[1]d@lists.one.example>
Architecture: amd64
Depends: libc6 (>= 2.36), libgcc-s1 (>= 3.0), libstdc++6 (>= 13.1), package-%[2]d (>= 1.2), package-%[3]d
Description: the package number %[1]d of a synthetic suite
Description-md5: %032[1]x
Section: utils
Priority: optional
Tag: implemented-in::c++, interface::commandline, role::program, scope::utility
Filename: pool/main/p/package-%[1]d/package-%[1]d_1.2.%[1]d-3+deb13u1_amd64.deb
Size: %[4]d
MD5sum: %032[1]x
SHA256: %[5]x

`, i, i*7%n, i*13%n, 1000+i, sha256.Sum256(strconv.AppendInt(nil, int64(i), 10)))
		}
		w.Close()
		if s.suites.files == nil {
			s.suites.files = make(map[int][]byte)
		}
		s.suites.files[n] = b.Bytes()
	}
	return s.suites.files[n]
}

// suites are those that were asked for, by the number of their packages.
type suites struct {
	mu    sync.Mutex
	files map[int][]byte // guarded by mu
}
