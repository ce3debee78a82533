"""The propagator as a proxy-wasm module, for meshes that allow no EnvoyFilter: `propagator.c` and how it is built."""
