"""The pictures of the chat page under docs/screenshots, taken anew: `python tests/screenshots.py [FOLDER]`.

A real server over the bundled articles, in headless Chromium, at 1280 and 390 px, light and dark.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from test_page import CHROMIUM, DESKTOP, PHONE, POINTS, SWITCHES, ask, is_phone, served

from corpus import samples
from index import Library
from qa import ArticleQA

FOLDER = Path(__file__).parent.parent / "docs" / "screenshots"
SIZES = {"desktop": DESKTOP, "phone": PHONE}


def take(page: Page, name: str, folder: Path) -> None:
    """Every picture of one size and one scheme."""

    def shot(what: str) -> None:
        page.wait_for_timeout(250)
        page.screenshot(path=folder / f"{name}-{what}.png")

    expect(page.locator(".aq-suggestion")).to_have_count(4, timeout=60_000)
    shot("start")
    ask(page, POINTS)
    shot("answer")
    page.get_by_role("button", name="Open in article").click()
    expect(page.locator("#aq-here")).to_be_visible()
    shot("article")
    page.locator("#aq-reading .aq-do-close").click()
    ask(page, "Which chess player won in Reykjavik?")
    shot("no-answer")
    if is_phone(page):
        page.click(".aq-brand .aq-do-library")
        shot("library")
        page.click("#aq-side .aq-do-library")
    page.click("#aq-settings-open")
    shot("settings")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description="Take the pictures of the chat page anew.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to put them (docs/screenshots)")
    folder = parser.parse_args().folder
    if not CHROMIUM.exists():
        sys.exit(f"no browser at {CHROMIUM}: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with ArticleQA(Library.in_memory()) as bot:
        bot.library.add(samples())
        with served(bot) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
            for scheme in ("light", "dark"):
                for size, settings in SIZES.items():
                    page = browser.new_page(**settings, color_scheme=scheme)
                    page.goto(url)
                    take(page, f"{size}-{scheme}", folder)
                    page.close()
            browser.close()


if __name__ == "__main__":
    main()
