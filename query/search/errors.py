"""What is wrong with a search, and where."""


class SearchSyntaxError(ValueError):
    """A search that can't be understood. ``column`` counts characters from 1, ``length`` those that are meant (≥ 1)."""

    def __init__(self, message: str, column: int, length: int = 1) -> None:
        super().__init__(message)
        self.column = column
        self.length = max(1, length)

    def __str__(self) -> str:
        return f"Column {self.column}: {self.args[0]}"
