package config

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A good configuration, in parts of which each case below replaces one.
const (
	file = "/etc/mirror/mirror.toml"
	head = "docroot = '/srv/mirror'"
	good = "prefix = '/debian/'\nupstream = ['http://one.example/']"
)

// prefix and upstream return the good mirror with one value replaced.
func prefix(value string) string {
	return "prefix = '" + value + "'\nupstream = ['http://one.example/']"
}

func upstream(value string) string {
	return "prefix = '/'\nupstream = ['" + value + "']"
}

// TestErrors meets every error that the text of a file can cause. head is the
// first line, table follows it, and mirror follows the line [[mirror]]. The
// wanted text is the whole error, without the file's name at its start.
func TestErrors(t *testing.T) {
	for name, test := range map[string]struct{ head, table, mirror, want string }{
		"not TOML":          {head: "docroot = /srv/m", want: `:1:11: is not TOML: unexpected character U+002F '/' at start of value: put text in quotes`},
		"leading zero":      {table: "[server]\nfastcgi_mode = 0660", want: `:3:16: is not TOML: integers cannot have leading zeroes: put a mode in quotes`},
		"twice":             {head: "docroot = '/srv/m'\ndocroot = '/srv/n'", want: `:2:1: is not TOML: key docroot is already defined`},
		"one bracket":       {mirror: good + "\n[mirror]\n" + good, want: `:6:2: [mirror] is given twice: begin every mirror with two brackets, [[mirror]]`},
		"unknown, near":     {table: "[server]\ngraze = '3s'", want: `:3:1: there is no key "graze" in [server]: is "grace" meant?`},
		"unknown, far":      {head: head + "\nx = 1", want: `:2:1: there is no key "x": mirror.example.toml shows all that exist`},
		"unknown table":     {head: head + "\n[mirrors]\nx = 1", want: `:2:2: there is no key "mirrors": is "mirror" meant?`},
		"wrong table":       {table: "[server]\ndocroot = '/srv/m'", want: `:3:1: there is no key "docroot" in [server]: it belongs above the first table`},
		"other table":       {head: head + "\nmax_wait = '3s'", want: `:2:1: there is no key "max_wait": it belongs below [timeouts]`},
		"mirror's, in none": {head: head + "\nprefix = '/'", want: `:2:1: there is no key "prefix": it belongs below [[mirror]]`},
		"two unknown":       {head: head + "\nyy = 1\nzz = 1", want: `:2:1: there is no key "yy": mirror.example.toml shows all that exist` + "\n" + file + `:3:1: there is no key "zz": mirror.example.toml shows all that exist`},
		"text wanted":       {head: "docroot = 5", want: `:1:11: docroot has a value of the wrong type: it must be a text in quotes, such as "text"`},
		"list wanted":       {mirror: "prefix = '/'\nupstream = 'http://one.example/'", want: `:5:12: mirror.upstream has a value of the wrong type: it must be a list of texts, such as ["one", "two"]`},
		"value wanted":      {table: "[server]\ngrace = ['3s']", want: `:3:9: server.grace has a value of the wrong type: it must be a single value`},
		"table wanted":      {head: head + "\nserver = 5\n[x]", want: `:2:10: server has a value of the wrong type: it must be a table, which begins with its name in brackets`},
		"tables wanted":     {head: head + "\nmirror = 5\n[x]", want: `:2:10: mirror has a value of the wrong type: it must be a table, which begins with [[mirror]]`},
		"below a value":     {head: "docroot.x = 5", want: `:1:9: docroot.x has a value of the wrong type: it must be a text in quotes, such as "text"`},

		"no docroot":       {head: "base = '/'", want: `: docroot is missing: name the directory that the web server serves`},
		"NUL in docroot":   {head: `docroot = "/srv/\u0000"`, want: `:1: docroot holds a NUL byte: no path does`},
		"NUL in state":     {head: head + "\n" + `state = "/srv/\u0000"`, want: `:2: state holds a NUL byte: no path does`},
		"docroot is /":     {head: "docroot = '/srv/..'", want: `:1: docroot is "/": serve a directory of its own, so that the state directory can lie outside it`},
		"state is docroot": {head: head + "\nstate = '/srv/mirror/'", want: `:2: state is the docroot itself: name another directory on the same file system, beside the docroot for instance`},
		"state around":     {head: head + "\nstate = '/srv'", want: `:2: state "/srv" contains the docroot "/srv/mirror": name a directory beside the docroot`},
		"state is /":       {head: head + "\nstate = '/'", want: `:2: state "/" contains the docroot "/srv/mirror": name a directory beside the docroot`},
		"state served":     {head: head + "\nstate = '/srv/mirror/state'", want: `:2: state "/srv/mirror/state" lies in the docroot, where it would be served: name a directory beside the docroot, or one whose name starts with a dot`},
		"base":             {head: head + "\nbase = '/a'", want: `:2: base "/a" must end with a slash: write "/a/"`},

		"fastcgi":            {table: "[server]\nfastcgi = '/run/x'", want: `:3: server.fastcgi = "/run/x" is no socket: write "unix:/run/mirror/fcgi.sock" or "tcp:127.0.0.1:9000"`},
		"fastcgi, no path":   {table: "[server]\nfastcgi = 'unix:'", want: `:3: server.fastcgi = "unix:" names no file: write it as "unix:/run/mirror/fcgi.sock"`},
		"fastcgi, long path": {table: "[server]\nfastcgi = 'unix:/" + strings.Repeat("x", 107) + "'", want: `:3: server.fastcgi = "unix:/` + strings.Repeat("x", 107) + `" has a path of 108 bytes, and Linux takes 107: choose a shorter one, below /run for instance`},
		"fastcgi, no port":   {table: "[server]\nfastcgi = 'tcp:localhost'", want: `:3: server.fastcgi = "tcp:localhost" is no address: write a host and a port, such as "127.0.0.1:8080" or "[::1]:8080"`},
		"fastcgi, no host":   {table: "[server]\nfastcgi = 'tcp::9000'", want: `:3: server.fastcgi = "tcp::9000" names no host: write tcp:127.0.0.1:9000, or tcp:0.0.0.0:9000 if everybody may ask`},
		"mode of tcp":        {table: "[server]\nfastcgi = 'tcp:[::]:9000'\nfastcgi_mode = '0600'", want: `:4: server.fastcgi_mode has no meaning for a tcp socket, which every user of the machine can connect to: leave it out, or use a unix socket`},
		"group of tcp":       {table: "[server]\nfastcgi = 'tcp:[::]:9000'\nfastcgi_group = 33", want: `:4: server.fastcgi_group has no meaning for a tcp socket, which every user of the machine can connect to: leave it out, or use a unix socket`},
		"http":               {table: "[server]\nhttp = ':80x'", want: `:3: server.http = ":80x" has the port "80x": a port is a number from 0 to 65535`},
		"mode, not octal":    {table: "[server]\nfastcgi_mode = '0o888'", want: `:3: server.fastcgi_mode = "0o888" is not a file mode: write the permission bits in octal, such as "0660"`},
		"mode, setuid":       {table: "[server]\nfastcgi_mode = 0o4660", want: `:3: server.fastcgi_mode = "0o4660" is not a file mode: write the permission bits in octal, such as "0660"`},
		"mode, no use":       {table: "[server]\nfastcgi_mode = 0o440", want: `:3: server.fastcgi_mode = "0o440" lets nobody connect, which takes the permission to write: write "0660", for instance`},
		"handover":           {table: "[server]\nhandover = 'accel'", want: `:3: server.handover = "accel" is not known: write "declared", "accel:/LOCATION", "sendfile", "local", "local-nostatus" or "none"`},
		"handover, location": {table: "[server]\nhandover = 'accel:/x/'", want: `:3: server.handover = "accel:/x/" names no internal location: write it with a slash at its start and none at its end, as in "accel:/_mirror_ready"`},
		"stream":             {table: "[server]\nstream = 1", want: `:3: server.stream = "1" must be true, false or "declared"`},

		"no unit":         {table: "[server]\ngrace = 30", want: `:3: server.grace = "30" is not a duration: write a number with its unit (ms, s, m, h), such as "20s"`},
		"duration, long":  {table: "[server]\ngrace = '61m'", want: `:3: server.grace = "61m" is out of range: it must be from 0s to 1h`},
		"duration, short": {table: "[timeouts]\nmax_wait = '1ms'", want: `:3: timeouts.max_wait = "1ms" is out of range: it must be from 1s to 10m`},
		"count":           {table: "[limits]\nfetches = 0", want: `:3: limits.fetches = "0" must be a whole number from 1 to 4096`},
		"count, fraction": {table: "[limits]\nrelays = 1.5", want: `:3: limits.relays = "1.5" must be a whole number from 0 to 4096`},
		"per upstream":    {table: "[limits]\nfetches = 8\nper_upstream = 9", want: `:4: limits.per_upstream is 9, more than the 8 fetches in all: lower it, or raise fetches`},
		"size":            {table: "[limits]\nmax_size = '1M'", want: `:3: limits.max_size = "1M" is not a size: write a whole number of bytes, or one with a unit (kB, MB, GB, TB, KiB, MiB, GiB, TiB), such as "64MiB"`},
		"size, huge":      {table: "[limits]\nmax_size = '9999999TiB'", want: `:3: limits.max_size = "9999999TiB" is more than any disk holds: write 0 for no limit`},
		"size, negative":  {table: "[limits]\nmax_size = -1", want: `:3: limits.max_size = "-1" is not a size: write a whole number of bytes, or one with a unit (kB, MB, GB, TB, KiB, MiB, GiB, TiB), such as "64MiB"`},

		"no prefix":         {mirror: "upstream = ['http://one.example/']", want: `:3: mirror.prefix is missing: name the part of the docroot that is mirrored, such as "/debian/", or "/" for all of it`},
		"prefix, start":     {mirror: prefix("a/"), want: `:4: mirror.prefix "a/" must start with a slash: write "/a/"`},
		"prefix, end":       {mirror: prefix("/a"), want: `:4: mirror.prefix "/a" must end with a slash: write "/a/"`},
		"prefix, slashes":   {mirror: prefix("/a//"), want: `:4: mirror.prefix "/a//" has two slashes in a row: write one`},
		"prefix, dots":      {mirror: prefix("/a/../"), want: `:4: mirror.prefix "/a/../" has a part that starts with a dot ("..", "." and hidden names are never served): leave it out`},
		"prefix, query":     {mirror: prefix("/a?/"), want: `:4: mirror.prefix "/a?/" holds a backslash, "?", "#" or a control character: none of them can be part of it`},
		"prefix, escape":    {mirror: prefix("/a%20b/"), want: `:4: mirror.prefix "/a%20b/" is percent-encoded: write the characters themselves`},
		"prefix, twice":     {mirror: good + "\n[[mirror]]\n" + good, want: `:7: mirror.prefix "/debian/" is given twice: list all its upstreams in one [[mirror]]`},
		"no upstream":       {mirror: "prefix = '/'", want: `:3: mirror.upstream is missing: list at least one URL, such as ["http://ftp.example.org/debian/"]`},
		"upstream, none":    {mirror: "prefix = '/'\nupstream = []", want: `:5: mirror.upstream is missing: list at least one URL, such as ["http://ftp.example.org/debian/"]`},
		"upstream, query":   {mirror: upstream("http://u:secret@one.example/?a"), want: `:5: mirror.upstream number 1 holds a "?" or "#": give the URL of a directory, and percent-encode these characters`},
		"upstream, bad":     {mirror: upstream("http://u:secret@one example/"), want: `:5: mirror.upstream number 1 is not a URL: write it as "http://HOST/PATH/", special characters percent-encoded`},
		"upstream, opaque":  {mirror: upstream("http:secret"), want: `:5: mirror.upstream number 1 is not a URL: write it as "http://HOST/PATH/", special characters percent-encoded`},
		"upstream, bare":    {mirror: upstream("one.example/debian"), want: `:5: mirror.upstream number 1 has no scheme: write it as "http://HOST/PATH/", for instance, or "file:///PATH/"`},
		"upstream, sftp":    {mirror: upstream("sftp://u:secret@one.example/"), want: `:5: mirror.upstream number 1 begins with "sftp:": only http, https, ftp, ftps, rsync and file are supported`},
		"upstream, host":    {mirror: upstream("http:///debian/"), want: `:5: mirror.upstream number 1 names no host: write it as "http://HOST/PATH/"`},
		"upstream, colon":   {mirror: upstream("http://one.example:/"), want: `:5: mirror.upstream number 1 has a colon but no port: leave the colon out`},
		"upstream, port":    {mirror: upstream("http://one.example:70000/"), want: `:5: mirror.upstream number 1 has port 70000: a port is a number from 1 to 65535`},
		"upstream, dots":    {mirror: upstream("http://one.example/a/%2e%2e/b/"), want: `:5: mirror.upstream number 1 has a "." or ".." in its path: write the path that it leads to`},
		"upstream, twice":   {mirror: "prefix = '/'\nupstream = [\n'http://u:secret@one.example/a/',\n'http://ONE.example/a']", want: `:7: mirror.upstream number 2 (http://one.example/a/) is given twice: leave one out`},
		"miss":              {mirror: good + "\nmiss = 'later'", want: `:6: mirror.miss "later" is not a way to answer: write "stream", "wait" or "redirect"`},
		"mutable_in":        {mirror: good + "\nmutable_in = 'memory'", want: `:6: mirror.mutable_in "memory" is no place for files: write "docroot" or "state"`},
		"miss, no http":     {mirror: "prefix = '/'\nupstream = ['ftp://one.example/', 'rsync://one.example/m/']\nmiss = 'redirect'", want: `:6: mirror.miss "redirect" sends clients to an upstream, and none of these is http or https: write "stream" or "wait"`},
		"profile":           {mirror: good + "\nprofile = 'apt'", want: `:6: mirror.profile "apt" is no format of repositories that is known here: write one of auto, none, debian, rpm, arch, alpine, sums, pypi`},
		"immutable":         {mirror: good + "\nimmutable = ['/a']", want: `:6: mirror.immutable "/a" starts with a slash: write it from the prefix on, "a"`},
		"prefetch":          {mirror: good + "\nprefetch = 2", want: `:6: mirror.prefetch = "2" must be true or false`},
		"boolean":           {mirror: good + "\nkeep_going = 1", want: `:6: mirror.keep_going = "1" must be true or false`},
		"pattern, empty":    {mirror: good + "\nmutable = ['a', '']", want: `:6: mirror.mutable number 2 is empty, and would match nothing: leave it out`},
		"pattern, start":    {mirror: good + "\nmutable = ['/a']", want: `:6: mirror.mutable "/a" starts with a slash: write it from the prefix on, "a"`},
		"pattern, end":      {mirror: good + "\nrefuse_html = ['a/']", want: `:6: mirror.refuse_html "a/" ends with a slash, and no file does: append "*" for all files below`},
		"pattern, class":    {mirror: good + "\nmutable = ['[ab]']", want: `:6: mirror.mutable "[ab]" holds one of []{}\, which have no meaning here: only "*" and "?" stand for others`},
		"index, start":      {mirror: good + "\nindex = '/ls-lR'", want: `:6: mirror.index "/ls-lR" starts with a slash: write it from the prefix on, "ls-lR"`},
		"index, end":        {mirror: good + "\nindex = 'lists/'", want: `:6: mirror.index "lists/" ends with a slash, and no file does: name the listing itself, such as "ls-lR.gz"`},
		"index, dots":       {mirror: good + "\nindex = 'a/../ls-lR'", want: `:6: mirror.index "a/../ls-lR" has a part that starts with a dot ("..", "." and hidden names are never served): leave it out`},
		"index, slashes":    {mirror: good + "\nindex = 'a//ls-lR'", want: `:6: mirror.index "a//ls-lR" has two slashes in a row: write one`},
		"zone":              {mirror: good + "\nzone = 'Europe/Berln'", want: `:6: mirror.zone "Europe/Berln" is not a time zone that is known here: write a name of the system's database (/usr/share/zoneinfo), such as "Europe/Berlin", or "UTC"`},
		"zone, local":       {mirror: good + "\nzone = 'Local'", want: `:6: mirror.zone "Local" is not a time zone that is known here: write a name of the system's database (/usr/share/zoneinfo), such as "Europe/Berlin", or "UTC"`},
		"zone, file":        {mirror: good + "\nzone = '../../../etc/passwd'", want: `:6: mirror.zone "../../../etc/passwd" is not a time zone that is known here: write a name of the system's database (/usr/share/zoneinfo), such as "Europe/Berlin", or "UTC"`},
		"connections":       {mirror: good + "\nconnections = 17", want: `:6: mirror.connections = "17" must be a whole number from 1 to 16`},
		"connections, none": {mirror: good + "\nconnections = 0", want: `:6: mirror.connections = "0" must be a whole number from 1 to 16`},
		"keep_dropped":      {mirror: good + "\nkeep_dropped = '30d'", want: `:6: mirror.keep_dropped = "30d" is neither a duration nor "forever": write a number with its unit (m, h), such as "720h"`},
		"keep_dropped, max": {mirror: good + "\nkeep_dropped = '9000h'", want: `:6: mirror.keep_dropped = "9000h" is out of range: it must be from 0s to 8760h`},
		"verify_rate":       {table: "[server]\nverify_rate = 'fast'", want: `:3: server.verify_rate = "fast" is not a size: write a whole number of bytes, or one with a unit (kB, MB, GB, TB, KiB, MiB, GiB, TiB), such as "64MiB"`},
		"listing_max_age":   {mirror: good + "\nlisting_max_age = '9000h'", want: `:6: mirror.listing_max_age = "9000h" is out of range: it must be from 0s to 8760h`},
		"links":             {mirror: good + "\nlinks = 'no'", want: `:6: mirror.links = "no" must be true or false`},
		"inline":            {head: head + "\nlimits.fetches = 'x'", want: `:2: limits.fetches = "x" must be a whole number from 1 to 4096`},
		"several, by line":  {head: head + "\nstate = '/'", table: "[server]\ngrace = 1\nhttp = 'x'", want: `:2: state "/" contains the docroot "/srv/mirror": name a directory beside the docroot` + "\n" + file + `:4: server.grace = "1" is not a duration: write a number with its unit (ms, s, m, h), such as "20s"` + "\n" + file + `:5: server.http = "x" is no address: write a host and a port, such as "127.0.0.1:8080" or "[::1]:8080"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := cmp.Or(test.head, head) + "\n" + test.table + "\n[[mirror]]\n" + cmp.Or(test.mirror, good)
			_, err := Parse([]byte(text), file)
			if err == nil {
				t.Fatalf("no error for\n%s", text)
			}
			if got := strings.TrimPrefix(err.Error(), file); got != test.want {
				t.Errorf("%s\ngot  %s\nwant %s", text, got, test.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Error("the error shows a password")
			}
		})
	}
}

// TestLoadErrors meets the errors that reading the file can cause.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent")
	for path, want := range map[string]string{
		absent: absent + ": no such configuration file: write it (mirror.example.toml shows every key) or name another",
		dir:    dir + ": the configuration cannot be read: read " + dir + ": is a directory",
		large:  large + ": is larger than 1048576 bytes, so it is no configuration: name another file",
	} {
		if _, err := Load(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	denied := explainOpen("x", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission})
	if !strings.Contains(denied.Error(), "x: the configuration may not be read by uid ") {
		t.Error(denied) // made by hand, since root may read everything
	}
}

// TestErrorsWithoutTables meets what cannot be met beside a [[mirror]].
func TestErrorsWithoutTables(t *testing.T) {
	for text, want := range map[string]string{
		head: `: mirror is missing: add a [[mirror]] with a prefix and an upstream`,
		head + "\nmirror = [\n{prefix='/', upstream=['http://one.example/']},\n{prefix='/a', upstream=['http://one.example/']},\n]": `:4: mirror.prefix "/a" must end with a slash: write "/a/"`,
		head + "\nmirror = [{nick='/'}]": `:2:12: there is no key "nick": mirror.example.toml shows all that exist`,
	} {
		_, err := Parse([]byte(text), file)
		if err == nil || strings.TrimPrefix(err.Error(), file) != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
