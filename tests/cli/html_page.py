"""A page as a reader of its tags sees it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Counts elements, refuses what is not closed, and keeps the texts in charts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.charts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attributes: object) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "svg" in self.open:
            self.charts.append(data)
