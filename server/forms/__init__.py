"""Forms the company issues: numbered, versioned, signed, shown as HTML and PDF.

Not here: which step issues which form (`server.cases`), the papers a customer brings
(`server.papers`), the words of the templates (the packs' `forms/*.html`).
"""
