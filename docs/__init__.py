"""The documentation: pages in Markdown, and the code that MkDocs runs to build the site from them."""
