"""A page as its structure and its texts, so that a payload that becomes markup is seen whatever it is."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

# Their values are random or a moment, and no text of anybody's.
_RANDOM = {"csrfmiddlewaretoken", "request_id"}


@dataclass
class Page(HTMLParser):
    """`structure` is every tag with the names of its attributes; `texts` what people read, `values` the attributes."""

    structure: list[tuple[str, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._text = ""

    @classmethod
    def of(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        page._end_text()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_text()
        self.structure.append((tag, *(name for name, _ in attrs)))
        named = dict(attrs)
        if named.get("name") in _RANDOM:
            return
        self.values += [value or "" for _, value in attrs]
        self.addresses += [
            value or "" for name, value in attrs if name in ("href", "src", "action", "formaction", "sse-connect")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._end_text()
        self.structure.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self._end_text()
        self.structure.append(("comment",))

    def handle_decl(self, decl: str) -> None:
        self.structure.append(("declaration",))

    def unknown_decl(self, data: str) -> None:
        self.structure.append(("unknown declaration",))

    def handle_data(self, data: str) -> None:
        self._text += data

    def _end_text(self) -> None:
        if self._text:
            self.texts.append(self._text)
        self._text = ""

    def says(self, text: str) -> bool:
        """Whether somebody reads exactly this text, as the whole or a part of a text or of a field's value."""
        return any(text in one for one in (*self.texts, *self.values))
