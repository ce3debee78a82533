-- What a row of access_logs stands for, from Envoy's own word for it: counters of requests take 'end' only.
-- end: a request is over. attempt: one try to ask the upstream (router.upstream_log). connection: a TCP or UDP session is over.
-- start, interim: said while a request or connection still goes on. A log format without the word has end records only.
ALTER TABLE access_logs ADD COLUMN IF NOT EXISTS kind Enum8('end' = 1, 'attempt' = 2, 'start' = 3, 'interim' = 4, 'connection' = 5)
DEFAULT multiIf(
  startsWith(log_type, 'Upstream'), 'attempt',
  log_type IN ('TcpConnectionEnd', 'UdpSessionEnd'), 'connection',
  log_type IN ('DownstreamStart', 'TcpConnectionStart', 'TcpUpstreamConnected', 'UdpTunnelUpstreamConnected',
               'DownstreamTunnelSuccessfullyEstablished'), 'start',
  log_type IN ('DownstreamPeriodic', 'TcpPeriodic', 'UdpPeriodic'), 'interim',
  'end')
AFTER log_type
