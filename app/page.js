// What the page does by itself: dark or light as chosen, the box in focus, the conversation in view and read aloud.
"use strict";

(() => {
  const THEME = "articleqa-theme";
  const isPhone = matchMedia("(max-width: 820px)");
  const hasKeyboard = matchMedia("(hover: hover)");

  // Gradio follows the system's setting; a choice made with the button outlasts it.
  function stored() {
    try {
      return localStorage.getItem(THEME);
    } catch {
      return null;
    }
  }

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

  // Gradio labels each message with its whole markup; without the label its words are read.
  function unlabel(root) {
    for (const message of root.querySelectorAll("[data-testid=user][aria-label], [data-testid=bot][aria-label]")) {
      message.removeAttribute("aria-label");
    }
  }

  // The newest question goes to the top, so that its answer is read from the beginning.
  let newest = "";
  function showNewest(log) {
    const questions = log.querySelectorAll(".user-row");
    const question = questions[questions.length - 1];
    const now = `${questions.length} ${question?.nextElementSibling?.textContent}`;
    if (question && now !== newest) {
      log.scrollTop += question.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
    }
    newest = now;
  }

  let shutOnce = false;
  function tidy() {
    const log = document.querySelector("#aq-chat [role=log]");
    if (log) {
      unlabel(log);
      showNewest(log);
    }
    document.querySelector("#aq-box .submit-button:not([aria-label])")?.setAttribute("aria-label", "Ask");
    const library = document.querySelector(".aq-library");
    if (library && !shutOnce) {
      shutOnce = true;
      library.open = !isPhone.matches;
    }
  }

  function start() {
    applyTheme();
    new MutationObserver(applyTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    new MutationObserver(tidy).observe(document.body, {
      attributes: true,
      attributeFilter: ["aria-label"],
      childList: true,
      subtree: true,
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest("#aq-theme")) {
        toggleTheme();
      } else if (event.target.closest(".example, #aq-new, .submit-button") && hasKeyboard.matches) {
        document.querySelector("#aq-box textarea")?.focus();
      }
    });
    tidy();
  }

  if (document.body) {
    start();
  } else {
    addEventListener("DOMContentLoaded", start);
  }
})();
