"""What always stands on the page: its header, the head of the library, the frame of the article, the dialogs."""

from __future__ import annotations

from app.markup import Html, button, join, tag

NAME = "articleqa"
PROMISE = "Exact quotes from your articles, or a plain “the articles do not say”."
SHORTCUTS = (
    ("Ctrl K", "to the question"),
    ("Alt L", "to the library"),
    ("Alt A", "to the article, and back"),
    ("Alt N", "a new conversation"),
    ("Alt S", "settings"),
    ("↑", "in the empty box: the last question again"),
    ("Esc", "close what is open"),
)


# strokes in a box of 24 by 24
ICONS = {
    "library": "M4 5h4v14H4zM10 5h4v14h-4zM16.5 5.6l3.8-.9 2.9 13.6-3.9.9z",
    "new": "M12 5v14M5 12h14",
    "export": "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14",
    "settings": "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5v5M8.5 14.5v5",
    "theme": "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
    "close": "M6 6l12 12M18 6L6 18",
    "drop": "M12 16V5m-4.5 4.5L12 5l4.5 4.5M5 19h14",
}


def icon(name: str) -> Html:
    """One of the few drawings of the page; only for the eye, words stand beside it."""
    fill = "currentColor" if name == "theme" else "none"
    path = tag("path", d=ICONS[name].partition("zM12")[0] + "z" if name == "theme" else ICONS[name], fill=fill)
    ring = tag("circle", cx="12", cy="12", r="9", fill="none") if name == "theme" else ""
    return tag("svg", path, ring, class_="aq-svg", viewBox="0 0 24 24", aria_hidden="true")


def header_html() -> Html:
    """The name and what can be done with the whole conversation."""
    name = tag("div", tag("h1", NAME), tag("p", PROMISE))
    library = button(
        icon("library"),
        "library",
        class_="aq-tool aq-phone",
        aria_label="Library",
        aria_expanded="false",
        aria_controls="aq-side",
    )
    tools = tag(
        "div",
        _tool("new", "New", "New conversation (Alt N)", "aq-new"),
        tag(
            "button",
            icon("export"),
            tag("span", "Export"),
            type="button",
            class_="aq-tool",
            popovertarget="aq-export",
            title="Export",
        ),
        _tool("settings", "Settings", "Settings (Alt S)", "aq-settings-open"),
        button(
            icon("theme"),
            "theme",
            class_="aq-tool aq-icon",
            id="aq-theme",
            aria_label="Dark or light",
            title="Dark or light",
        ),
        class_="aq-tools",
    )
    export = tag(
        "div",
        button("As Markdown, to read", "export", data={"form": "markdown"}),
        button("As JSON, for programs", "export", data={"form": "json"}),
        id="aq-export",
        popover="auto",
    )
    return join(tag("div", library, name, tools, class_="aq-brand"), export)


def _tool(does: str, words: str, title: str, id_: str) -> Html:
    """A button of the header: a drawing with its word, or alone where there is no room for it."""
    return button(join(icon(does), tag("span", words)), does, class_="aq-tool", title=title, id=id_)


def _close(does: str, title: str = "Close (Esc)", more: str = "") -> Html:
    return button(
        icon("close"), does, class_=f"aq-tool aq-icon aq-bare {more}".strip(), aria_label="Close", title=title
    )


def add_html() -> Html:
    """The head of the library: its name, where things are added, the filter."""
    files = join(
        tag("input", type="file", id="aq-files", multiple="multiple", class_="aq-hidden-file", aria_label="Add files"),
        tag(
            "label",
            icon("drop"),
            tag("span", "Drop files, or ", tag("u", "choose them")),
            for_="aq-files",
            class_="aq-drop",
        ),
    )
    paste = tag(
        "form",
        tag(
            "textarea",
            id="aq-paste",
            rows="1",
            aria_label="A web address or a text to add",
            placeholder="Paste an address or a text",
        ),
        tag("button", "Add", type="submit", class_="aq-tool"),
        id="aq-add",
    )
    sought = tag(
        "input",
        type="search",
        id="aq-filter",
        placeholder="Filter the articles",
        aria_label="Filter the articles",
        autocomplete="off",
    )
    doing = tag("ul", id="aq-doing", aria_label="What is being added")
    return join(
        tag("div", tag("h2", "Library"), _close("library", more="aq-phone"), class_="aq-bar-top"),
        files,
        paste,
        doing,
        sought,
    )


def reading_html() -> Html:
    """The head of the article: its buttons, and what to do while the right words are being marked."""
    keeping = tag(
        "button",
        "Keep as the right answer",
        type="button",
        class_="aq-tool aq-strong aq-do-mark-keep",
        value='{"do":"mark-keep"}',
        id="aq-mark-keep",
        disabled="disabled",
    )
    marking = tag(
        "div",
        tag("p", "Select the words that answer the question, then keep them."),
        tag("div", keeping, button("Cancel", "mark-cancel"), class_="aq-row"),
        id="aq-marking",
        hidden="hidden",
    )
    return join(
        tag(
            "div",
            tag("span", "Article", class_="aq-muted", id="aq-reading-title", dir="auto"),
            button("Back to the article", "drafts-close", class_="aq-tool", id="aq-drafts-back"),
            _close("close"),
            class_="aq-bar-top",
        ),
        marking,
    )


def settings_html() -> Html:
    """The dialog of the settings, with the keys of the page."""
    choices = (
        ("bold", "Show unsure answers too"),
        ("balanced", "Balanced: answer where the risk of a wrong one is small"),
        ("strict", "Only very sure answers"),
    )
    strictness = tag(
        "fieldset",
        tag("legend", "When to answer"),
        *(
            tag("label", tag("input", type="radio", name="strictness", value=value), tag("span", words))
            for value, words in choices
        ),
    )
    dates = tag(
        "fieldset",
        tag("legend", "Articles published"),
        tag("label", tag("span", "from"), tag("input", type="date", name="since")),
        tag("label", tag("span", "until"), tag("input", type="date", name="until")),
        tag("p", "Articles without a date are left out when either is set.", class_="aq-muted"),
        class_="aq-dates",
    )
    picked = tag(
        "fieldset",
        tag("legend", "Articles to search"),
        tag("p", "All of them, unless some are ticked in the library.", id="aq-picked-help"),
    )
    keys = tag("dl", *(join(tag("dt", tag("kbd", key)), tag("dd", does)) for key, does in SHORTCUTS))
    return tag(
        "dialog",
        tag("div", tag("h2", "Settings", id="aq-settings-title"), _close("settings-close"), class_="aq-bar-top"),
        tag(
            "form",
            strictness,
            dates,
            picked,
            button("Search everything again", "everything", class_="aq-tool"),
            id="aq-settings-form",
        ),
        tag("h3", "Keys"),
        keys,
        id="aq-settings",
        aria_labelledby="aq-settings-title",
    )
