"""`python -m streaming.metrics`: write docs/metrics.md anew."""

from streaming.metrics.pages import DOCS, write_pages

if __name__ == "__main__":
    write_pages(DOCS)
