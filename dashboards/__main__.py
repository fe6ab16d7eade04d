"""`python -m dashboards`: the web dashboard, told what it needs by one line of JSON on its standard input.

It ends when its input does: whoever started it has ended then, however that came.
"""

import sys

from pydantic import ValidationError

from dashboards.errors import DashboardError
from dashboards.surroundings import Surroundings


def main() -> int:
    """Serve until told to end; 2 when what it was told is wrong, 1 when it cannot serve."""
    try:
        surroundings = Surroundings.model_validate_json(sys.stdin.buffer.readline())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        print(f"dashboards: {where}: {first['msg']}; it is started by: trader dashboard", file=sys.stderr)
        return 2
    from dashboards.serve import say_ready, serve

    try:
        serve(surroundings, say_ready)
    except DashboardError as error:
        print(f"dashboards: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
