// One span and one log line through the JS SDK's OTLP exporters: node opentelemetry.mjs URL json|protobuf [gzip]
// Prints the trace id.
import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { OTLPLogExporter as LogsJson } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as LogsProtobuf } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter as TracesJson } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as TracesProtobuf } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const [url, format, compression] = process.argv.slice(2);
const resource = resourceFromAttributes({ "service.name": "js-sender" });
const options = (path) => ({ url: url + path, compression: compression ?? "none" });
const [Traces, Logs] = format === "json" ? [TracesJson, LogsJson] : [TracesProtobuf, LogsProtobuf];
const traces = new NodeTracerProvider({
  resource,
  spanProcessors: [new SimpleSpanProcessor(new Traces(options("/v1/traces")))],
});
const logs = new LoggerProvider({
  resource,
  processors: [new SimpleLogRecordProcessor({ exporter: new Logs(options("/v1/logs")) })],
});
traces.register();
const attributes = { text: "ä", count: 3, half: 0.5, yes: true, list: ["a", "b"] };
const span = traces.getTracer("t", "1").startSpan("work", { kind: SpanKind.SERVER, attributes });
span.addEvent("tried", { times: 2 });
span.setStatus({ code: SpanStatusCode.ERROR, message: "declined" });
const record = { severityNumber: 17, severityText: "ERROR", body: "from js", attributes: { n: 1 } };
logs.getLogger("t").emit({ ...record, context: trace.setSpan(context.active(), span) });
span.end();
await traces.forceFlush();
await logs.forceFlush();
await traces.shutdown();
await logs.shutdown();
console.log(span.spanContext().traceId);
