package source

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/loopback"
	"mirror/internal/origin"
)

// ftpServer is a real server, unpacked by scripts/need-ftpd: how it is made to
// serve the directory data at ip:port for "user" with "secret". What it
// needs is written to conf. As root it becomes nobody where it has to.
type ftpServer struct {
	name, pkg, binary string
	configure         func(t *testing.T, s *ftpServing) (args []string)
}

// ftpServing is one that runs.
type ftpServing struct {
	ftpServer
	root, conf, data string // directories: of the package, of the configuration, of the files
	ip               string // of its own; the port is every server's
	port             int
	pem              string // a certificate and its key, in PEM; "": without TLS
	implicit         bool   // TLS from the first byte on; only vsftpd
	cases            int    // how many upstreams it has been
}

// hashed is "secret", as crypt(3) has it.
const hashed = "$5$mirrortest$GofYvxagh6B6FmBYq1CE4REMkEDkRiKee3YTT6As8V."

var ftpServers = []ftpServer{
	{"vsftpd", "vsftpd", "usr/sbin/vsftpd", func(t *testing.T, s *ftpServing) []string {
		conf := `listen=YES
background=NO
run_as_launching_user=YES
seccomp_sandbox=NO
anonymous_enable=YES
no_anon_password=YES
anon_world_readable_only=NO
xferlog_enable=NO
`
		conf += fmt.Sprintf("ftp_username=%s\nanon_root=%s\nlisten_address=%s\nlisten_port=%d\n", s.user(), s.data, s.ip, s.port)
		if s.pem != "" {
			conf += "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=YES\nforce_anon_logins_ssl=YES\n" +
				"require_ssl_reuse=YES\nssl_ciphers=HIGH\nrsa_cert_file=" + s.write(t, "pem", s.pem) + "\n"
		}
		if s.implicit {
			conf += "implicit_ssl=YES\n"
		}
		return []string{s.write(t, "vsftpd.conf", conf)}
	}},
	{"proftpd", "proftpd-mod-crypto", "usr/sbin/proftpd", func(t *testing.T, s *ftpServing) []string {
		users := s.write(t, "passwd", fmt.Sprintf("user:%s:%d:%d::%s:/bin/sh\n", hashed, s.uid(), s.uid(), s.data))
		conf := `ServerType standalone
SocketBindTight on
UseIPv6 off
AuthOrder mod_auth_file.c
RequireValidShell off
UseFtpUsers off
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog none
TimesGMT on
`
		conf += fmt.Sprintf("DefaultAddress %s\nPort %d\nUser %s\nModulePath %s/usr/lib/proftpd\nAuthUserFile %s\n", s.ip, s.port, s.user(), s.root, users)
		conf += fmt.Sprintf("PidFile %[1]s/pid\nScoreboardFile %[1]s/scoreboard\nDelayEngine off\n", s.conf)
		if s.pem != "" {
			conf += "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\nTLSProtocol TLSv1.2 TLSv1.3\n"
			conf += fmt.Sprintf("TLSRSACertificateFile %[1]s\nTLSRSACertificateKeyFile %[1]s\n", s.write(t, "pem", s.pem))
		}
		return []string{"-n", "-q", "-c", s.write(t, "proftpd.conf", conf)}
	}},
	{"pure-ftpd", "pure-ftpd", "usr/sbin/pure-ftpd", func(t *testing.T, s *ftpServing) []string {
		users := s.write(t, "passwd", fmt.Sprintf("user:%s:65534:65534::%s/./::::::::::::\n", hashed, s.data))
		pw := exec.Command(filepath.Join(s.root, "usr/bin/pure-pw"), "mkdb", s.conf+"/pdb", "-f", users)
		pw.Env = s.environment()
		if out, err := pw.CombinedOutput(); err != nil {
			t.Fatalf("pure-pw: %v\n%s", err, out)
		}
		args := []string{"-S", fmt.Sprintf("%s,%d", s.ip, s.port), "-l", "puredb:" + s.conf + "/pdb", "-H", "-E", "-4", "-g", s.conf + "/pid"}
		if s.pem != "" {
			args = append(args, "-Y", "3", "-2", s.write(t, "pem", s.pem))
		}
		return args
	}},
}

func (s *ftpServing) uid() int {
	if os.Getuid() == 0 {
		return 65534
	}
	return os.Getuid()
}

func (s *ftpServing) user() string {
	if os.Getuid() == 0 && s.name != "vsftpd" {
		return "nobody"
	}
	u, err := user.Current()
	if err != nil {
		panic(err)
	}
	return u.Username
}

func (s *ftpServing) write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(s.conf, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// environment names the libraries that were unpacked with the server.
func (s *ftpServing) environment() []string {
	dirs, _ := filepath.Glob(s.root + "/usr/lib/*-linux-*")
	more, _ := filepath.Glob(s.root + "/lib/*-linux-*")
	return append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(append(dirs, more...), ":"))
}

// start runs the server until the test ends.
func (f ftpServer) start(t *testing.T, pem string, implicit bool) *ftpServing {
	t.Helper()
	root, err := filepath.Abs("../bin/ftpd/" + f.pkg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root + "/complete"); err != nil {
		t.Fatalf("%s is not there: scripts/need-ftpd, which `make test` runs, unpacks it", f.name)
	}
	s := &ftpServing{ftpServer: f, root: root, conf: t.TempDir(), data: t.TempDir(), pem: pem, implicit: implicit, port: loopback.Port}
	var addr string
	s.ip, addr = loopback.Address()
	if err := os.Chmod(filepath.Dir(s.data), 0o755); err != nil { // for nobody
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(root, f.binary), f.configure(t, s)...)
	cmd.Env = s.environment()
	// Its sessions are processes of their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(s.conf + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return s
		}
		if time.Since(begun) > 10*time.Second {
			said, _ := os.ReadFile(s.conf + "/log")
			t.Fatalf("%s does not listen: %v\n%s", f.name, err, said)
		}
	}
}

// realFTP is an upstream in a directory of its own of a real server.
type realFTP struct {
	*FTP
	t    *testing.T
	dir  string
	tmp  string
	line *cuttingLine
}

// upstream returns the source of a new directory; change is for its options.
func (s *ftpServing) upstream(t *testing.T, scheme string, change func(*FTPOptions)) realFTP {
	s.cases++
	u := realFTP{t: t, dir: filepath.Join(s.data, fmt.Sprint(s.cases)), tmp: t.TempDir()}
	if err := os.Mkdir(u.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("%s:%d", s.ip, s.port)
	if scheme == "ftp" {
		u.line = cutting(t, addr)
		addr = u.line.addr
	}
	base := url.URL{Scheme: scheme, Host: addr, Path: fmt.Sprintf("/%d/", s.cases)}
	if s.name != "vsftpd" {
		base.User = url.UserPassword("user", "secret")
	}
	u.FTP = overFTP(t, base.String(), change)
	return u
}

func (u realFTP) Set(path mirror.Name, f origin.File) { place(u.t, u.dir, u.tmp, path, f) }

func (u realFTP) Break(_ mirror.Name, n int64) { u.line.cutNext(n) }

// place renames a file into dir.
func place(t *testing.T, dir, tmp string, path mirror.Name, f origin.File) {
	t.Helper()
	b, at := f.Body, f.ModTime
	if b == nil {
		b = origin.Bytes(f.Seed, f.Size)
	}
	if at.IsZero() {
		at = origin.Epoch
	}
	was, is := filepath.Join(tmp, "new"), filepath.Join(dir, string(path))
	err := os.WriteFile(was, b, 0o644)
	if err == nil {
		err = os.Chtimes(was, at, at)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(is), 0o755)
	}
	if err == nil {
		err = os.Rename(was, is)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFTPServers holds FTP to the contract of Source, against what is out there.
func TestFTPServers(t *testing.T) {
	for _, f := range ftpServers {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.start(t, "", false)
			testSource(t, func(t *testing.T) upstream { return s.upstream(t, "ftp", nil) })
		})
	}
}
