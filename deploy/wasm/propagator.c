// The propagator as a proxy-wasm module (ABI 0.2.1), for meshes that allow no EnvoyFilter.
//
// Requests: a traceparent that isn't W3C's is replaced, an absent one is added, x-transaction-id is set to its trace id.
// Responses: x-transaction-id as the request had it, also on what the proxy answered itself.
//
// A filter runs after the proxy's tracer and can't ask it for its trace id. So the new id is made of the x-request-id,
// which Envoy generates and services pass on: every proxy that sees the same one makes the same id. Where a tracer runs,
// it sends its own traceparent upstream; the store joins the two, because the access log has both.
//
// Freestanding: no libc, no SDK. What the host returns lives in an arena that every callback begins anew.

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

enum { OK = 0 };
enum { REQUEST = 0, RESPONSE = 2 };             // proxy-wasm: map types
enum { PLUGIN_CONFIGURATION = 7 };              // buffer types
enum { CONTINUE = 0 };                          // actions
enum { INFO = 2, ERROR = 4 };                   // log levels

IMPORT(proxy_log) int proxy_log(int level, const char *text, size_t size);
IMPORT(proxy_get_header_map_value)
int proxy_get_header_map_value(int map, const char *key, size_t key_size, const char **value, size_t *size);
IMPORT(proxy_replace_header_map_value)
int proxy_replace_header_map_value(int map, const char *key, size_t key_size, const char *value, size_t size);
IMPORT(proxy_remove_header_map_value) int proxy_remove_header_map_value(int map, const char *key, size_t key_size);
IMPORT(proxy_get_property) int proxy_get_property(const char *path, size_t path_size, const char **value, size_t *size);
IMPORT(proxy_set_property) int proxy_set_property(const char *path, size_t path_size, const char *value, size_t size);
IMPORT(proxy_get_buffer_bytes) int proxy_get_buffer_bytes(int buffer, size_t from, size_t most, const char **bytes, size_t *size);
IMPORT(proxy_get_current_time_nanoseconds) int proxy_get_current_time_nanoseconds(uint64_t *now);

// --- Memory -------------------------------------------------------------------------------------------------------

extern unsigned char __heap_base;
static uintptr_t arena;

static void begin(void) { arena = (uintptr_t)&__heap_base; }

EXPORT(proxy_on_memory_allocate) void *proxy_on_memory_allocate(size_t size) {
  const size_t page = 65536;
  if (!arena) begin();
  const uintptr_t start = (arena + 15) & ~(uintptr_t)15;
  const uintptr_t there = __builtin_wasm_memory_size(0) * page;
  if (start + size > there && __builtin_wasm_memory_grow(0, (start + size - there + page - 1) / page) == (size_t)-1) return NULL;
  arena = start + size;
  return (void *)start;
}

typedef struct { const char *at; size_t size; } Text;

static int same(const char *a, const char *b, size_t size) {
  while (size--) if (a[size] != b[size]) return 0;
  return 1;
}

#define SIZE(literal) (sizeof(literal) - 1)

// --- Headers ------------------------------------------------------------------------------------------------------

#define TRACEPARENT "traceparent"
#define TRACESTATE "tracestate"
#define TRANSACTION_ID "x-transaction-id"
#define REQUEST_ID "x-request-id"
#define CLIENT_TRACE_ID "x-client-trace-id"

// A property of the request; of a header that was sent several times all, joined by commas.
static Text get_property(const char *path, size_t size) {
  Text found = {NULL, 0};
  if (proxy_get_property(path, size, &found.at, &found.size) != OK) found.size = 0;
  return found;
}

// While the headers of that map are worked on; of one that was sent several times the first.
static Text get(int map, const char *name, size_t name_size) {
  Text found = {NULL, 0};
  if (proxy_get_header_map_value(map, name, name_size, &found.at, &found.size) != OK) found.size = 0;
  return found;
}

#define GET(map, name) get(map, name, SIZE(name))
#define GET_REQUEST(name) get_property("request\0headers\0" name, SIZE("request\0headers\0" name))
// What a request leaves for its response, when its headers can't be read any more. Envoy keeps it as filter state under
// `wasm.` and this name, where an access log can find it: %FILTER_STATE(wasm.weftline.parent:PLAIN)%.
#define KEPT_TRANSACTION "weftline.transaction"
#define KEPT_PARENT "weftline.parent"
#define KEPT_ROLE "weftline.role"
#define KEEP(name, value, size) proxy_set_property(name, SIZE(name), value, size)
#define REMOVE(map, name) proxy_remove_header_map_value(map, name, SIZE(name))
#define SET(map, name, value, size) proxy_replace_header_map_value(map, name, SIZE(name), value, size)

// --- Ids ----------------------------------------------------------------------------------------------------------

enum { TRACE_ID = 32, SPAN_ID = 16, WHOLE = 55 };  // 00-<trace id>-<span id>-<flags>

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static int is_hex(const char *text, size_t size) {
  while (size--) if (digit(*text++) < 0) return 0;
  return 1;
}

static int is_zero(const char *text, size_t size) {
  while (size--) if (*text++ != '0') return 0;
  return 1;
}

// W3C Trace Context, 3.2: version 00, lower-case hex, neither id all zero.
static int is_valid(Text it) {
  return it.size == WHOLE && same(it.at, "00-", 3) && is_hex(it.at + 3, TRACE_ID) && !is_zero(it.at + 3, TRACE_ID) &&
         it.at[35] == '-' && is_hex(it.at + 36, SPAN_ID) && !is_zero(it.at + 36, SPAN_ID) && it.at[52] == '-' &&
         is_hex(it.at + 53, 2);
}

static uint64_t state;

// splitmix64: spreads a counter and the clock; span ids must differ, not be secret.
static uint64_t next_number(void) {
  uint64_t now = 0;
  proxy_get_current_time_nanoseconds(&now);
  uint64_t z = (state += 0x9e3779b97f4a7c15u) ^ now;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) | 1;  // never zero
}

static void write_hex(char *to, uint64_t number) {
  for (int at = 15; at >= 0; at--, number >>= 4) to[at] = "0123456789abcdef"[number & 15];
}

// A UUID without its dashes. Envoy may rewrite the digit at index 14 on the way: it always counts as 4.
static int from_request_id(char *trace_id, Text id) {
  if (id.size != 36) return 0;
  char *to = trace_id;
  for (size_t at = 0; at < 36; at++) {
    const char c = id.at[at] >= 'A' && id.at[at] <= 'F' ? id.at[at] + ('a' - 'A') : id.at[at];
    if (at == 8 || at == 13 || at == 18 || at == 23) {
      if (c != '-') return 0;
    } else if (at == 14) {
      *to++ = '4';
    } else {
      if (digit(c) < 0) return 0;
      *to++ = c;
    }
  }
  return 1;
}

// --- Configuration ------------------------------------------------------------------------------------------------

static Text role;                               // {"role": "sidecar-inbound"}: said in the access log
static int edge;                                // {"role": "edge"}: besides, overwrite what a client made up
static int trusted = 1;                         // {"trusted": false}: and let it say nothing about traces
static uint64_t sampled_of_million = 1000000;   // {"sampling": 5}: percentage of the traces that begin here

static const Text ROLES[] = {{"edge", 4}, {"gateway", 7}, {"sidecar-inbound", 15}, {"sidecar-outbound", 16}};

// What stands behind "name": in a flat JSON object; NULL if nothing does.
static const char *member(Text json, const char *quoted, size_t size) {
  for (size_t at = 0; at + size <= json.size; at++) {
    if (!same(json.at + at, quoted, size)) continue;
    for (at += size; at < json.size; at++) {
      const char c = json.at[at];
      if (c != ' ' && c != ':' && c != '\n' && c != '\t' && c != '\r') return json.at + at;
    }
  }
  return NULL;
}

#define MEMBER(json, name) member(json, "\"" name "\"", SIZE(name) + 2)
#define IS(at, end, literal) ((size_t)((end) - (at)) >= SIZE(literal) && same(at, literal, SIZE(literal)))

static int read_sampling(const char *at, const char *end) {
  uint64_t million = 0, step = 0;  // percent * 10000
  int digits = 0;
  for (; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && !step)); at++) {
    if (*at == '.') { step = 10000; continue; }
    digits++;
    if (step) { step /= 10; million += step * (uint64_t)(*at - '0'); }
    else if (digits > 3) return 0;
    else million = million * 10 + (uint64_t)(*at - '0') * 10000;
  }
  if (!digits || million > 1000000) return 0;
  sampled_of_million = million;
  return 1;
}

static int refuse(const char *why, size_t size) {
  proxy_log(ERROR, why, size);
  return 0;
}
#define REFUSE(why) refuse(why, SIZE(why))

EXPORT(proxy_on_configure) int proxy_on_configure(int context, int size) {
  (void)context;
  begin();
  role = (Text){NULL, 0};
  edge = 0;
  trusted = 1;
  sampled_of_million = 1000000;
  Text json = {NULL, 0};
  if (!size || proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, (size_t)size, &json.at, &json.size) != OK) return 1;
  const char *end = json.at + json.size, *at;
  if ((at = MEMBER(json, "role"))) {
    for (size_t known = 0; known < sizeof ROLES / sizeof *ROLES; known++)
      if ((size_t)(end - at) >= ROLES[known].size + 2 && *at == '"' && at[ROLES[known].size + 1] == '"' &&
          same(at + 1, ROLES[known].at, ROLES[known].size))
        role = ROLES[known];
    if (!role.size) return REFUSE("weftline: role is \"edge\", \"gateway\", \"sidecar-inbound\" or \"sidecar-outbound\".");
    edge = role.at == ROLES[0].at;
  }
  if ((at = MEMBER(json, "trusted"))) {
    trusted = IS(at, end, "true");
    if (!trusted && !IS(at, end, "false")) return REFUSE("weftline: trusted is true or false.");
  }
  if ((at = MEMBER(json, "sampling")) && !read_sampling(at, end))
    return REFUSE("weftline: sampling is a percentage, 0 to 100.");
  return 1;
}

// --- Requests and responses ---------------------------------------------------------------------------------------

static int is_sampled(const char *trace_id) {
  uint64_t number = 0;  // the last digits, so that every proxy with the same percentage decides the same
  for (int at = 20; at < TRACE_ID; at++) number = number << 4 | (uint64_t)digit(trace_id[at]);
  return number % 1000000 < sampled_of_million;
}

static void begin_trace(char *traceparent) {
  if (!from_request_id(traceparent + 3, GET(REQUEST, REQUEST_ID)) || is_zero(traceparent + 3, TRACE_ID)) {
    write_hex(traceparent + 3, next_number());
    write_hex(traceparent + 19, next_number());
  }
  traceparent[0] = traceparent[1] = traceparent[53] = '0';
  traceparent[2] = traceparent[35] = traceparent[52] = '-';
  write_hex(traceparent + 36, next_number());
  traceparent[54] = is_sampled(traceparent + 3) ? '1' : '0';
  SET(REQUEST, TRACEPARENT, traceparent, WHOLE);
  REMOVE(REQUEST, TRACESTATE);  // W3C 3.3: it belongs to the traceparent that came with it
}

EXPORT(proxy_on_request_headers) int proxy_on_request_headers(int context, int headers, int end_of_stream) {
  (void)context, (void)headers, (void)end_of_stream;
  begin();
  if (edge) REMOVE(REQUEST, CLIENT_TRACE_ID);
  if (role.size) KEEP(KEPT_ROLE, role.at, role.size);
  char made[WHOLE];
  Text traceparent = GET_REQUEST(TRACEPARENT);
  if (trusted && is_valid(traceparent)) {
    KEEP(KEPT_PARENT, traceparent.at, WHOLE);
  } else {
    KEEP(KEPT_PARENT, made, 0);  // what another module of ours may have kept before
    begin_trace(made);
    traceparent.at = made;
  }
  Text transaction = GET(REQUEST, TRANSACTION_ID);
  if (edge || !trusted || transaction.size == 0) {
    transaction = (Text){traceparent.at + 3, TRACE_ID};
    SET(REQUEST, TRANSACTION_ID, transaction.at, transaction.size);
  }
  KEEP(KEPT_TRANSACTION, transaction.at, transaction.size);
  return CONTINUE;
}

EXPORT(proxy_on_response_headers) int proxy_on_response_headers(int context, int headers, int end_of_stream) {
  (void)context, (void)headers, (void)end_of_stream;
  begin();
  const Text transaction = get_property(KEPT_TRANSACTION, SIZE(KEPT_TRANSACTION));
  if (transaction.size && (edge || GET(RESPONSE, TRANSACTION_ID).size == 0))
    SET(RESPONSE, TRANSACTION_ID, transaction.at, transaction.size);
  return CONTINUE;
}

// --- What the ABI asks for besides --------------------------------------------------------------------------------

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}
EXPORT(proxy_on_context_create) void proxy_on_context_create(int context, int parent) { (void)context, (void)parent; }
EXPORT(proxy_on_vm_start) int proxy_on_vm_start(int context, int size) { (void)context, (void)size; return 1; }
EXPORT(proxy_on_done) int proxy_on_done(int context) { (void)context; return 1; }
EXPORT(proxy_on_delete) void proxy_on_delete(int context) { (void)context; }
