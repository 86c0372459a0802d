//go:build profile

// A daemon built with -tags profile writes profiles of itself, for bench/NOTES.md.
// `go run ./bench -only scale -profile DIR` builds it, and asks for them.

package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
)

// On SIGUSR1, $MIRROR_PROFILE.cpu gets what the processor did since the start, and
// $MIRROR_PROFILE.allocs all that was allocated. MIRROR_PROFILE is the beginning of a path.
func init() {
	prefix := os.Getenv("MIRROR_PROFILE")
	if prefix == "" {
		return
	}
	cpu, err := os.Create(prefix + ".cpu")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		panic(err)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		<-asked
		pprof.StopCPUProfile()
		cpu.Close()
		// Under another name until it is whole: whoever sees that one may end the daemon.
		allocs, err := os.Create(prefix + ".unfinished")
		if err != nil {
			panic(err)
		}
		runtime.GC() // the profile has only what was allocated before the last collection
		if err := pprof.Lookup("allocs").WriteTo(allocs, 0); err != nil {
			panic(err)
		}
		allocs.Close()
		if err := os.Rename(allocs.Name(), prefix+".allocs"); err != nil {
			panic(err)
		}
	}()
}
