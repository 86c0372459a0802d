// Mirror-cgi answers one CGI request for a file that is missing in the docroot,
// and exits. Its configuration is the file that MIRROR_CONFIG names, else
// mirror.toml beside the program.
//
// A small file that is not there yet it fetches itself. Any other is fetched by a
// worker: this program again, in a session of its own, which inherits the lock of the
// file, and the connection on which this one has asked for it. The worker survives the
// client, this process and the web server's SIGKILL.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/handler"
	"mirror/internal/cgi"
)

// workerFlag is the first argument of a worker, and rearrangeFlag that of a process
// that moves files to where the configuration has them. They mean nothing in a CGI
// process: a query such as "?-worker+x" becomes arguments there, so they are
// not looked at when GATEWAY_INTERFACE is set.
const (
	workerFlag    = "-worker"
	rearrangeFlag = "-rearrange"
)

func main() {
	syscall.Umask(0o002) // modes are given explicitly
	switch {
	case os.Getenv("GATEWAY_INTERFACE") != "":
		os.Exit(answer())
	case len(os.Args) == 5 && os.Args[1] == workerFlag:
		os.Exit(work(os.Args[2], mirror.Name(os.Args[3]), os.Args[4]))
	case len(os.Args) == 3 && os.Args[1] == rearrangeFlag:
		os.Exit(rearrange(os.Args[2]))
	}
	fmt.Fprintln(os.Stderr, "mirror-cgi is a CGI program: a web server runs it. See deploy/ for snippets, and use mirrorctl at a terminal.")
	os.Exit(2)
}

// answer serves the request of this process, and stays until what it has fetched has its
// name. It leaves the record open: see fetch.Engine.Shut.
func answer() int {
	// What a web server left open must not be kept open by a worker, or
	// whoever waits for its end waits for the worker's.
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	// What the administrator has to know goes to the web server's log, and all to the
	// workers': each fetch leaves its line there, whoever did it.
	late := &lateLog{}
	log := slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}),
		slog.NewTextHandler(late, nil)))
	path := configPath()
	conf, err := config.Load(path)
	var engine *fetch.Engine
	if err == nil {
		engine, err = fetch.Open(conf, fetch.Options{Log: log, Spawn: spawner(path)})
	}
	if engine != nil {
		late.open = engine.Tree().OpenWorkerLog
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM, syscall.SIGHUP)
		go leave(engine, end)
	}
	err = cgi.Serve(os.Environ(), os.Stdout, func(w http.ResponseWriter, r *http.Request, env map[string]string) {
		var front handler.Front
		if err == nil {
			front, err = handler.FrontOf(env, r.RequestURI, conf.Server)
			front.Script = env["SCRIPT_NAME"]
		}
		if err != nil {
			// The cause is the administrator's business, not the client's.
			log.Error("mirror-cgi cannot work", "err", err)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, "500 Internal Server Error\nThis mirror is not configured rightly: the web server's error log says why.\n")
			return
		}
		handler.New(conf, engine, log).Serve(w, r, front)
	})
	if engine != nil && !engine.Arranged() {
		if err := detached(path, nil, rearrangeFlag).Start(); err != nil {
			log.Warn("no process could be started to move files to where they are kept", "err", err)
		}
	}
	if engine != nil {
		letGo()
		engine.Await()
		sweep(engine, log)
	}
	if err != nil {
		log.Warn("the answer broke off", "err", err)
		return 1
	}
	return 0
}

// letGo closes the pipe to the web server, so that it need not wait for the disk. The
// descriptor's number is not to become that of a file.
func letGo() {
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	unix.Dup3(null, 1, 0)
	unix.Close(null)
}

// leaveTime is less than the three seconds that Apache waits before it kills.
const leaveTime = 2 * time.Second

// leave ends the process when the web server says so, which Apache does as soon as the
// client has left: not before what it fetches is published, or a worker's.
func leave(engine *fetch.Engine, end <-chan os.Signal) {
	<-end
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	engine.Close(ctx)
	os.Exit(0)
}

func configPath() string {
	if path := os.Getenv("MIRROR_CONFIG"); path != "" {
		return path
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return filepath.Join(filepath.Dir(self), "mirror.toml")
}

// spawner returns how a worker is started. Its descriptors from 3 on are the files, and
// its last argument says how many these are.
func spawner(conf string) func(mirror.Name, []*os.File) error {
	return func(name mirror.Name, files []*os.File) error {
		return detached(conf, files, workerFlag, string(name), strconv.Itoa(len(files))).Start()
	}
}

// detached is this program again, in a session of its own, with none of the pipes
// that the web server waits on.
func detached(conf string, files []*os.File, flag string, more ...string) *exec.Cmd {
	if abs, err := filepath.Abs(conf); err == nil {
		conf = abs
	}
	return &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{os.Args[0], flag, conf}, more...),
		Dir:         "/",
		Env:         workerEnv(),
		ExtraFiles:  files,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
}

// workerEnv has nothing of the request: where certificates are, and the time
// zone of the log.
func workerEnv() []string {
	env := []string{}
	for _, key := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "TZ"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// work fetches one file to its end.
func work(confPath string, name mirror.Name, n string) int {
	inherited, err := strconv.Atoi(n)
	if err != nil || inherited < 1 {
		return 2
	}
	files := make([]*os.File, inherited)
	for i := range files {
		files[i] = os.NewFile(uintptr(3+i), "inherited")
	}
	return alone(confPath, func(engine *fetch.Engine, log *slog.Logger) error {
		err := engine.Work(name, files)
		sweep(engine, log)
		return err
	})
}

// sweep removes what was abandoned: there is no daemon that would.
func sweep(engine *fetch.Engine, log *slog.Logger) {
	if err := engine.Tree().Sweep(time.Now()); err != nil {
		log.Warn("abandoned files could not be removed", "err", err)
	}
}

// rearrange moves files to where the configuration has them, after it was changed.
func rearrange(confPath string) int {
	return alone(confPath, func(engine *fetch.Engine, log *slog.Logger) error {
		err := engine.Rearrange(context.Background())
		if err != nil {
			log.Warn("mutable files could not be moved to where they are kept", "err", err)
		}
		return err
	})
}

// alone does something in a process that nobody waits for.
func alone(confPath string, do func(*fetch.Engine, *slog.Logger) error) int {
	conf, err := config.Load(confPath)
	if err != nil {
		return 1 // the CGI process has said so
	}
	late := &lateLog{}
	log := slog.New(slog.NewTextHandler(late, nil))
	engine, err := fetch.Open(conf, fetch.Options{Log: log})
	if err != nil {
		return 1
	}
	late.open = engine.Tree().OpenWorkerLog
	if do(engine, log) != nil {
		return 1
	}
	return 0
}

// lateLog opens the workers' log at its first line. Without open, what is written is
// dropped.
type lateLog struct {
	open func() (*os.File, error)
	f    *os.File
}

// Write implements io.Writer; slog calls it under its own mutex.
func (l *lateLog) Write(p []byte) (int, error) {
	if l.open == nil {
		return len(p), nil
	}
	if l.f == nil {
		f, err := l.open()
		if err != nil {
			return 0, err
		}
		l.f = f
	}
	return l.f.Write(p)
}
