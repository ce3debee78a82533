"""What a connection of `http.client` is answered, whole."""

import http.client
from collections.abc import Mapping


def answered(connection: http.client.HTTPConnection) -> tuple[int, Mapping[str, str]]:
    """Status and headers, their names in lower case. The body is read and the connection closed."""
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}
