"""What ClickHouse's error codes mean for the caller: is it the data, or is it not now?"""

from weftline.collector.errors import BadMessage, TryLater

# src/Common/ErrorCodes.cpp. These codes come from decoding or converting the rows themselves: the same bytes fail
# again. Every other code (memory, too many parts, read-only, timeouts, a missing table) is the server's state.
DATA_ERRORS = {
    6: "CANNOT_PARSE_TEXT",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    117: "INCORRECT_DATA",
    131: "TOO_LARGE_STRING_SIZE",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    395: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
    407: "DECIMAL_OVERFLOW",
    444: "UNKNOWN_PROTOBUF_FORMAT",
    691: "UNKNOWN_ELEMENT_OF_ENUM",
}


def translate(code: int, message: str) -> TryLater | BadMessage:
    """The error to raise for a ClickHouse exception with this code."""
    text = " ".join(message.split())[:500]
    if code in DATA_ERRORS:
        return BadMessage(f"ClickHouse can't decode it ({DATA_ERRORS[code]}): {text}")
    return TryLater(f"ClickHouse refused with code={code}: {text}")
