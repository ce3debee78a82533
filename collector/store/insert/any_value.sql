-- Lambdas that the insert statements share; put after their WITH.
-- A value becomes text: strings as they are, numbers and booleans as JSON writes them, lists and maps as JSON, bytes as base64.
  (leaf -> multiIf(isNotNull(leaf.string_value), toJSONString(assumeNotNull(leaf.string_value)),
                   isNotNull(leaf.int_value), toString(assumeNotNull(leaf.int_value)),
                   isNotNull(leaf.bool_value), if(assumeNotNull(leaf.bool_value), 'true', 'false'),
                   isNotNull(leaf.double_value), toString(assumeNotNull(leaf.double_value)), 'null')) AS leaf_json,
  ((s, b, i, d, a, m, y) -> multiIf(
      isNotNull(s), assumeNotNull(s),
      isNotNull(i), toString(assumeNotNull(i)),
      isNotNull(b), if(assumeNotNull(b), 'true', 'false'),
      isNotNull(d), toString(assumeNotNull(d)),
      notEmpty(a), concat('[', arrayStringConcat(arrayMap(leaf -> leaf_json(leaf), a), ','), ']'),
      notEmpty(m), concat('{', arrayStringConcat(
          arrayMap(pair -> concat(toJSONString(pair.key), ':', leaf_json(pair.value)), m), ','), '}'),
      base64Encode(y))) AS value_text,
-- Headers that carry credentials are never stored, whoever captured them.
  (key -> key IN ('http.request.header.authorization', 'http.request.header.proxy-authorization',
                  'http.request.header.cookie', 'http.response.header.set-cookie',
                  'http.request.header.x-api-key')) AS is_credential,
-- Nor are those in URLs: what stands before the host's @, and parameters that are named like a secret.
  (key -> key IN ('path', 'url.full', 'url.query', 'http.url', 'http.target')) AS is_url,
  (url -> replaceRegexpAll(replaceRegexpOne(url, '://[^/?#@]+@', '://[not stored]@'),
      '(?i)((?:^|[?&;])(?:access_token|api[-_]?key|auth|authorization|client_secret|id_token|jwt|passwd|password|pwd|refresh_token|secret|session|sessionid|sid|sig|signature|token|awsaccesskeyid|x-amz-credential|x-amz-security-token|x-amz-signature|x-goog-credential|x-goog-signature)=)[^&;#]*',
      '\\1[not stored]')) AS without_secrets,
  (attributes -> CAST(mapFromArrays(attributes.key, arrayMap(
      (k, s, b, i, d, a, m, y) -> multiIf(
          is_credential(k), '[not stored]',
          is_url(k), without_secrets(value_text(s, b, i, d, a, m, y)),
          value_text(s, b, i, d, a, m, y)),
      attributes.key,
      attributes.value.string_value, attributes.value.bool_value, attributes.value.int_value,
      attributes.value.double_value, attributes.value.array_value.values, attributes.value.kvlist_value.values,
      attributes.value.bytes_value)) AS Map(LowCardinality(String), String))) AS to_map,
-- Of the attributes that are no text their types; lists, maps and bytes are text from here on.
  (attributes -> mapFromArrays(attributes.key, arrayMap(
      (s, i, b, d) -> multiIf(isNotNull(s), 0, isNotNull(i), 1, isNotNull(d), 2, isNotNull(b), 3, 0),
      attributes.value.string_value, attributes.value.int_value, attributes.value.bool_value, attributes.value.double_value))) AS all_types,
  (attributes -> CAST(mapFilter((k, type) -> type != 0 AND NOT is_credential(k), all_types(attributes))
                 AS Map(LowCardinality(String), Enum8('int' = 1, 'double' = 2, 'bool' = 3)))) AS to_types
