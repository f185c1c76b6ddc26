"""Questions answered: the reader, its spans, how sure they are, and the assistant around them."""

from qa.answer import Answer, Quote, Span, Timings
from qa.assistant import ArticleQA, Settings, ask

__all__ = ["Answer", "ArticleQA", "Quote", "Settings", "Span", "Timings", "ask"]
