"""Rates of extraction: the files measured are read in full, whatever their format."""

import pytest

from corpus.loading import load_bytes
from eval import extraction

STORIES = extraction.stories()


@pytest.mark.parametrize("name", extraction.FORMATS)
def test_a_file_made_for_measuring_holds_every_word_of_its_stories(name):
    files = extraction.FORMATS[name](STORIES)
    found = [one for file, data in files for one in load_bytes(data, source=file).articles]
    assert len(found) == len(STORIES) == 10
    for article, (title, *lines) in zip(found, STORIES, strict=True):
        words = "".join(article.text.split())
        assert all("".join(line.split()) in words for line in lines)
        assert article.title == title or title in article.text
        assert "rights reserved" not in article.text


def test_rates_of_every_format():
    steps = []
    found = list(extraction.rates(seconds=0, on_progress=steps.append))
    assert sum(steps) == len(extraction.FORMATS) == len(found)
    for one in found:
        assert one.articles == 10
        assert one.files in {1, 10}
        assert one.seconds > 0 < one.mb_per_second
    table = extraction.table(found)
    assert [row[0] for row in table.rows] == list(extraction.FORMATS) == list(extraction.to_dict(found))
    assert extraction.to_dict(found)["zip of text"]["articles_a_file"] == 10
