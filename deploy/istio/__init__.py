"""The propagator for an Istio mesh: the pieces of `deploy/envoy`, as Istio's resources."""
