"""`python -m dashboards.grafana_boards`: write dashboards/grafana/boards anew."""

from dashboards.grafana_boards.boards_table import FOLDER, write_boards

if __name__ == "__main__":
    write_boards(FOLDER)
