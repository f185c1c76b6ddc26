// What the page does by itself: dark or light as chosen, what the buttons inside its HTML do, files dropped onto it,
// the article scrolled to its quote, words marked in it, and the keys. Anything for the server goes over the wire.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const frame = () => $("#aq-main").dataset; // what is open, for the style sheet
  const isPhone = matchMedia("(max-width: 820px)");
  const hasKeyboard = matchMedia("(hover: hover)");
  const box = () => $("#aq-box textarea");
  const send = (event, data = {}) =>
    document.dispatchEvent(new CustomEvent("articleqa", { detail: { event, data } }));

  // --- dark and light: Gradio follows the system; a choice made with the button outlasts it
  const THEME = "articleqa-theme";
  const stored = () => {
    try {
      return localStorage.getItem(THEME);
    } catch {
      return null;
    }
  };
  function applyTheme() {
    const choice = stored();
    if (choice && document.body.classList.contains("dark") !== (choice === "dark")) {
      document.body.classList.toggle("dark", choice === "dark");
    }
  }
  function toggleTheme() {
    try {
      localStorage.setItem(THEME, document.body.classList.contains("dark") ? "light" : "dark");
    } catch {
      document.body.classList.toggle("dark");
    }
    applyTheme();
  }

  function say(words) {
    const toast = document.createElement("p");
    toast.className = "aq-toast";
    toast.textContent = words;
    $("#aq-said .prose, #aq-said .html-container")?.replaceChildren(toast);
  }

  // --- asking: one question at a time, and only what belongs to this conversation is shown
  const HOLDS = /data-talk=\\?"([^"\\]*)/; // in the conversation as JSON
  let asking = false;
  let latest = [];
  window.articleqa = {
    // what is asked, and what is left in the box
    ask(question) {
      if (asking || !question.trim()) {
        return ["", question];
      }
      asking = true;
      return [question, ""];
    },
    done() {
      asking = false;
    },
    // nothing, or what to show instead of what came late for a conversation that is over
    latest(shown, talk) {
      const held = HOLDS.exec(JSON.stringify(shown ?? []));
      if (held && held[1] !== talk) {
        return [latest];
      }
      latest = shown;
    },
  };
  function askThis(data) {
    if (!asking) {
      asking = true;
      send("submit", data);
    }
  }
  function startAgain() {
    closeArticle();
    asking = false;
    send("clear");
    box().focus();
  }

  // --- the article beside the conversation
  let opener = null;
  function openArticle(button, { article, start, end }) {
    if (!$("#aq-reading").contains(button)) {
      opener = button;
    }
    frame().article = "open";
    frame().library = frame().drafts = "";
    $("#aq-article").setAttribute("aria-busy", "true");
    send("expand", { article, start, end });
  }
  let articleShown;
  function showArticle() {
    const pane = $("#aq-article");
    const shown = $(".aq-text, .aq-notice", pane ?? document.createElement("i"));
    if (!shown || shown.dataset.number === articleShown) {
      return;
    }
    articleShown = shown.dataset.number;
    pane.removeAttribute("aria-busy");
    $("#aq-reading-title").textContent = $("#aq-article-title", pane)?.textContent ?? "Article";
    const mark = $("#aq-here", pane);
    if (mark) {
      mark.scrollIntoView({ block: "center" });
      mark.focus({ preventScroll: true });
    } else {
      $("#aq-reading").scrollTop = 0;
      $("#aq-article-title", pane)?.focus();
    }
  }
  function closeArticle() {
    stopMarking();
    frame().article = frame().drafts = "";
    (opener?.isConnected ? opener : box())?.focus();
  }

  // --- questions drafted from the article, in its place: each accepted, edited or dismissed
  function openDrafts(_, { article }) {
    stopMarking();
    frame().drafts = "open";
    $("#aq-drafts").setAttribute("aria-busy", "true");
    send("edit", { article });
  }
  let draftsShown;
  function showDrafts() {
    const shown = $("#aq-drafts [data-number]");
    if (!shown || shown.dataset.number === draftsShown) {
      return;
    }
    draftsShown = shown.dataset.number;
    $("#aq-drafts").removeAttribute("aria-busy");
    $("#aq-reading").scrollTop = 0;
    ($("#aq-drafts-title") ?? $("#aq-drafts-back")).focus();
  }
  function closeDrafts() {
    frame().drafts = "";
    $("#aq-article .aq-do-drafts")?.focus();
  }
  function editDraft(card, edited) {
    $(".aq-draft-fields", card).hidden = !edited;
    $(".aq-draft-choice", card).hidden = edited;
    $(edited ? ".aq-draft-asked" : ".aq-do-draft-edit", card).focus();
  }
  async function decide(button, { decision }) {
    const card = button.closest("li");
    const { draft, article } = card.dataset;
    const [question, answers] = [$(".aq-draft-asked", card).value, $(".aq-draft-answers", card).value];
    card.setAttribute("aria-busy", "true");
    const { failure, said, left } = await request("select", { article, draft, decision, question, answers });
    card.removeAttribute("aria-busy");
    say(failure ?? said);
    if (!failure) {
      const next = $(".aq-do-decide", card.nextElementSibling ?? card.previousElementSibling ?? card);
      card.remove();
      $("#aq-drafts-left").textContent = left;
      (next.isConnected ? next : $("#aq-drafts-title")).focus();
    }
  }

  // --- the right words, marked in the article: offsets count characters as Python does, by code points
  let marking = null;
  let marked = null;
  function startMarking(button, { turn }) {
    marking = turn;
    marked = null;
    $("#aq-marking").hidden = false;
    $("#aq-mark-keep").disabled = true;
    const reply = button.closest(".aq-answer");
    openArticle($(".aq-do-open", reply) ?? $("#aq-library .aq-do-open"), JSON.parse(($(".aq-do-open", reply) ?? $("#aq-library .aq-do-open")).value));
    say("Select the right words in the article.");
  }
  function stopMarking() {
    marking = marked = null;
    $("#aq-marking").hidden = true;
  }
  function selected() {
    const selection = getSelection();
    const text = $("#aq-article .aq-text");
    if (marking === null || !text || !selection.rangeCount || selection.isCollapsed) {
      return;
    }
    const range = selection.getRangeAt(0);
    if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) {
      return;
    }
    const before = document.createRange();
    before.setStart(text, 0);
    before.setEnd(range.startContainer, range.startOffset);
    const start = Number(text.dataset.first) + [...before.toString()].length;
    marked = { article: text.dataset.article, start, end: start + [...range.toString()].length };
    $("#aq-mark-keep").disabled = false;
  }

  // --- what the page tells the server, until it is heard: answers may come in another order, or not at all
  const MOST_TRIES = 5; // the server may know a value otherwise than the page
  function inStep(delay, tell, heard) {
    let tries = MOST_TRIES; // nothing is told before something changes here
    let waiting;
    function soon(wait) {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        tell();
        waiting = setTimeout(check, 2000);
      }, wait);
    }
    function check() {
      if (tries < MOST_TRIES && !heard()) {
        tries += 1;
        soon(delay);
      }
    }
    function change(wait = delay) {
      tries = 0;
      soon(wait);
    }
    return { change, check };
  }

  // --- what is searched
  let scope = { articles: [], since: "", until: "", strictness: "balanced" };
  let scopeTold; // the line above the question as the server last gave it
  const scopeStep = inStep(
    50, // changes at one moment go as one
    () => send("apply", scope),
    () => Object.entries(JSON.parse(scopeTold ?? "{}")).every(([name, value]) => String(value) === String(scope[name])),
  );
  function readScope() {
    const told = $("#aq-scope [data-scope]")?.dataset.scope;
    if (told !== undefined && told !== scopeTold) {
      if (scopeTold === undefined) {
        scope = JSON.parse(told); // from here on the page knows better than what is on its way back
        fillSettings();
      }
      scopeTold = told;
      scopeStep.check();
    }
    for (const pick of all("#aq-library .aq-pick")) {
      pick.checked = scope.articles.includes(pick.value);
    }
  }
  function fillSettings() {
    for (const input of all("#aq-settings-form input")) {
      if (input.type === "radio") {
        input.checked = input.value === scope.strictness;
      } else {
        input.value = scope[input.name];
      }
    }
  }
  function changeScope(change) {
    scope = { ...scope, ...change };
    fillSettings();
    scopeStep.change();
  }

  // --- the list of articles
  let listed; // the filter by which the list was made that is shown
  const listStep = inStep(
    120, // while someone types
    () => send("input", { filter: $("#aq-filter")?.value ?? "" }),
    () => listed === $("#aq-filter")?.value,
  );
  function readList() {
    const told = $("#aq-count")?.dataset.filter;
    if (told !== undefined && told !== listed) {
      listed = told;
      listStep.check();
    }
  }

  // --- adding: files, an address or a text, each with its own line while it is under way
  async function add(name, request) {
    const line = document.createElement("li");
    line.className = "aq-doing";
    const words = document.createElement("span");
    words.textContent = `Adding ${name}`;
    line.append(words);
    $("#aq-doing").append(line);
    try {
      const told = await request();
      const failures = told.failures ?? [];
      words.textContent = failures.length ? failures.join(" ") : `Added ${name}`;
      line.className = failures.length ? "aq-failed" : "aq-done";
    } catch (error) {
      words.textContent = `${name}: ${error.message}`;
      line.className = "aq-failed";
    }
    if (line.className === "aq-failed") {
      const dismiss = document.createElement("button");
      dismiss.type = "button";
      dismiss.textContent = "×";
      dismiss.setAttribute("aria-label", "Dismiss");
      dismiss.addEventListener("click", () => line.remove());
      line.append(dismiss);
    } else {
      setTimeout(() => line.remove(), 4000);
    }
    say(words.textContent);
    listStep.change(0);
  }
  async function sendFile(file) {
    const type = file.type || "application/octet-stream";
    const address = `v1/articles?name=${encodeURIComponent(file.name)}`;
    const reply = await fetch(address, { method: "PUT", headers: { "Content-Type": type }, body: file });
    const told = await reply.json().catch(() => ({}));
    if (!reply.ok) {
      throw new Error(told.error ?? told.detail ?? `the server said ${reply.status}`);
    }
    return told;
  }
  const LONGEST_PASTE = 16_000; // what is longer goes as a file: the wire takes 64 KiB at a time
  const jobs = new Map();
  function request(event, told) {
    const job = crypto.getRandomValues(new Uint32Array(2)).join("-");
    send(event, { ...told, job });
    return new Promise((resolve) => jobs.set(job, resolve));
  }
  function finishJobs() {
    for (const done of all("#aq-taken [data-job], #aq-decided [data-job]")) {
      jobs.get(done.dataset.job)?.(JSON.parse(done.textContent));
      jobs.delete(done.dataset.job);
    }
  }
  async function addFiles(files) {
    for (const file of files) {
      await add(file.name, () => sendFile(file));
    }
  }
  function addPasted() {
    const field = $("#aq-paste");
    const pasted = field.value.trim();
    if (!pasted) {
      return field.focus();
    }
    field.value = "";
    const isAddress = /^https?:\/\/\S+$/i.test(pasted);
    if (pasted.length > LONGEST_PASTE) {
      return addFiles([new File([pasted], `${pasted.split("\n")[0].slice(0, 60)}.txt`, { type: "text/plain" })]);
    }
    const name = isAddress ? pasted : `“${pasted.split("\n")[0].slice(0, 60)}”`;
    const told = isAddress ? { url: pasted } : { text: pasted };
    return add(name, () => request("upload", { ...told, filter: $("#aq-filter").value }));
  }

  function download(holder) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([holder.textContent], { type: "text/plain" }));
    link.download = holder.dataset.name;
    link.click();
    URL.revokeObjectURL(link.href);
    say(`Saved ${holder.dataset.name}.`);
  }

  async function copy(button, { text }) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const words = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = words), 1500);
    say("Copied with its citation.");
  }

  function toggleLibrary() {
    frame().library = frame().library === "open" ? "" : "open";
    for (const button of all("[aria-controls=aq-side]")) {
      button.setAttribute("aria-expanded", String(frame().library === "open"));
    }
    $(frame().library === "open" ? "#aq-side .aq-do-library" : ".aq-brand .aq-do-library")?.focus();
  }

  // what the buttons do, by the name in their value; the rest of the value is what they do it with
  const actions = {
    ask: (_, { question }) => (askThis({ question }), hasKeyboard.matches && box().focus()),
    undo: (_, { turn }) => askThis({ turn }),
    open: openArticle,
    close: closeArticle,
    drafts: openDrafts,
    "drafts-close": closeDrafts,
    "draft-edit": (button) => editDraft(button.closest("li"), true),
    "draft-cancel": (button) => editDraft(button.closest("li"), false),
    decide,
    copy,
    new: startAgain,
    theme: toggleTheme,
    library: toggleLibrary,
    settings: () => $("#aq-settings").showModal(),
    "settings-close": () => $("#aq-settings").close(),
    everything: () => changeScope({ articles: [], since: "", until: "", strictness: "balanced" }),
    export: (_, { form }) => ($("#aq-export").hidePopover(), send("download", { form })),
    remove: (button) => confirmRemoval(button.closest("li"), true),
    keep: (button) => confirmRemoval(button.closest("li"), false),
    "remove-surely": (_, { article }) => {
      send("delete", { article, filter: $("#aq-filter").value });
      $("#aq-filter").focus();
    },
    verdict: (_, { turn, verdict }) => send("like", { turn, verdict }),
    mark: startMarking,
    "mark-keep": () => (send("like", { turn: marking, verdict: "span", ...marked }), closeArticle()),
    "mark-cancel": stopMarking,
  };

  function confirmRemoval(row, asked) {
    $(".aq-confirm", row).hidden = !asked;
    $(asked ? ".aq-do-keep" : ".aq-remove", row).focus();
  }

  const keys = {
    k: (event) => event.ctrlKey && box(),
    l: (event) => event.altKey && (isPhone.matches && frame().library !== "open" ? (toggleLibrary(), $("#aq-filter")) : $("#aq-filter")),
    a: (event) =>
      event.altKey && frame().article === "open" && ($("#aq-reading").contains(document.activeElement) ? box() : $("#aq-here") ?? $("#aq-article-title")),
    n: (event) => event.altKey && (actions.new(), box()),
    s: (event) => event.altKey && (actions.settings(), null),
  };
  function onKey(event) {
    const target = event.altKey || event.ctrlKey ? keys[event.key.toLowerCase()]?.(event) : undefined;
    if (target !== undefined && target !== false) {
      event.preventDefault();
      target?.focus();
    } else if (event.key === "Escape" && !$("#aq-settings").open) {
      if (frame().library === "open") {
        toggleLibrary();
      } else if (frame().drafts === "open") {
        const editing = document.activeElement?.closest(".aq-draft-fields");
        editing ? editDraft(editing.closest("li"), false) : closeDrafts();
      } else if (frame().article === "open") {
        closeArticle();
      } else if (document.activeElement?.matches(".aq-confidence")) {
        document.activeElement.blur();
      }
    } else if (event.key === "ArrowUp" && event.target === box() && !box().value) {
      const asked = all("#aq-chat .aq-question").pop()?.textContent;
      if (asked) {
        event.preventDefault();
        box().value = asked;
        box().dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  }

  // The newest question goes to the top, so that its answer is read from the beginning.
  let newest = "";
  function showNewest(log) {
    const questions = all(".user-row", log);
    const question = questions[questions.length - 1];
    const now = `${questions.length} ${question?.nextElementSibling?.textContent.length}`;
    if (question && now !== newest) {
      log.scrollTop += question.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
    }
    newest = now;
  }

  let fileTaken = "";
  function tidy() {
    const log = $("#aq-chat [role=log]");
    if (log) {
      // Gradio labels each message with its whole markup; without the label its words are read
      all("[data-testid=user][aria-label], [data-testid=bot][aria-label]", log).forEach((message) =>
        message.removeAttribute("aria-label"),
      );
      showNewest(log);
    }
    $("#aq-box .submit-button:not([aria-label])")?.setAttribute("aria-label", "Ask");
    for (const [id, role, label] of [
      ["aq-side", "region", "Library"],
      ["aq-talk", "region", "Conversation"],
      ["aq-reading", "region", "Article"],
      ["aq-said", "status", "Messages"],
    ]) {
      const element = document.getElementById(id);
      if (element && element.getAttribute("role") !== role) {
        element.setAttribute("role", role);
        element.setAttribute("aria-label", label);
      }
    }
    readScope();
    readList();
    showArticle();
    showDrafts();
    finishJobs();
    const file = $("#aq-file [data-name]");
    if (file && file.dataset.number !== fileTaken) {
      fileTaken = file.dataset.number;
      download(file);
    }
  }

  function onClick(event) {
    const button = event.target.closest('button[value^="{"]');
    if (button) {
      const { do: does, ...data } = JSON.parse(button.value);
      actions[does]?.(button, data);
    } else if (event.target.closest(".submit-button") && hasKeyboard.matches) {
      box().focus();
    }
  }

  function onInput(event) {
    if (event.target.id === "aq-filter") {
      listStep.change();
    }
  }
  function onChange(event) {
    const field = event.target;
    if (field.matches(".aq-pick")) {
      const others = scope.articles.filter((id) => id !== field.value);
      changeScope({ articles: field.checked ? [...others, field.value] : others });
    } else if (field.closest("#aq-settings-form")) {
      changeScope({ [field.name]: field.value });
    } else if (field.id === "aq-files") {
      addFiles([...field.files]).then(() => (field.value = ""));
    }
  }

  function start() {
    applyTheme();
    new MutationObserver(applyTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    new MutationObserver(tidy).observe(document.body, {
      attributes: true,
      attributeFilter: ["aria-label", "data-scope", "data-filter", "data-number", "data-job"],
      childList: true,
      subtree: true,
    });
    document.addEventListener("click", onClick);
    document.addEventListener("input", onInput);
    document.addEventListener("change", onChange);
    document.addEventListener("keydown", onKey);
    document.addEventListener("selectionchange", selected);
    document.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.target.id === "aq-add") {
        addPasted();
      }
    });
    let depth = 0;
    const dragged = (event) => event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragenter", (event) => dragged(event) && ((depth += 1), (frame().dropping = "yes")));
    document.addEventListener("dragleave", (event) => dragged(event) && (depth -= 1) <= 0 && (frame().dropping = ""));
    document.addEventListener("dragover", (event) => dragged(event) && event.preventDefault());
    document.addEventListener("drop", (event) => {
      if (dragged(event)) {
        event.preventDefault();
        depth = 0;
        frame().dropping = "";
        addFiles([...event.dataTransfer.files]);
      }
    });
    tidy();
  }

  if (document.readyState === "loading") {
    addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
