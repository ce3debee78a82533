"""From a line of text to the transactions it describes.

text → tokens → tree (parse) → condition and time (resolve) → pages, newest first (page)
"""

from weftline.query.search.errors import SearchSyntaxError
from weftline.query.search.page import Found, find_page
from weftline.query.search.resolve import Question, understand

__all__ = ["Found", "Question", "SearchSyntaxError", "find_page", "understand"]
