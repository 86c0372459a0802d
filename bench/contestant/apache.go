package contestant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// startBehindApache starts the daemon, and Apache with the file of deploy/.
func (r *Running) startBehindApache(ctx context.Context) error {
	if err := r.drop(); err != nil {
		return err
	}
	socket := filepath.Join(r.dir, "fcgi.sock")
	if err := r.runDaemon(ctx, socket, ""); err != nil {
		return err
	}
	return r.runApache(ctx, "proxy-fcgi.conf", [2]string{"/run/mirror/fcgi.sock", socket})
}

// startApacheCGI starts Apache alone, which starts mirror-cgi.
func (r *Running) startApacheCGI(ctx context.Context) error {
	if err := r.drop(); err != nil {
		return err
	}
	file, err := r.configure("", "")
	if err != nil {
		return err
	}
	return r.runApache(ctx, "cgid.conf",
		[2]string{"/usr/lib/cgi-bin/mirror-cgi", r.setup.CGI}, [2]string{"/etc/mirror/mirror.toml", file})
}

// runApache starts Apache with a file of deploy/apache, its places changed.
func (r *Running) runApache(ctx context.Context, file string, places ...[2]string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	r.Addr = addr
	places = append(places, [2]string{"*:80>", addr + ">"}, [2]string{"/srv/mirror", r.docroot})
	site, err := deployed(filepath.Join(r.setup.Repo, "deploy", "apache", file), places)
	if err != nil {
		return err
	}
	return r.launchApache(ctx, site)
}

// startModCache starts Apache as a rival.
func (r *Running) startModCache(ctx context.Context) error {
	cache, err := r.prepare("cache")
	if err != nil {
		return err
	}
	site, err := fill("modcache.conf", map[string]string{"Cache": cache, "Dir": r.dir, "Origin": r.setup.Origin})
	if err != nil {
		return err
	}
	return r.launchApache(ctx, site)
}

func (r *Running) launchApache(ctx context.Context, site string) error {
	file, err := r.write("apache.conf", map[string]string{"Dir": r.dir, "Listen": r.Addr, "Site": site})
	if err != nil {
		return err
	}
	cmd := exec.Command(program("apache2"), "-f", file, "-DFOREGROUND")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	r.Front, err = r.launch(ctx, cmd, "tcp", r.Addr)
	return err
}
