// Istio's control plane without a cluster: the discovery server of Istio's own tests, which has all of what makes
// configuration for proxies and a Kubernetes API that is a fake. control_plane PORT MESH RESOURCES serves the YAML
// files over xDS on loopback until its standard input ends; what a cluster with Istio would refuse ends it.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/test"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if err := serve(os.Args[1], read(os.Args[2]), read(os.Args[3])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return string(content)
}

func serve(port, meshConfig, resources string) error {
	inMesh, err := mesh.ApplyMeshConfigDefaults(meshConfig)
	if err != nil {
		return err
	}
	if err := onlyKnownFields(resources); err != nil {
		return err
	}
	configs, _, err := crd.ParseInputs(resources) // and validates them
	if err != nil {
		return err
	}
	return test.Wrap(func(t test.Failer) {
		xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			MeshConfig: inMesh,
			Configs:    configs,
			ListenerBuilder: func() (net.Listener, error) {
				return net.Listen("tcp", "127.0.0.1:"+port)
			},
		})
		io.Copy(io.Discard, os.Stdin)
	})
}

// A cluster's API server refuses fields that no schema has; ParseInputs leaves them out.
func onlyKnownFields(resources string) error {
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(resources), 1<<20)
	for {
		var it crd.IstioKind
		if err := documents.Decode(&it); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind := it.GroupVersionKind()
		schema, there := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&kind))
		if !there {
			return fmt.Errorf("no schema for %v", kind)
		}
		if err := config.ApplyJSONStrict(schema.MustNewInstance(), string(it.Spec)); err != nil {
			return fmt.Errorf("%s %s: %w", it.Kind, it.Name, err)
		}
	}
}
