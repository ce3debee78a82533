// One span with a log through Jaeger's own client, Thrift over HTTP: node jaeger.cjs URL
// Prints the trace id.
const { initTracer } = require("jaeger-client");

const tracer = initTracer(
  {
    serviceName: "jaeger-sender",
    sampler: { type: "const", param: 1 },
    reporter: { collectorEndpoint: process.argv[2] + "/api/traces", flushIntervalMs: 50 },
  },
  { logger: { info() {}, error: (message) => console.error(message) } },
);
const parent = tracer.startSpan("parent", { tags: { "span.kind": "server", count: 3, half: 0.5, yes: true } });
const child = tracer.startSpan("child", { childOf: parent });
child.log({ event: "error", "error.kind": "Timeout", message: "too late" });
child.setTag("error", true);
child.finish();
parent.finish();
tracer.close(() => console.log(parent.context().traceIdStr));
