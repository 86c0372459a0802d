package contestant

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// peers are the programs of the peers, and the Debian package of each.
var peers = [][2]string{
	{"apache2", "apache2"}, {"squid", "squid"}, {"varnishd", "varnish"},
	{"traffic_server", "trafficserver"}, {"apt-cacher-ng", "apt-cacher-ng"},
}

// tools are the programs of clients, and of servers of the tree that is synced, and
// their packages.
var tools = [][2]string{
	{"curl", "curl"}, {"aria2c", "aria2"}, {"rsync", "rsync"}, {"lftp", "lftp"}, {"vsftpd", "vsftpd"},
}

// Missing returns an error that names the packages that have to be installed; nil where
// none has. nginx is not looked for here: Setup says where it is.
func Missing() error {
	var packages []string
	for _, p := range slices.Concat(peers, tools) {
		if !filepath.IsAbs(program(p[0])) {
			packages = append(packages, p[1])
		}
	}
	const xsendfile = "/usr/lib/apache2/modules/mod_xsendfile.so"
	if _, err := os.Stat(xsendfile); err != nil {
		packages = append(packages, "libapache2-mod-xsendfile")
	}
	if packages != nil {
		return fmt.Errorf("make bench installs what is missing: %s", strings.Join(packages, " "))
	}
	return nil
}

// Versions are the peers' versions, as Debian names them.
func Versions() string {
	args := []string{"-W", "-f", "${Package} ${source:Upstream-Version}\n"}
	for _, p := range peers {
		args = append(args, p[1])
	}
	out, err := exec.Command("dpkg-query", args...).Output()
	if err != nil {
		return "peers of unknown versions"
	}
	return strings.Join(strings.Split(strings.TrimSpace(string(out)), "\n"), ", ")
}

// program returns where a server's program is: Debian's are not in the PATH of a
// normal user.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return name
}
