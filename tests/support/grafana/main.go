// Grafana's Jaeger data source as Grafana runs it, without Grafana: a request a line in, its answer a line out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/grafana/grafana-jaeger-datasource/pkg/jaeger"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/config"
)

type request struct {
	URL      string          `json:"url"`
	JSONData json.RawMessage `json:"jsonData"`
	Toggles  string          `json:"toggles"`
	Path     string          `json:"path"`  // of a resource
	Query    json.RawMessage `json:"query"` // of a panel; neither: "Save & test"
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var it request
		if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
			panic(err)
		}
		if err := out.Encode(answer(it)); err != nil {
			panic(err)
		}
	}
}

func answer(it request) any {
	toggles := map[string]string{"GF_INSTANCE_FEATURE_TOGGLES_ENABLE": it.Toggles}
	ctx := config.WithGrafanaConfig(context.Background(), config.NewGrafanaCfg(toggles))
	settings := backend.DataSourceInstanceSettings{Type: "jaeger", URL: it.URL, UID: "weftline", Name: "weftline", JSONData: it.JSONData}
	made, err := jaeger.NewDatasource(ctx, settings)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	source := made.(*jaeger.DataSource)
	switch {
	case it.Query != nil:
		query := backend.DataQuery{RefID: "A", JSON: it.Query, TimeRange: backend.TimeRange{From: it.From, To: it.To}}
		got, err := source.QueryData(ctx, &backend.QueryDataRequest{Queries: []backend.DataQuery{query}})
		if err != nil {
			return map[string]string{"error": err.Error()}
		}
		return got.Responses["A"]
	case it.Path != "":
		var body json.RawMessage
		send := backend.CallResourceResponseSenderFunc(func(got *backend.CallResourceResponse) error {
			body = append(body, got.Body...)
			return nil
		})
		asked := &backend.CallResourceRequest{Method: "GET", Path: it.Path, URL: it.Path}
		if err := source.CallResource(ctx, asked, send); err != nil {
			return map[string]string{"error": err.Error()}
		}
		return body
	}
	got, err := source.CheckHealth(ctx, &backend.CheckHealthRequest{})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return map[string]string{"status": got.Status.String(), "message": got.Message}
}
