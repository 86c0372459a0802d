//go:build profile

// A daemon built with -tags profile writes what it has used to files, for
// bench/NOTES.md. `go run ./bench -only scale -profile DIR` builds and asks it.

package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
)

// From its start until SIGUSR1 the processor is watched; then $MIRROR_PROFILE.cpu
// has that, and $MIRROR_PROFILE.allocs all that was allocated.
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
		// Under another name until it is whole: whoever sees it may end us.
		allocs, err := os.Create(prefix + ".unfinished")
		if err != nil {
			panic(err)
		}
		runtime.GC() // what was allocated since the last one is not in it else
		if err := pprof.Lookup("allocs").WriteTo(allocs, 0); err != nil {
			panic(err)
		}
		allocs.Close()
		if err := os.Rename(allocs.Name(), prefix+".allocs"); err != nil {
			panic(err)
		}
	}()
}
