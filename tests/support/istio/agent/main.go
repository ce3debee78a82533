// The part of Istio's agent that fetches a WasmPlugin's module before Envoy gets it: agent URL FOLDER prints the
// module's file, or why the image is refused.
package main

import (
	"fmt"
	"os"
	"time"

	"istio.io/istio/pkg/wasm"
)

func main() {
	cache := wasm.NewLocalFileCache(os.Args[2], wasm.Options{})
	file, err := cache.Get(os.Args[1], wasm.GetOptions{RequestTimeout: time.Minute})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(file)
}
