"""What goes wrong in the dashboard and is told to the person before it."""


class DashboardError(Exception):
    """The dashboard cannot start; the text says why and what to do."""


class DeskError(Exception):
    """A request or a query came to nothing; the text is shown on the page."""


def first_line(error: Exception) -> str:
    """Return an error in one line; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
